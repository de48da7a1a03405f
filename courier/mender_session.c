#include <string.h>
#include <time.h>

#include "courier/mender_answer.h"
#include "courier/mender_request.h"
#include "courier/mender_session.h"

#define AUTH "/api/devices/v1/authentication/auth_requests"

enum { TOKEN_MARGIN_S = 60 /* a token that ends sooner is not begun with */ };

bool mender_session_open(struct mender_session *session, const struct server_settings *settings,
	const struct crypto_key *key, struct error *err)
{
	CLEANUP(crypto_public_cleanup) struct crypto_public *public = NULL;
	CLEANUP(buf_free) struct buf pem = {0};
	struct mender_host host = {0};
	const char *text = NULL;

	if (!crypto_public_of(key, &public, err) || !crypto_public_pem(public, &pem, err)
		|| !buf_text(&pem, &text, err)
		|| !mender_host_open(
			&host, settings->url, settings->ca_file, settings->proxy, err))
		return false;
	*session = (struct mender_session){settings, key, host, pem, 0};
	pem = (struct buf){0};
	return true;
}

void mender_session_close(struct mender_session *session)
{
	mender_host_close(&session->host);
	buf_free(&session->key_pem);
}

bool mender_session_refused(struct mender_session *session,
	const struct http_response *response, const char *what, struct error *err)
{
	session->retry_s
		= response->retry_after_s > 0 ? response->retry_after_s : MENDER_RETRY_DEFAULT;
	return mender_refused(response, what, err);
}

/* "X-MEN-Signature: ..." over the exact bytes of BODY. */
static bool sign(const struct mender_session *session, struct bytes body, struct buf *header,
	struct error *err)
{
	struct crypto_signature signature = {{0}, 0};

	return crypto_sign(session->key, body, &signature, err)
		&& buf_append(header, bytes_of("X-MEN-Signature: "), err)
		&& crypto_base64_append(
			header, (struct bytes){signature.at, signature.len}, err);
}

/* Whoever sees body and signature can ask for tokens in our name: both are wiped. */
static bool ask_for_token(struct mender_session *session, const struct server_device *device,
	struct http_response *response, struct error *err)
{
	CLEANUP(mender_token_free) struct buf body = {0};
	CLEANUP(mender_token_free) struct buf header = {0};
	const char *line = NULL;

	if (!mender_request_auth(
		    session->settings, device, (const char *)session->key_pem.at, &body, err)
		|| !sign(session, buf_bytes(&body), &header, err)
		|| !buf_text(&header, &line, err))
		return false;

	const struct mender_call call
		= {.method = "POST", .path = AUTH, .body = buf_bytes(&body), .header = line};

	return mender_send(&session->host, &call, response, err);
}

static bool log_in(
	struct mender_session *session, struct server_device *device, struct error *err)
{
	CLEANUP(http_response_free) struct http_response response = {0};

	mender_token_free(&device->token);
	if (!ask_for_token(session, device, &response, err))
		return false;
	if (response.status != 200)
		return mender_session_refused(session, &response, "login", err);
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

bool mender_session_login(
	struct mender_session *session, struct server_device *device, struct error *err)
{
	return is_fresh(&device->token) || log_in(session, device, err);
}

static bool send_as(struct mender_session *session, struct server_device *device,
	const struct mender_call *call, struct http_response *response, struct error *err)
{
	struct mender_call ours = *call;

	return buf_text(&device->token, &ours.bearer, err)
		&& mender_send(&session->host, &ours, response, err);
}

static bool is_token_refused(const struct http_response *response)
{
	return response->status == 401 || response->status == 403;
}

/* Make CALL for DEVICE: log in if there is no token, and once more if it is refused.  A
 * token that was refused is not kept. */
bool mender_session_call(struct mender_session *session, struct server_device *device,
	const struct mender_call *call, struct http_response *response, struct error *err)
{
	CLEANUP(http_response_free) struct http_response first = {0};
	const bool had_token = is_fresh(&device->token);

	if ((!had_token && !log_in(session, device, err))
		|| !send_as(session, device, call, &first, err))
		return false;
	if (is_token_refused(&first) && had_token) {
		http_response_free(&first);
		if (!log_in(session, device, err)
			|| !send_as(session, device, call, &first, err))
			return false;
	}
	if (is_token_refused(&first))
		mender_token_free(&device->token);
	*response = first;
	first = (struct http_response){0};
	return true;
}
