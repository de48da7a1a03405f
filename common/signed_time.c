#include <string.h>

#include "common/dsse.h"
#include "common/json.h"
#include "common/signed_time.h"

enum { VERSION = 1 };

/* ---- writing ---- */

static bool is_issuer(
	const struct certificate *chain, const struct crypto_key *key, struct error *err)
{
	CLEANUP(crypto_public_cleanup) struct crypto_public *theirs = NULL, *ours = NULL;
	struct digest their_print, our_print;

	if (!certificate_issuer_public(chain, &theirs, err)
		|| !crypto_public_of(key, &ours, err)
		|| !crypto_public_fingerprint(theirs, &their_print, err)
		|| !crypto_public_fingerprint(ours, &our_print, err))
		return false;
	return digest_equal(&their_print, &our_print)
		|| error_set(err, ERROR_USAGE,
			"the device's certificate is of another issuer than this key's");
}

static bool is_of(const struct certificate *chain, const char *device, enum error_code code,
	struct error *err)
{
	struct certificate_holder holder;

	if (!certificate_holder(chain, &holder, err))
		return false;
	return strcmp(holder.id, device) == 0
		|| error_set(
			err, code, "its certificate is of %s, not of %s", holder.id, device);
}

static bool print(const struct signed_time *time, struct bytes chain, struct buf *payload,
	struct error *err)
{
	CLEANUP(json_cleanup) struct json *object = json_new_object();
	CLEANUP(buf_free) struct buf copy = {0};
	char nonce[SIGNED_TIME_TEXT];
	const char *pem = NULL;

	hex_encode((struct bytes){time->nonce, sizeof(time->nonce)}, nonce);
	if (!buf_append(&copy, chain, err) || !buf_text(&copy, &pem, err))
		return false;
	json_add_integer(object, "version", VERSION);
	json_add_string(object, "device", time->device);
	json_add_string(object, "nonce", nonce);
	json_add_integer(object, "time", time->at);
	json_add_string(object, "chain", pem);
	return json_print(object, payload, err);
}

bool signed_time_make(const struct signed_time *time, struct bytes chain_pem,
	const struct crypto_key *issuer, struct buf *envelope, struct error *err)
{
	CLEANUP(certificate_cleanup) struct certificate *chain = NULL;
	CLEANUP(buf_free) struct buf payload = {0};

	if (time->at <= 0)
		return error_set(err, ERROR_USAGE, "a time before 1970");
	return certificate_parse(chain_pem, &chain, err)
		&& is_of(chain, time->device, ERROR_USAGE, err) && is_issuer(chain, issuer, err)
		&& print(time, chain_pem, &payload, err)
		&& dsse_sign(issuer, DSSE_TIME, buf_bytes(&payload), envelope, err);
}

/* ---- reading ---- */

/* The envelope's key is that of the issuer in the chain that the payload carries. */
static bool find_key(struct bytes envelope, struct bytes root_pem, struct certificate **chain,
	struct crypto_public **key, struct error *err)
{
	CLEANUP(json_cleanup) struct json *claimed = NULL;
	CLEANUP(buf_free) struct buf peeked = {0};
	const char *pem = NULL;

	return dsse_peek(envelope, DSSE_TIME, &peeked, err)
		&& json_parse(buf_bytes(&peeked), JSON_SIGNED, &claimed, err)
		&& json_need_string(claimed, "chain", &pem, err)
		&& certificate_parse(bytes_of(pem), chain, err)
		&& certificate_verify(*chain, root_pem, CERTIFICATE_DEVICE, err)
		&& certificate_issuer_public(*chain, key, err);
}

static bool read_payload(struct bytes payload, struct signed_time *out, struct error *err)
{
	CLEANUP(json_cleanup) struct json *object = NULL;
	char nonce[SIGNED_TIME_TEXT];
	int64_t version = 0;

	if (!json_parse(payload, JSON_SIGNED, &object, err)
		|| !json_need_integer(object, "version", &version, err)
		|| !json_need_text(object, "device", out->device, sizeof(out->device), err)
		|| !json_need_text(object, "nonce", nonce, sizeof(nonce), err)
		|| !hex_decode(nonce, out->nonce, sizeof(out->nonce), err)
		|| !json_need_integer(object, "time", &out->at, err))
		return false;
	return (version == VERSION && out->at > 0)
		|| error_set(err, ERROR_MALFORMED, "version or time out of range");
}

bool signed_time_open(struct bytes envelope, struct bytes root_pem, struct signed_time *out,
	struct error *err)
{
	CLEANUP(certificate_cleanup) struct certificate *chain = NULL;
	CLEANUP(crypto_public_cleanup) struct crypto_public *key = NULL;
	CLEANUP(buf_free) struct buf payload = {0};
	struct signed_time time = {.at = 0};

	if (envelope.len > SIGNED_TIME_MAX)
		return error_set(err, ERROR_MALFORMED, "signed time: over %d bytes",
			(int)SIGNED_TIME_MAX);
	if (!find_key(envelope, root_pem, &chain, &key, err)
		|| !dsse_open(envelope, DSSE_TIME, key, &payload, err)
		|| !read_payload(buf_bytes(&payload), &time, err)
		|| !is_of(chain, time.device, ERROR_SIGNATURE, err))
		return error_while(err, "signed time");
	*out = time;
	return true;
}
