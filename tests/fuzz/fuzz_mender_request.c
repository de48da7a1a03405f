/*
 * What others wrote and a courier passes on.  By the first byte: 'F' a frozen request,
 * which another courier may have left at the server; 'L' a device's log; 'S' its reason.
 * Whatever is made of it is JSON within the server's limits, and says what was to be said.
 */
#include <stdlib.h>
#include <string.h>

#include "common/json.h"
#include "courier/mender_request.h"
#include "tests/fuzz/fuzz.h"

static void must(bool ok)
{
	if (!ok)
		abort();
}

static void check_frozen(struct bytes input)
{
	CLEANUP(buf_free) struct buf text = {0}, two = {0}, one = {0}, provides = {0};
	CLEANUP(json_cleanup) struct json *new = NULL, *old = NULL, *frozen = NULL;
	CLEANUP(buf_free) struct buf same = {0};
	const char *from = NULL;
	struct error err = {0};

	must(buf_append(&text, input, &err) && buf_text(&text, &from, &err));

	const bool ok = mender_request_next_v2(from, &two, &err);

	must(mender_request_next_v1(from, &one, &err) == ok);
	must(ok || (two.len == 0 && one.len == 0));
	if (!ok)
		return;
	must(json_parse(buf_bytes(&two), JSON_SIGNED, &new, &err));
	must(json_parse(buf_bytes(&one), JSON_SIGNED, &old, &err));
	must(json_parse(bytes_of(from), JSON_SIGNED, &frozen, &err));
	must(json_print(frozen, &same, &err));
	must(json_print(json_member(new, "device_provides"), &provides, &err));
	must(bytes_equal(buf_bytes(&same), buf_bytes(&provides)));
	must(strcmp(json_string(json_member(old, "device_type")),
		     json_string(json_member(frozen, "device_type")))
		== 0);
	must(strcmp(json_string(json_member(old, "artifact_name")),
		     json_string(json_member(frozen, "artifact_name")))
		== 0);
}

static void check_log(struct bytes log)
{
	static const char receipt[] = "{\"payload\":\"e30=\"}";
	CLEANUP(json_cleanup) struct json *document = NULL;
	CLEANUP(buf_free) struct buf body = {0};
	const struct json *messages = NULL, *last = NULL;
	struct error err = {0};

	must(mender_request_log(log, bytes_of(receipt), 1767225600, &body, &err));
	must(body.len <= MENDER_BODY_MAX);
	must(json_parse(buf_bytes(&body), JSON_FOREIGN, &document, &err));
	must(json_need_array(document, "messages", &messages, &err));
	for (const struct json *at = json_first(messages); at != NULL; at = json_next(at)) {
		must(json_string(json_member(at, "timestamp")) != NULL);
		must(json_string(json_member(at, "level")) != NULL);
		must(json_string(json_member(at, "message")) != NULL);
		last = at;
	}
	must(last != NULL);
	must(strstr(json_string(json_member(last, "message")), receipt) != NULL);
}

static void check_status(struct bytes input)
{
	CLEANUP(json_cleanup) struct json *document = NULL;
	CLEANUP(buf_free) struct buf text = {0}, body = {0};
	const char *reason = NULL;
	struct error err = {0};

	must(buf_append(&text, input, &err) && buf_text(&text, &reason, &err));
	if (!mender_request_status("failure", reason, &body, &err))
		return;
	must(json_parse(buf_bytes(&body), JSON_FOREIGN, &document, &err));

	const char *const said = json_string(json_member(document, "substate"));

	must(said == NULL || strlen(said) <= MENDER_SUBSTATE_MAX);
	must(strcmp(json_string(json_member(document, "status")), "failure") == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t len)
{
	const struct bytes rest = {at + 1, len == 0 ? 0 : len - 1};

	if (len > 0 && at[0] == 'F')
		check_frozen(rest);
	if (len > 0 && at[0] == 'L')
		check_log(rest);
	if (len > 0 && at[0] == 'S')
		check_status(rest);
	return 0;
}
