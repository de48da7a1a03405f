#include <stdlib.h>
#include <string.h>

#include "common/text.h"
#include "common/utf8.h"
#include "courier/mender_answer_parts.h"

bool mender_id_valid(const char *id)
{
	static const char letters[] = "0123456789-_"
				      "abcdefghijklmnopqrstuvwxyz"
				      "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
	const size_t len = strlen(id);

	return len > 0 && len <= ADMIN_ID_MAX && strspn(id, letters) == len;
}

bool mender_need_id(const struct json *object, const char *name,
	char id[static ADMIN_ID_MAX + 1], struct error *err)
{
	const char *text = NULL;

	if (!json_need_string(object, name, &text, err))
		return false;
	if (!mender_id_valid(text))
		return error_set(err, ERROR_MALFORMED, "%s is no id", name);
	memcpy(id, text, strlen(text) + 1);
	return true;
}

bool mender_is_page(struct bytes body)
{
	size_t at = 0;

	while (at < body.len && (body.at[at] <= ' ' || body.at[at] >= 0x7f))
		at++;
	return at < body.len && body.at[at] == '<';
}

bool mender_parse(struct bytes body, struct json **out, struct error *err)
{
	if (mender_is_page(body))
		return error_set(err, ERROR_MALFORMED, "the server's answer is " MENDER_PAGE);
	return json_parse(body, JSON_FOREIGN, out, err)
		|| error_while(err, "the server's answer");
}

/* ---- tokens ---- */

static bool is_base64url(uint8_t c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9')
		|| c == '-' || c == '_';
}

/* The three parts of a token, none of them empty. */
static bool token_split(struct bytes token, struct bytes parts[static 3])
{
	size_t part = 0, start = 0;

	if (token.len > MENDER_TOKEN_MAX)
		return false;
	for (size_t i = 0; i <= token.len; i++) {
		if (i < token.len && is_base64url(token.at[i]))
			continue;
		if (i == start || part == 3 || (i < token.len && token.at[i] != '.'))
			return false;
		parts[part++] = (struct bytes){token.at + start, i - start};
		start = i + 1;
	}
	return part == 3;
}

void mender_token_free(struct buf *token)
{
	if (token->at != NULL)
		secret_wipe_bytes(token->at, token->room);
	buf_free(token);
}

bool mender_answer_token(struct bytes body, struct buf *token, struct error *err)
{
	struct bytes parts[3] = {{0}};

	while (body.len > 0 && (body.at[body.len - 1] == '\n' || body.at[body.len - 1] == '\r'))
		body.len--;
	if (mender_is_page(body))
		return error_set(err, ERROR_MALFORMED,
			"the server's answer is no token, it is " MENDER_PAGE);
	if (!token_split(body, parts))
		return error_set(err, ERROR_MALFORMED, "the server's answer is no token");

	CLEANUP(buf_free) struct buf fresh = {0};

	/* With room for a NUL, so that no reallocation leaves a copy behind. */
	if (!buf_reserve(&fresh, body.len + 1, err) || !buf_append(&fresh, body, err))
		return false;
	mender_token_free(token);
	*token = fresh;
	fresh = (struct buf){0};
	return true;
}

static bool base64url_decode(struct bytes text, struct buf *out, struct error *err)
{
	CLEANUP(buf_free) struct buf standard = {0};

	if (!buf_append(&standard, text, err))
		return false;
	for (size_t i = 0; i < standard.len; i++) {
		uint8_t *const at = &standard.at[i];

		*at = *at == '-' ? '+' : *at == '_' ? '/' : *at;
	}
	while (standard.len % 4 != 0)
		if (!buf_append(&standard, bytes_of("="), err))
			return false;
	return crypto_base64_decode(buf_bytes(&standard), out, err);
}

bool mender_answer_claims(struct bytes token, struct mender_claims *out, struct error *err)
{
	CLEANUP(buf_free) struct buf text = {0};
	CLEANUP(json_cleanup) struct json *claims = NULL;
	struct mender_claims found = {0};
	struct bytes parts[3] = {{0}};

	if (!token_split(token, parts))
		return error_set(err, ERROR_MALFORMED, "not a token");
	if (!base64url_decode(parts[1], &text, err)
		|| !json_parse(buf_bytes(&text), JSON_FOREIGN, &claims, err)
		|| !mender_need_id(claims, "sub", found.device, err)
		|| !mender_need_id(claims, "jti", found.set, err)
		|| !json_need_integer(claims, "exp", &found.expires, err))
		return error_while(err, "token");
	*out = found;
	return true;
}

/* ---- next ---- */

