#include <stdlib.h>

#include "common/dsse.h"
#include "common/statement_parts.h"
#include "common/text.h"

void identity_free(struct identity *identity)
{
	free(identity->identity);
	free(identity->request);
	*identity = (struct identity){0};
}

bool identity_sign(const struct identity *identity, const struct crypto_key *key,
	struct buf *envelope, struct error *err)
{
	CLEANUP(json_cleanup) struct json *object = statement_new(&identity->key);

	if (!statement_add_parsed(object, "identity", identity->identity, err))
		return false;
	json_add_string(object, "device_type", identity->device_type);
	json_add_string(object, "request", identity->request);
	statement_add_time(object, &identity->time);
	return statement_sign(object, DSSE_IDENTITY, key, envelope, err);
}

/* The statement names its key only inside, in its request: so that must be read
 * before the signature can be judged.  The payload is put to no other use until it
 * was. */
static bool request_key(struct bytes envelope, struct crypto_public **out, struct error *err)
{
	CLEANUP(buf_free) struct buf payload = {0};
	CLEANUP(json_cleanup) struct json *object = NULL;
	const char *request = NULL;

	return dsse_peek(envelope, DSSE_IDENTITY, &payload, err)
		&& json_parse(buf_bytes(&payload), JSON_SIGNED, &object, err)
		&& json_need_string(object, "request", &request, err)
		&& certificate_request_open(bytes_of(request), out, err);
}

static bool read_identity(const struct json *object, struct identity *out, struct error *err)
{
	const char *request = NULL;

	return statement_need_canonical(object, "identity", &out->identity, err)
		&& json_need_text(
			object, "device_type", out->device_type, sizeof(out->device_type), err)
		&& json_need_string(object, "request", &request, err)
		&& text_set(&out->request, request, err)
		&& statement_need_time(object, &out->time, err);
}

bool identity_open(struct bytes envelope, struct identity *out, struct error *err)
{
	CLEANUP(crypto_public_cleanup) struct crypto_public *key = NULL;
	CLEANUP(json_cleanup) struct json *object = NULL;
	CLEANUP(identity_free) struct identity identity = {0};

	if (!request_key(envelope, &key, err)
		|| !statement_open(envelope, DSSE_IDENTITY, key, &object, &identity.key, err)
		|| !read_identity(object, &identity, err))
		return error_while(err, "identity statement");
	*out = identity;
	identity = (struct identity){0};
	return true;
}

bool identity_digest(struct bytes id_data, struct digest *out, struct error *err)
{
	CLEANUP(buf_free) struct buf canonical = {0};

	if (id_data.len == 0 || id_data.at[0] != '{')
		return error_set(err, ERROR_MALFORMED, "identity is no JSON object");
	return json_canonical(id_data, &canonical, err)
		&& crypto_sha256(buf_bytes(&canonical), out, err);
}
