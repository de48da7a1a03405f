#include <stdlib.h>
#include <string.h>

#include "common/file.h"
#include "common/text.h"
#include "courier/admin/device_request.h"

#define REQUEST_BEGINS "-----BEGIN "
#define REQUEST_ENDS "REQUEST-----"

void device_request_free(struct device_request *request)
{
	crypto_public_free(request->key);
	identity_free(&request->statement);
	*request = (struct device_request){0};
}

/* The first of FROM to the first TO after it, both counted; none is an empty run. */
static struct bytes between(struct bytes all, const char *from, const char *to)
{
	const uint8_t *const first
		= all.len == 0 ? NULL : memmem(all.at, all.len, from, strlen(from));

	if (first == NULL)
		return (struct bytes){NULL, 0};

	/* The opening line has TO as well: look after it. */
	const size_t left = all.len - (size_t)(first - all.at);
	const uint8_t *const end = memmem(first, left, "-----END ", strlen("-----END "));
	const uint8_t *const last = end == NULL
		? NULL
		: memmem(end, left - (size_t)(end - first), to, strlen(to));

	if (last == NULL)
		return (struct bytes){NULL, 0};
	return (struct bytes){first, (size_t)(last - first) + strlen(to)};
}

/* The first line that begins with a brace. */
static struct bytes envelope_in(struct bytes all)
{
	size_t start = 0;

	while (start < all.len) {
		const uint8_t *const end = memchr(all.at + start, '\n', all.len - start);
		size_t len = end == NULL ? all.len - start : (size_t)(end - all.at) - start;

		if (all.at[start] == '{') {
			len -= len > 0 && all.at[start + len - 1] == '\r';
			return (struct bytes){all.at + start, len};
		}
		start += len + (end != NULL);
	}
	return (struct bytes){NULL, 0};
}

static bool same_key(
	const struct crypto_public *key, const struct digest *other, struct error *err)
{
	struct digest ours = {{0}};

	if (!crypto_public_fingerprint(key, &ours, err))
		return false;
	return digest_equal(&ours, other)
		|| error_set(err, ERROR_SIGNATURE,
			"the request and the identity statement are of different keys");
}

static bool take_statement(
	struct device_request *request, struct bytes envelope, struct error *err)
{
	CLEANUP(crypto_public_cleanup) struct crypto_public *key = NULL;

	if (!identity_open(envelope, &request->statement, err)
		|| !certificate_request_open(bytes_of(request->statement.request), &key, err))
		return false;
	if (request->key != NULL)
		return same_key(request->key, &request->statement.key, err);
	request->key = key;
	key = NULL;
	return true;
}

bool device_request_parse(struct bytes all, struct device_request *out, struct error *err)
{
	CLEANUP(device_request_free) struct device_request request = {0};
	const struct bytes pem = between(all, REQUEST_BEGINS, REQUEST_ENDS);
	const struct bytes envelope = envelope_in(all);

	if (pem.len == 0 && envelope.len == 0)
		return error_set(err, ERROR_MALFORMED,
			"neither a certificate request nor an identity statement: not what "
			"courier-agent request writes");
	if ((pem.len > 0 && !certificate_request_open(pem, &request.key, err))
		|| (envelope.len > 0 && !take_statement(&request, envelope, err)))
		return false;
	*out = request;
	request = (struct device_request){0};
	return true;
}

bool device_request_read(const char *path, struct device_request *out, struct error *err)
{
	CLEANUP(buf_free) struct buf content = {0};

	return file_read(path, DEVICE_REQUEST_MAX, &content, NULL, err)
		&& (device_request_parse(buf_bytes(&content), out, err)
			|| error_while(err, "%s", path));
}

bool device_identity(const char *json, char **out, struct error *err)
{
	CLEANUP(buf_free) struct buf canonical = {0};
	CLEANUP(json_cleanup) struct json *object = NULL;
	const char *text = NULL;

	if (!json_parse(bytes_of(json), JSON_SIGNED, &object, err))
		return error_while(err, "identity");
	if (!json_is_object(object) || json_count(object) == 0)
		return error_set(err, ERROR_MALFORMED,
			"identity: not a JSON object with at least one member");
	return json_canonical(bytes_of(json), &canonical, err)
		&& buf_text(&canonical, &text, err) && text_set(out, text, err);
}
