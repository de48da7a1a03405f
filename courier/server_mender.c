/*
 * A Mender server (mender.io), open source or hosted, as the device it is asked for
 * would use it.  What is peculiar about it:
 *
 * - One signature, over the body of auth_requests, buys a token for a week.  401 is its
 *   only "no": pending, rejected and unknown look the same.
 * - An expired token is worse than none: showing it kills a fresh one.
 * - `next` is remembered: while the deployment is open, another body for the same
 *   device ends it as failed.  So the request is frozen.
 * - 409 on a status: the operator aborted the deployment, and nothing changes that.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "courier/mender_answer.h"
#include "courier/mender_call.h"
#include "courier/mender_request.h"

#define DEVICES "/api/devices/v1"
#define AUTH DEVICES "/authentication/auth_requests"
#define DEPLOYMENTS DEVICES "/deployments/device/deployments/"
#define NEXT_V1 DEPLOYMENTS "next"
#define NEXT_V2 "/api/devices/v2/deployments/device/deployments/next"
#define INVENTORY DEVICES "/inventory/device/attributes"

enum { TOKEN_MARGIN_S = 60 /* a token that ends sooner is not begun with */ };

struct mender {
	struct server server; /* first: we are handed this */
	const struct server_settings *settings;
	const struct crypto_key *key;
	struct mender_host host;
	struct buf key_pem; /* the public half, text */
	bool has_no_v2;     /* this server answered 404 to it */
	int64_t retry_s;
};

static struct mender *mender_of(struct server *server)
{
	return (struct mender *)server;
}

static void mender_close(struct server *server)
{
	struct mender *const mender = mender_of(server);

	mender_host_close(&mender->host);
	buf_free(&mender->key_pem);
	free(mender);
}

static bool mender_open(const struct server_settings *settings, const struct crypto_key *key,
	struct server **out, struct error *err)
{
	CLEANUP(crypto_public_cleanup) struct crypto_public *public = NULL;
	CLEANUP(server_cleanup) struct server *server = NULL;
	struct mender *const mender = calloc(1, sizeof(*mender));
	const char *text = NULL;

	if (mender == NULL)
		return error_errno(err, "cannot allocate");
	server = &mender->server;
	server->kind = &server_mender;
	mender->settings = settings;
	mender->key = key;
	if (!mender_host_open(
		    &mender->host, settings->url, settings->ca_file, settings->proxy, err)
		|| !crypto_public_of(key, &public, err)
		|| !crypto_public_pem(public, &mender->key_pem, err)
		|| !buf_text(&mender->key_pem, &text, err))
		return error_while(err, "server %s", settings->name);
	*out = server;
	server = NULL;
	return true;
}

/* As mender_refused(), and remember for how long the server wants its peace. */
static bool refused(struct mender *mender, const struct http_response *response,
	const char *what, struct error *err)
{
	mender->retry_s
		= response->retry_after_s > 0 ? response->retry_after_s : MENDER_RETRY_DEFAULT;
	return mender_refused(response, what, err);
}

static int64_t mender_retry_s(const struct server *server)
{
	return ((const struct mender *)server)->retry_s;
}

/* ---- tokens ---- */

/* "X-MEN-Signature: ..." over the exact bytes of BODY. */
static bool sign(
	const struct mender *mender, struct bytes body, struct buf *header, struct error *err)
{
	struct crypto_signature signature = {{0}, 0};

	return crypto_sign(mender->key, body, &signature, err)
		&& buf_append(header, bytes_of("X-MEN-Signature: "), err)
		&& crypto_base64_append(
			header, (struct bytes){signature.at, signature.len}, err);
}

/* Whoever sees body and signature can ask for tokens in our name: both are wiped. */
static bool ask_for_token(struct mender *mender, const struct server_device *device,
	struct http_response *response, struct error *err)
{
	CLEANUP(mender_token_free) struct buf body = {0};
	CLEANUP(mender_token_free) struct buf header = {0};
	const char *line = NULL;