/* May a device go on at this point of the update by itself? */
static bool goes_on(const struct json *state)
{
	static const char *const members[] = {"action", "on_map_expire", "on_action_executed"};

	for (size_t i = 0; i < COUNT(members); i++) {
		const struct json *const member = json_member(state, members[i]);
		const char *const action = json_string(member);

		if (member != NULL
			&& (action == NULL
				|| (strcmp(action, "continue") != 0
					&& strcmp(action, "force_continue") != 0)))
			return false;
	}
	return true;
}

static bool check_control_map(const struct json *answer, struct error *err)
{
	const struct json *const map = json_member(answer, "update_control_map");
	const struct json *states = NULL;

	if (map == NULL || json_is_null(map))
		return true;
	if (!json_need_object(map, "states", &states, err))
		return error_while(err, "update_control_map");
	for (const struct json *state = json_first(states); state != NULL;
		state = json_next(state))
		if (!goes_on(state))
			return error_set(err, ERROR_FAILED,
				"the deployment wants the device to wait for the server at "
				"%.64s, "
				"which a device without a network cannot",
				json_name(state));
	return true;
}

/* Visible ASCII only: it becomes a line of an HTTP request. */
static bool url_parse(const struct json *source, char **url, struct error *err)
{
	const char *text = NULL;

	if (!json_need_string(source, "uri", &text, err))
		return false;

	const size_t len = strlen(text);

	for (size_t i = 0; i < len; i++)
		if (text[i] <= ' ' || text[i] >= 0x7f)
			return error_set(err, ERROR_MALFORMED, "uri is no URL");
	if (len == 0 || len > MENDER_URL_MAX)
		return error_set(err, ERROR_MALFORMED, "uri is empty or too long");
	return text_set(url, text, err);
}

static bool source_parse(
	const struct json *source, struct server_assignment *out, struct error *err)
{
	const char *const expires = json_string(json_member(source, "expire"));
	const char *const method = json_string(json_member(source, "method"));

	if (method != NULL && method[0] != 0 && strcmp(method, "GET") != 0)
		return error_set(err, ERROR_MALFORMED, "the artifact is not there to GET");
	if (expires != NULL && !mender_time_parse(expires, &out->expires, err))
		return error_while(err, "expire");
	return url_parse(source, &out->url, err);
}

/* Ids are short; a longer one (of a configuration) is named by its digest. */
static bool artifact_id_parse(
	const struct json *artifact, struct server_assignment *out, struct error *err)
{
	struct digest digest = {{0}};
	const char *id = NULL;

	if (!json_need_string(artifact, "id", &id, err))
		return false;
	if (strlen(id) < sizeof(out->artifact_id))
		memcpy(out->artifact_id, id, strlen(id) + 1);
	else if (crypto_sha256(bytes_of(id), &digest, err))
		digest_text(&digest, out->artifact_id);
	else
		return false;
	return true;
}

static bool next_parse(
	const struct json *answer, struct server_assignment *out, struct error *err)
{
	const struct json *artifact = NULL;
	const struct json *source = NULL;

	if (!mender_need_id(answer, "id", out->deployment, err)
		|| !json_need_object(answer, "artifact", &artifact, err)
		|| !json_need_text(artifact, "artifact_name", out->artifact_name,
			sizeof(out->artifact_name), err)
		|| !json_need_object(artifact, "source", &source, err)
		|| !artifact_id_parse(artifact, out, err) || !source_parse(source, out, err)
		|| !check_control_map(answer, err))
		return false;
	if (out->artifact_name[0] == 0 || out->artifact_id[0] == 0)
		return error_set(err, ERROR_MALFORMED, "the artifact has no name or no id");
	return true;
}

bool mender_answer_next(struct bytes body, struct server_assignment *out, struct error *err)
{
	CLEANUP(json_cleanup) struct json *answer = NULL;
	CLEANUP(server_assignment_free) struct server_assignment found = {0};

	if (!mender_parse(body, &answer, err))
		return false;
	if (!next_parse(answer, &found, err))
		return error_while(err, "the server's answer");
	*out = found;
	found = (struct server_assignment){0};
	return true;
}

/* ---- errors ---- */

void mender_answer_words(struct bytes body, char words[static MENDER_WORDS_MAX + 1])
{
	CLEANUP(json_cleanup) struct json *answer = NULL;
	struct error err = {0};
	const char *text = NULL;
	size_t len = 0;

	words[0] = 0;
	if (!json_parse(body, JSON_FOREIGN, &answer, &err)
		|| !json_need_string(answer, "error", &text, &err))
		return;
	for (struct bytes rest = bytes_of(text); rest.len > 0;) {
		const size_t step = utf8_length(rest);

		if (step == 0 || len + step > MENDER_WORDS_MAX)
			break;
		memcpy(words + len, rest.at, step);
		if ((uint8_t)words[len] < ' ' || words[len] == 0x7f)
			words[len] = ' ';
		len += step;
		rest = (struct bytes){rest.at + step, rest.len - step};
	}
	words[len] = 0;
}
