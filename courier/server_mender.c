/*
 * A Mender server (mender.io), open source or hosted, as the device it is asked for
 * would use it.  What is peculiar about it, beside its tokens (mender_session.h):
 *
 * - `next` is remembered: while the deployment is open, another body for the same
 *   device ends it as failed.  So the request is frozen.
 * - 409 on a status: the operator aborted the deployment, and nothing changes that.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "courier/mender_answer.h"
#include "courier/mender_request.h"
#include "courier/mender_session.h"

#define DEPLOYMENTS "/api/devices/v1/deployments/device/deployments/"
#define NEXT_V1 DEPLOYMENTS "next"
#define NEXT_V2 "/api/devices/v2/deployments/device/deployments/next"
#define INVENTORY "/api/devices/v1/inventory/device/attributes"

struct mender {
	struct server server; /* first: we are handed this */
	struct mender_session session;
	bool has_no_v2; /* this server answered 404 to it */
};

static struct mender *mender_of(struct server *server)
{
	return (struct mender *)server;
}

static struct mender_session *session_of(struct server *server)
{
	return &mender_of(server)->session;
}

static void mender_close(struct server *server)
{
	mender_session_close(session_of(server));
	free(server);
}

static bool mender_open(const struct server_settings *settings, const struct crypto_key *key,
	struct server **out, struct error *err)
{
	CLEANUP(server_cleanup) struct server *server = NULL;
	struct mender *const mender = calloc(1, sizeof(*mender));

	if (mender == NULL)
		return error_errno(err, "cannot allocate");
	server = &mender->server;
	server->kind = &server_mender;
	if (!mender_session_open(&mender->session, settings, key, err))
		return error_while(err, "server %s", settings->name);
	*out = server;
	server = NULL;
	return true;
}

static bool mender_login(struct server *server, struct server_device *device, struct error *err)
{
	return mender_session_login(session_of(server), device, err);
}

static int64_t mender_retry_s(const struct server *server)
{
	return ((const struct mender *)server)->session.retry_s;
}

/* ---- report ---- */

static bool check_deployment(const char *deployment, struct error *err)
{
	return mender_id_valid(deployment)
		|| error_set(err, ERROR_USAGE, "%.64s: no deployment id of a Mender server",
			deployment);
}

/* A 404 or 409 of some gateway before the server must not end anything. */
static bool is_servers_own(const struct http_response *response)
{
	char words[MENDER_WORDS_MAX + 1];

	mender_answer_words(buf_bytes(&response->body), words);
	return words[0] != 0;
}

/* PUT something that belongs to DEPLOYMENT; NAME is the path's last part. */
static bool put(struct mender_session *session, struct server_device *device,
	const char *deployment, const char *name, struct bytes body, struct error *err)
{
	CLEANUP(http_response_free) struct http_response response = {0};
	char path[MENDER_PATH_MAX];

	if (!check_deployment(deployment, err))
		return false;
	(void)snprintf(path, sizeof(path), DEPLOYMENTS "%s/%s", deployment, name);

	const struct mender_call call = {.method = "PUT", .path = path, .body = body};

	if (!mender_session_call(session, device, &call, &response, err))
		return false;
	if (mender_took(&response))
		return true;
	if (response.status == 409 && is_servers_own(&response))
		return error_set(err, ERROR_ABORTED,
			"%s: the deployment was aborted at the server", name);
	if (response.status == 404 && is_servers_own(&response))
		return error_set(err, ERROR_GONE,
			"%s: the server does not know this deployment for this device", name);
	return mender_session_refused(session, &response, name, err);
}

static bool put_status(struct mender_session *session, struct server_device *device,
	const char *deployment, const char *status, const char *substate, struct error *err)
{
	CLEANUP(buf_free) struct buf body = {0};

	return mender_request_status(status, substate, &body, err)
		&& put(session, device, deployment, "status", buf_bytes(&body), err);
}

static bool report_status(struct mender_session *session, struct server_device *device,
	const struct server_report *report, struct error *err)
{
	return put_status(session, device, report->deployment,
		report->success ? "success" : "failure", report->substate, err);
}

static bool report_log(struct mender_session *session, struct server_device *device,
	const struct server_report *report, struct error *err)
{
	CLEANUP(buf_free) struct buf body = {0};

	if (!mender_request_log(report->log, report->receipt, report->time, &body, err))
		return false;
	/* The server takes no log without messages. */
	return body.len == 0
		|| put(session, device, report->deployment, "log", buf_bytes(&body), err);
}

static bool report_inventory(struct mender_session *session, struct server_device *device,
	const struct server_report *report, struct error *err)
{
	CLEANUP(http_response_free) struct http_response response = {0};
	CLEANUP(buf_free) struct buf body = {0};

	if (!mender_request_inventory(report->provides, report->attributes, &body, err))
		return false;

	const struct mender_call call
		= {.method = "PUT", .path = INVENTORY, .body = buf_bytes(&body)};

	return mender_session_call(session, device, &call, &response, err)
		&& (mender_took(&response)
			|| mender_session_refused(session, &response, "inventory", err));
}

static bool mender_report(struct server *server, struct server_device *device,
	enum server_step step, const struct server_report *report, struct error *err)
{
	static bool (*const steps[SERVER_STEPS_END])(struct mender_session *,
		struct server_device *, const struct server_report *, struct error *)
		= {
			[SERVER_STATUS] = report_status,
			[SERVER_LOG] = report_log,
			[SERVER_INVENTORY] = report_inventory,
		};

