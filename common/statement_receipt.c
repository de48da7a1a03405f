#include <string.h>

#include "common/dsse.h"
#include "common/statement_parts.h"

/* The order is that of enum outcome. */
static const struct {
	const char *name;
	bool terminal;
} outcomes[] = {
	{"INSTALLED", false},
	{"CONFIRMED", true},
	{"ROLLED_BACK", true},
	{"REFUSED", true},
	{"FAILED", true},
};

const char *outcome_name(enum outcome outcome)
{
	return outcomes[outcome].name;
}

bool outcome_terminal(enum outcome outcome)
{
	return outcomes[outcome].terminal;
}

static bool need_outcome(
	const struct json *object, const char *name, enum outcome *out, struct error *err)
{
	const char *text = NULL;

	if (!json_need_string(object, name, &text, err))
		return false;
	for (size_t i = 0; i < COUNT(outcomes); i++) {
		if (strcmp(outcomes[i].name, text) == 0) {
			*out = (enum outcome)i;
			return true;
		}
	}
	return error_set(err, ERROR_MALFORMED, "%s: unknown outcome", name);
}

static void add_courier(struct json *object, const struct receipt *receipt)
{
	struct json *const courier = json_add_object(object, "courier");
	struct digest exporter;

	memcpy(exporter.at, receipt->exporter, sizeof(exporter.at));
	json_add_string(courier, "id", receipt->courier);
	json_add_string(courier, "technician", receipt->technician);
	json_add_digest(courier, "certificate", &receipt->courier_certificate);
	json_add_digest(courier, "exporter", &exporter);
}

static bool need_courier(const struct json *object, struct receipt *out, struct error *err)
{
	const struct json *courier = NULL;
	struct digest exporter;

	if (!json_need_object(object, "courier", &courier, err)
		|| !json_need_text(courier, "id", out->courier, sizeof(out->courier), err)
		|| !json_need_text(
			courier, "technician", out->technician, sizeof(out->technician), err)
		|| !json_need_digest(courier, "certificate", &out->courier_certificate, err)
		|| !json_need_digest(courier, "exporter", &exporter, err))
		return false;
	memcpy(out->exporter, exporter.at, sizeof(exporter.at));
	return true;
}

bool receipt_sign(const struct receipt *receipt, const struct crypto_key *key,
	struct buf *envelope, struct error *err)
{
	CLEANUP(json_cleanup) struct json *object = statement_new(&receipt->key);

	json_add_string(object, "device", receipt->device);
	json_add_integer(object, "sequence", (int64_t)receipt->sequence);
	json_add_digest(object, "previous", &receipt->previous);
	json_add_string(object, "deployment", receipt->deployment);
	json_add_string(object, "artifact", receipt->artifact);
	json_add_digest(object, "digest", &receipt->digest);
	json_add_string(object, "before", receipt->before);
	json_add_string(object, "after", receipt->after);
	json_add_string(object, "outcome", outcome_name(receipt->outcome));
	json_add_integer(object, "code", (int64_t)receipt->code);
	json_add_string(object, "reason", receipt->reason);
	statement_add_time(object, &receipt->time);
	add_courier(object, receipt);
	json_add_digest(object, "log", &receipt->log);
	json_add_digest(object, "inventory", &receipt->inventory);
	return statement_sign(object, DSSE_RECEIPT, key, envelope, err);
}

static bool read_receipt(const struct json *object, struct receipt *out, struct error *err)
{
	int64_t code = 0;

	if (!json_need_text(object, "device", out->device, sizeof(out->device), err)
		|| !json_need_count(object, "sequence", &out->sequence, err)
		|| !json_need_digest(object, "previous", &out->previous, err)
		|| !json_need_text(
			object, "deployment", out->deployment, sizeof(out->deployment), err)
		|| !json_need_text(
			object, "artifact", out->artifact, sizeof(out->artifact), err)
		|| !json_need_digest(object, "digest", &out->digest, err)
		|| !json_need_text(object, "before", out->before, sizeof(out->before), err)
		|| !json_need_text(object, "after", out->after, sizeof(out->after), err)
		|| !need_outcome(object, "outcome", &out->outcome, err)
		|| !json_need_integer(object, "code", &code, err)
		|| !json_need_text(object, "reason", out->reason, sizeof(out->reason), err)
		|| !statement_need_time(object, &out->time, err)
		|| !need_courier(object, out, err)
		|| !json_need_digest(object, "log", &out->log, err)
		|| !json_need_digest(object, "inventory", &out->inventory, err))
		return false;
	if (code < 0 || code > 255 || out->sequence == 0)
		return error_set(err, ERROR_MALFORMED, "code or sequence out of range");
	out->code = (enum error_code)code;
	return true;
}

bool receipt_open(struct bytes envelope, const struct crypto_public *key, struct receipt *out,
	struct error *err)
{
	CLEANUP(json_cleanup) struct json *object = NULL;
	struct receipt receipt = {0};

	if (!statement_open(envelope, DSSE_RECEIPT, key, &object, &receipt.key, err)
		|| !read_receipt(object, &receipt, err))
		return error_while(err, "receipt");
	*out = receipt;
	return true;
}