	if (!mender_request_auth(
		    mender->settings, device, (const char *)mender->key_pem.at, &body, err)
		|| !sign(mender, buf_bytes(&body), &header, err)
		|| !buf_text(&header, &line, err))
		return false;

	const struct mender_call call
		= {.method = "POST", .path = AUTH, .body = buf_bytes(&body), .header = line};

	return mender_send(&mender->host, &call, response, err);
}

static bool log_in(struct mender *mender, struct server_device *device, struct error *err)
{
	CLEANUP(http_response_free) struct http_response response = {0};

	mender_token_free(&device->token);
	if (!ask_for_token(mender, device, &response, err))
		return false;
	if (response.status != 200)
		return refused(mender, &response, "login", err);
	return mender_answer_token(buf_bytes(&response.body), &device->token, err);
}

/* May the token be shown to the server?  One that has expired must not. */
static bool is_fresh(const struct buf *token)
{
	struct mender_claims claims = {0};
	struct error err = {0};

	return token->len > 0 && mender_answer_claims(buf_bytes(token), &claims, &err)
		&& claims.expires - TOKEN_MARGIN_S > (int64_t)time(NULL);
}

static bool mender_login(struct server *server, struct server_device *device, struct error *err)
{
	return is_fresh(&device->token) || log_in(mender_of(server), device, err);
}

static bool send_as(struct mender *mender, struct server_device *device,
	const struct mender_call *call, struct http_response *response, struct error *err)
{
	struct mender_call ours = *call;

	return buf_text(&device->token, &ours.bearer, err)
		&& mender_send(&mender->host, &ours, response, err);
}

static bool is_token_refused(const struct http_response *response)
{
	return response->status == 401 || response->status == 403;
}

/* Make CALL for DEVICE: log in if there is no token, and once more if it is refused.  A
 * token that was refused is not kept. */
static bool call_as(struct mender *mender, struct server_device *device,
	const struct mender_call *call, struct http_response *response, struct error *err)
{
	CLEANUP(http_response_free) struct http_response first = {0};
	const bool had_token = is_fresh(&device->token);

	if ((!had_token && !log_in(mender, device, err))
		|| !send_as(mender, device, call, &first, err))
		return false;
	if (is_token_refused(&first) && had_token) {
		http_response_free(&first);
		if (!log_in(mender, device, err) || !send_as(mender, device, call, &first, err))
			return false;
	}
	if (is_token_refused(&first))
		mender_token_free(&device->token);
	*response = first;
	first = (struct http_response){0};
	return true;
}

/* ---- report ---- */

static bool check_deployment(const char *deployment, struct error *err)
{
	return mender_id_valid(deployment)
		|| error_set(err, ERROR_USAGE, "%.64s: no deployment id of a Mender server",
			deployment);
}

/* PUT something that belongs to DEPLOYMENT; NAME is the path's last part. */
static bool put(struct mender *mender, struct server_device *device, const char *deployment,
	const char *name, struct bytes body, struct error *err)
{
	CLEANUP(http_response_free) struct http_response response = {0};
	char path[MENDER_PATH_MAX];

	if (!check_deployment(deployment, err))
		return false;
	(void)snprintf(path, sizeof(path), DEPLOYMENTS "%s/%s", deployment, name);

	const struct mender_call call = {.method = "PUT", .path = path, .body = body};

	if (!call_as(mender, device, &call, &response, err))
		return false;
	if (mender_is_success(&response))
		return true;
	if (response.status == 409)
		return error_set(err, ERROR_ABORTED,
			"%s: the deployment was aborted at the server", name);
	if (response.status == 404)
		return error_set(err, ERROR_FAILED,
			"%s: the server does not know this deployment for this device", name);
	return refused(mender, &response, name, err);
}