	if (step >= SERVER_STEPS_END)
		return error_set(err, ERROR_USAGE, "no such part of a report");
	return steps[step](session_of(server), device, report, err);
}

static bool mender_claim(struct server *server, struct server_device *device,
	const char *deployment, struct error *err)
{
	return put_status(session_of(server), device, deployment, "downloading", NULL, err);
}

/* ---- next ---- */

struct dialect {
	const char *path;
	bool (*body)(const char *frozen, struct buf *, struct error *);
};

static const struct dialect v2 = {NEXT_V2, mender_request_next_v2};
static const struct dialect v1 = {NEXT_V1, mender_request_next_v1};

static bool ask(struct mender *mender, struct server_device *device,
	const struct dialect *dialect, const char *frozen, struct http_response *response,
	struct error *err)
{
	CLEANUP(buf_free) struct buf body = {0};

	if (!dialect->body(frozen, &body, err))
		return false;

	const struct mender_call call
		= {.method = "POST", .path = dialect->path, .body = buf_bytes(&body)};

	return mender_session_call(&mender->session, device, &call, response, err);
}

/* Newer servers first.  The token is checked before the path: a 404 comes only with a
 * good one, and is about the server. */
static bool ask_either(struct mender *mender, struct server_device *device, const char *frozen,
	struct http_response *response, struct error *err)
{
	CLEANUP(http_response_free) struct http_response first = {0};

	if (mender->has_no_v2)
		return ask(mender, device, &v1, frozen, response, err);
	if (!ask(mender, device, &v2, frozen, &first, err))
		return false;
	mender->has_no_v2 = first.status == 404;
	if (mender->has_no_v2)
		return ask(mender, device, &v1, frozen, response, err);
	*response = first;
	first = (struct http_response){0};
	return true;
}

/* The assignment remembers with what it was asked for. */
static bool take_assignment(const struct http_response *response, const char *frozen,
	struct server_assignment *out, struct error *err)
{
	char *const request = strdup(frozen);

	if (request == NULL)
		return error_errno(err, "cannot allocate");
	if (!mender_answer_next(buf_bytes(&response->body), out, err)) {
		free(request);
		return false;
	}
	out->request = request;
	return true;
}

static bool next_with(struct mender *mender, struct server_device *device, const char *frozen,
	struct server_assignment *out, bool *found, struct error *err)
{
	CLEANUP(http_response_free) struct http_response response = {0};

	if (!ask_either(mender, device, frozen, &response, err))
		return false;
	if (response.status == 204) {
		*found = false;
		return true;
	}
	if (response.status == 409)
		return error_set(err, ERROR_FAILED,
			"next: this request differs from the one with which the open "
			"deployment "
			"was asked for first; the server has ended that deployment as failed");
	if (response.status != 200)
		return mender_session_refused(&mender->session, &response, "next", err);
	if (!take_assignment(&response, frozen, out, err))
		return error_while(err, "next");
	*found = true;
	return true;
}

static bool mender_next(struct server *server, struct server_device *device,
	const struct artifact_pairs *provides, const char *frozen,
	struct server_assignment *out, bool *found, struct error *err)
{
	CLEANUP(buf_free) struct buf made = {0};
	const char *text = frozen;

	if (text == NULL
		&& (!mender_request_frozen(provides, &made, err)
			|| !buf_text(&made, &text, err)))
		return error_while(err, "next");
	return next_with(mender_of(server), device, text, out, found, err);
}

/* ---- fetch ---- */

/* What an answer means that did not go to the sink. */
static bool fetch_refused(struct mender_session *session, const struct http_response *response,
	uint64_t offset, struct error *err)
{
	const bool is_whole = response->status == 416 && response->range_total == offset;

	if (is_whole && offset > 0)
		return true;
	if (response->status == 403)
		return error_set(err, ERROR_EXPIRED, "artifact: the download URL has expired");
	if (response->status == 416)
		return error_set(err, ERROR_DAMAGED,
			"artifact: the server has less of it than is here already");
	if (response->status == 200 || response->status == 206)
		return error_set(err, ERROR_DAMAGED,
			"artifact: the server does not go on where the download stopped");
	return mender_session_refused(session, response, "artifact", err);
}

/* The URL carries its own permission: a token beside it would be refused. */
static bool mender_fetch(struct server *server, const struct server_assignment *assignment,
	uint64_t offset, struct sink sink, struct error *err)
{
	CLEANUP(http_response_free) struct http_response response = {0};
	struct mender_session *const session = session_of(server);
	const struct http_request request
		= {.method = "GET", .url = assignment->url, .offset = offset};

	if (!http_fetch(session->host.http, &request, sink, &response, err))
		return error_while(err, "artifact");
	if (http_delivered(&request, &response))
		return true;
	return fetch_refused(session, &response, offset, err);
}

static const enum server_step report_order[]
	= {SERVER_STATUS, SERVER_LOG, SERVER_INVENTORY, SERVER_STEPS_END};

const struct server_kind server_mender = {
	.name = "mender",
	.report_order = report_order,
	.open = mender_open,
	.login = mender_login,
	.report = mender_report,
	.next = mender_next,
	.claim = mender_claim,
	.fetch = mender_fetch,
	.retry_s = mender_retry_s,
	.close = mender_close,
};
