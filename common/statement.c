#include "common/dsse.h"
#include "common/statement_parts.h"
#include "common/text.h"

void statement_add_time(struct json *object, const struct device_time *at)
{
	struct json *const time = json_add_object(object, "time");

	json_add_integer(time, "clock", at->clock);
	json_add_integer(time, "floor", at->floor);
	json_add_integer(time, "uptime", at->uptime_s);
	json_add_string(time, "boot", at->boot);
}

bool statement_need_time(const struct json *object, struct device_time *at, struct error *err)
{
	const struct json *time = NULL;

	return json_need_object(object, "time", &time, err)
		&& json_need_integer(time, "clock", &at->clock, err)
		&& json_need_integer(time, "floor", &at->floor, err)
		&& json_need_integer(time, "uptime", &at->uptime_s, err)
		&& json_need_text(time, "boot", at->boot, sizeof(at->boot), err);
}

/* Every statement begins alike. */
struct json *statement_new(const struct digest *key)
{
	struct json *const object = json_new_object();

	json_add_integer(object, "version", STATEMENT_VERSION);
	json_add_digest(object, "key", key);
	return object;
}

bool statement_sign(const struct json *object, const char *type, const struct crypto_key *key,
	struct buf *envelope, struct error *err)
{
	CLEANUP(buf_free) struct buf payload = {0};

	return json_print(object, &payload, err)
		&& dsse_sign(key, type, buf_bytes(&payload), envelope, err);
}

static bool need_version(const struct json *object, struct error *err)
{
	int64_t version = 0;

	if (!json_need_integer(object, "version", &version, err))
		return false;
	return version == STATEMENT_VERSION
		|| error_set(err, ERROR_MALFORMED,
			"statement of version %lld, this program knows %d", (long long)version,
			STATEMENT_VERSION);
}

/* Verify with KEY, then read the members every statement has. */
bool statement_open(struct bytes envelope, const char *type, const struct crypto_public *key,
	struct json **out, struct digest *named, struct error *err)
{
	CLEANUP(buf_free) struct buf payload = {0};
	CLEANUP(json_cleanup) struct json *object = NULL;
	struct digest own;

	if (!dsse_open(envelope, type, key, &payload, err)
		|| !json_parse(buf_bytes(&payload), JSON_SIGNED, &object, err)
		|| !need_version(object, err) || !json_need_digest(object, "key", named, err)
		|| !crypto_public_fingerprint(key, &own, err))
		return false;
	if (!digest_equal(&own, named))
		return error_set(err, ERROR_SIGNATURE, "signed by another key than it names");
	*out = object;
	object = NULL;
	return true;
}

/* The object in TEXT becomes member NAME. */
bool statement_add_parsed(
	struct json *object, const char *name, const char *text, struct error *err)
{
	CLEANUP(json_cleanup) struct json *value = NULL;

	if (!json_parse(bytes_of(text), JSON_SIGNED, &value, err))
		return error_while(err, "%s", name);
	json_add_copy(object, name, value);
	return true;
}

/* Member NAME, an object, in its canonical form. */
bool statement_need_canonical(
	const struct json *object, const char *name, char **out, struct error *err)
{
	CLEANUP(buf_free) struct buf printed = {0}, canonical = {0};
	const struct json *member = NULL;
	const char *text = NULL;

	return json_need_object(object, name, &member, err) && json_print(member, &printed, err)
		&& json_canonical(buf_bytes(&printed), &canonical, err)
		&& buf_text(&canonical, &text, err) && text_set(out, text, err);
}
