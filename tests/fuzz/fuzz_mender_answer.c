/*
 * What a Mender server says, by the first byte: 0 an assignment, 1 a page of devices, 2 an
 * error, 3 a token.  What was understood, said again in our own words, must be understood
 * as the same.
 */
#include <stdlib.h>
#include <string.h>

#include "common/utf8.h"
#include "courier/mender_answer.h"
#include "tests/fuzz/fuzz.h"

#define MUST_HOLD(condition)                                                                   \
	do {                                                                                   \
		if (!(condition))                                                              \
			abort();                                                               \
	} while (0)

static void say(const struct json *document, struct buf *out)
{
	struct error err = {0};

	MUST_HOLD(json_print(document, out, &err));
}

static void check_next(struct bytes body)
{
	CLEANUP(server_assignment_free) struct server_assignment one = {0};
	CLEANUP(server_assignment_free) struct server_assignment two = {0};
	CLEANUP(json_cleanup) struct json *document = json_new_object();
	CLEANUP(buf_free) struct buf text = {0};
	char expires[MENDER_TIME_SIZE];
	struct error err = {0};

	if (!mender_answer_next(body, &one, &err))
		return;
	json_add_string(document, "id", one.deployment);

	struct json *const artifact = json_add_object(document, "artifact");
	struct json *const source = json_add_object(artifact, "source");

	json_add_string(artifact, "id", one.artifact_id);
	json_add_string(artifact, "artifact_name", one.artifact_name);
	json_add_string(source, "uri", one.url);
	/* Before 1970 a time is written as none. */
	mender_time_print(one.expires, expires);
	json_add_string(source, "expire", expires);
	say(document, &text);
	MUST_HOLD(mender_answer_next(buf_bytes(&text), &two, &err));
	MUST_HOLD(strcmp(one.deployment, two.deployment) == 0);
	MUST_HOLD(strcmp(one.artifact_id, two.artifact_id) == 0);
	MUST_HOLD(strcmp(one.artifact_name, two.artifact_name) == 0);
	MUST_HOLD(strcmp(one.url, two.url) == 0);
	MUST_HOLD(one.expires < 0 || one.expires > INT64_C(253402300799)
		|| one.expires == two.expires);
}

static const char *status_word(enum admin_status status)
{
	if (status == ADMIN_NO_SETS)
		return "noauth";
	return status == ADMIN_PREAUTHORISED ? "preauthorized" : admin_status_name(status);
}

static void say_device(struct json *page, const struct admin_device *device)
{
	CLEANUP(json_cleanup) struct json *identity = NULL;
	struct json *const object = json_append_object(page);
	struct error err = {0};

	MUST_HOLD(json_parse(bytes_of(device->id_data), JSON_FOREIGN, &identity, &err));
	json_add_string(object, "id", device->id);
	json_add_copy(object, "identity_data", identity);
	json_add_string(object, "status", status_word(device->status));
	json_add_bool(object, "decommissioning", device->leaving);

	struct json *const sets = json_add_array(object, "auth_sets");

	for (size_t i = 0; i < device->set_count; i++) {
		struct json *const set = json_append_object(sets);

		json_add_string(set, "id", device->sets[i].id);
		json_add_string(set, "pubkey", device->sets[i].key_pem);
		json_add_string(set, "status", status_word(device->sets[i].status));
	}
}

static void compare_devices(const struct admin_device *one, const struct admin_device *two)
{
	MUST_HOLD(strcmp(one->id, two->id) == 0);
	MUST_HOLD(strcmp(one->id_data, two->id_data) == 0);
	MUST_HOLD(one->status == two->status && one->leaving == two->leaving);
	MUST_HOLD(one->set_count == two->set_count);
	for (size_t i = 0; i < one->set_count; i++) {
		MUST_HOLD(strcmp(one->sets[i].id, two->sets[i].id) == 0);
		MUST_HOLD(strcmp(one->sets[i].key_pem, two->sets[i].key_pem) == 0);
		MUST_HOLD(one->sets[i].status == two->sets[i].status);
	}
}

static void check_devices(struct bytes body)
{
	CLEANUP(mender_page_free) struct mender_page one = {0};
	CLEANUP(mender_page_free) struct mender_page two = {0};
	CLEANUP(json_cleanup) struct json *document = json_new_array();
	CLEANUP(buf_free) struct buf text = {0};
	struct error err = {0};

	if (!mender_answer_devices(body, &one, &err))
		return;
	for (size_t i = 0; i < one.count; i++)
		say_device(document, &one.at[i]);
	say(document, &text);
	MUST_HOLD(mender_answer_devices(buf_bytes(&text), &two, &err));
	MUST_HOLD(one.count == two.count);
	for (size_t i = 0; i < one.count; i++)
		compare_devices(&one.at[i], &two.at[i]);
}

static void check_words(struct bytes body)
{
	CLEANUP(json_cleanup) struct json *document = json_new_object();
	CLEANUP(buf_free) struct buf text = {0};
	char one[MENDER_WORDS_MAX + 1], two[MENDER_WORDS_MAX + 1];

	mender_answer_words(body, one);
	MUST_HOLD(utf8_valid(bytes_of(one)) == strlen(one));
	for (const char *at = one; *at != 0; at++)
		MUST_HOLD((uint8_t)*at >= ' ');
	json_add_string(document, "error", one);
	say(document, &text);
	mender_answer_words(buf_bytes(&text), two);
	MUST_HOLD(strcmp(one, two) == 0);
}

static void make_token(const struct mender_claims *claims, struct buf *token)
{
	CLEANUP(json_cleanup) struct json *document = json_new_object();
	CLEANUP(buf_free) struct buf text = {0};
	struct error err = {0};

	json_add_string(document, "jti", claims->set);
	json_add_string(document, "sub", claims->device);
	json_add_integer(document, "exp", claims->expires);
	say(document, &text);
	MUST_HOLD(buf_append(token, bytes_of("e30."), &err));
	MUST_HOLD(crypto_base64_append(token, buf_bytes(&text), &err));
	for (size_t i = 0; i < token->len; i++) {
		uint8_t *const at = &token->at[i];

		*at = *at == '+' ? '-' : *at == '/' ? '_' : *at;
	}
	while (token->at[token->len - 1] == '=')
		token->len--;
	MUST_HOLD(buf_append(token, bytes_of(".c2ln"), &err));
}

static void check_token(struct bytes body)
{
	CLEANUP(mender_token_free) struct buf one = {0};
	CLEANUP(mender_token_free) struct buf two = {0};
	CLEANUP(buf_free) struct buf made = {0};
	struct mender_claims claims = {0}, again = {0};
	struct error err = {0};

	if (!mender_answer_token(body, &one, &err))
		return;
	MUST_HOLD(mender_answer_token(buf_bytes(&one), &two, &err));
	MUST_HOLD(bytes_equal(buf_bytes(&one), buf_bytes(&two)));
	if (!mender_answer_claims(buf_bytes(&one), &claims, &err))
		return;
	make_token(&claims, &made);
	MUST_HOLD(mender_answer_claims(buf_bytes(&made), &again, &err));
	MUST_HOLD(strcmp(claims.device, again.device) == 0);
	MUST_HOLD(strcmp(claims.set, again.set) == 0);
	MUST_HOLD(claims.expires == again.expires);
}

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t len)
{
	static void (*const checks[])(struct bytes)
		= {check_next, check_devices, check_words, check_token};

	if (len > 0)
		checks[at[0] % COUNT(checks)]((struct bytes){at + 1, len - 1});
	return 0;
}