static bool put_status(struct mender *mender, struct server_device *device,
	const char *deployment, const char *status, const char *substate, struct error *err)
{
	CLEANUP(buf_free) struct buf body = {0};

	return mender_request_status(status, substate, &body, err)
		&& put(mender, device, deployment, "status", buf_bytes(&body), err);
}

static bool report_status(struct mender *mender, struct server_device *device,
	const struct server_report *report, struct error *err)
{
	return put_status(mender, device, report->deployment,
		report->success ? "success" : "failure", report->substate, err);
}

static bool report_log(struct mender *mender, struct server_device *device,
	const struct server_report *report, struct error *err)
{
	CLEANUP(buf_free) struct buf body = {0};

	if (!mender_request_log(report->log, report->receipt, report->time, &body, err))
		return false;
	/* The server takes no log without messages. */
	return body.len == 0
		|| put(mender, device, report->deployment, "log", buf_bytes(&body), err);
}

static bool report_inventory(struct mender *mender, struct server_device *device,
	const struct server_report *report, struct error *err)
{
	CLEANUP(http_response_free) struct http_response response = {0};
	CLEANUP(buf_free) struct buf body = {0};

	if (!mender_request_inventory(report->provides, report->attributes, &body, err))
		return false;

	const struct mender_call call
		= {.method = "PUT", .path = INVENTORY, .body = buf_bytes(&body)};

	return call_as(mender, device, &call, &response, err)
		&& (mender_is_success(&response)
			|| refused(mender, &response, "inventory", err));
}

static bool mender_report(struct server *server, struct server_device *device,
	enum server_step step, const struct server_report *report, struct error *err)
{
	static bool (*const steps[SERVER_STEPS_END])(struct mender *, struct server_device *,
		const struct server_report *, struct error *)
		= {
			[SERVER_STATUS] = report_status,
			[SERVER_LOG] = report_log,
			[SERVER_INVENTORY] = report_inventory,
		};

	if (step >= SERVER_STEPS_END)
		return error_set(err, ERROR_USAGE, "no such part of a report");
	return steps[step](mender_of(server), device, report, err);
}

static bool mender_claim(struct server *server, struct server_device *device,
	const char *deployment, struct error *err)
{
	return put_status(mender_of(server), device, deployment, "downloading", NULL, err);
}

static bool mender_withdraw(struct server *server, struct server_device *device,
	const char *deployment, const char *why, struct error *err)
{
	return put_status(mender_of(server), device, deployment, "failure", why, err);
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

	return call_as(mender, device, &call, response, err);
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

static bool take_assignment(const struct http_response *response, const char *frozen,
	struct server_assignment *out, struct error *err)
{
	CLEANUP(server_assignment_free) struct server_assignment assignment = {0};

	if (!mender_answer_next(buf_bytes(&response->body), &assignment, err))
		return false;
	assignment.request = strdup(frozen);
	if (assignment.request == NULL)
		return error_errno(err, "cannot allocate");
	*out = assignment;
	assignment = (struct server_assignment){0};
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
		return refused(mender, &response, "next", err);
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
static bool fetch_refused(struct mender *mender, const struct http_response *response,
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
	return refused(mender, response, "artifact", err);
}

/* The URL carries its own permission: a token beside it would be refused. */
static bool mender_fetch(struct server *server, const struct server_assignment *assignment,
	uint64_t offset, struct sink sink, struct error *err)
{
	CLEANUP(http_response_free) struct http_response response = {0};
	struct mender *const mender = mender_of(server);
	const struct http_request request
		= {.method = "GET", .url = assignment->url, .offset = offset};

	if (!http_fetch(mender->host.http, &request, sink, &response, err))
		return error_while(err, "artifact");
	if (http_delivered(&request, &response))
		return true;
	return fetch_refused(mender, &response, offset, err);
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
	.withdraw = mender_withdraw,
	.fetch = mender_fetch,
	.retry_s = mender_retry_s,
	.close = mender_close,
};
