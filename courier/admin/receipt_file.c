#include <string.h>

#include "common/dsse.h"
#include "courier/admin/receipt_file.h"
#include "courier/output.h"

#define MARK "courier-receipt: "

typedef bool visitor(void *self, struct bytes envelope, struct error *);

/* ---- finding envelopes ---- */

static struct bytes trim(struct bytes text)
{
	while (text.len > 0 && strchr(" \t\r\n", text.at[0]) != NULL) {
		text.at++;
		text.len--;
	}
	while (text.len > 0 && strchr(" \t\r\n", text.at[text.len - 1]) != NULL)
		text.len--;
	return text;
}

/* In each line at most one, from the mark to its end. */
static bool each_line(
	struct bytes text, visitor *visit, void *self, size_t *count, struct error *err)
{
	while (text.len > 0) {
		const uint8_t *const mark = memmem(text.at, text.len, MARK, strlen(MARK));

		if (mark == NULL)
			break;

		const uint8_t *const from = mark + strlen(MARK);
		const size_t left = text.len - (size_t)(from - text.at);
		const uint8_t *const end = memchr(from, '\n', left);
		const size_t len = end == NULL ? left : (size_t)(end - from);

		++*count;
		if (!visit(self, trim((struct bytes){from, len}), err))
			return false;
		text = (struct bytes){from + len, left - len};
	}
	return true;
}

/* The body of an upload: {"messages":[{"message":"courier-receipt: ..."}]} */
static bool each_message(const struct json *messages, visitor *visit, void *self, size_t *count,
	struct error *err)
{
	for (const struct json *at = json_first(messages); at != NULL; at = json_next(at)) {
		const char *const text = json_string(json_member(at, "message"));

		if (text != NULL && !each_line(bytes_of(text), visit, self, count, err))
			return false;
	}
	return true;
}

bool receipt_file_each(
	struct bytes file, visitor *visit, void *self, size_t *count, struct error *err)
{
	CLEANUP(json_cleanup) struct json *object = NULL;
	const struct bytes text = trim(file);
	struct error none = {0};

	*count = 0;
	if (text.len == 0 || text.at[0] != '{'
		|| !json_parse(text, JSON_FOREIGN, &object, &none))
		return each_line(text, visit, self, count, err);
	if (json_is_array(json_member(object, "messages")))
		return each_message(json_member(object, "messages"), visit, self, count, err);
	if (json_member(object, "payloadType") == NULL)
		return true;
	*count = 1;
	return visit(self, text, err);
}

/* ---- claims ---- */

static bool peek(struct bytes envelope, struct json **out, struct error *err)
{
	CLEANUP(buf_free) struct buf payload = {0};

	return dsse_peek(envelope, DSSE_RECEIPT, &payload, err)
		&& json_parse(buf_bytes(&payload), JSON_SIGNED, out, err);
}

bool receipt_claim_read(struct bytes envelope, struct receipt_claim *out, struct error *err)
{
	CLEANUP(json_cleanup) struct json *object = NULL;
	struct receipt_claim claim = {{0}, {{0}}};

	if (!peek(envelope, &object, err)
		|| !json_need_text(object, "device", claim.device, sizeof(claim.device), err)
		|| !dsse_keyid(envelope, &claim.key, err))
		return false;
	if (!certificate_id_valid(claim.device))
		return error_set(err, ERROR_MALFORMED, "bad device id");
	*out = claim;
	return true;
}

bool receipt_claim_peek(struct bytes envelope, struct receipt *out, struct error *err)
{
	CLEANUP(json_cleanup) struct json *object = NULL;
	struct receipt receipt = {.sequence = 0};

	if (!peek(envelope, &object, err)
		|| !json_need_text(
			object, "device", receipt.device, sizeof(receipt.device), err)
		|| !json_need_text(object, "deployment", receipt.deployment,
			sizeof(receipt.deployment), err)
		|| !json_need_text(
			object, "artifact", receipt.artifact, sizeof(receipt.artifact), err))
		return false;
	*out = receipt;
	return true;
}

/* ---- what it says ---- */

static void describe_json(const struct receipt *receipt, struct json *fact)
{
	json_add_string(fact, "device", receipt->device);
	json_add_string(fact, "deployment", receipt->deployment);
	json_add_string(fact, "artifact", receipt->artifact);
	if (receipt->sequence == 0)
		return; /* a claim: nothing more is known */
	json_add_integer(fact, "sequence", (int64_t)receipt->sequence);
	json_add_string(fact, "outcome", outcome_name(receipt->outcome));
	json_add_string(fact, "reason", receipt->reason);
	json_add_string(fact, "before", receipt->before);
	json_add_string(fact, "after", receipt->after);
	json_add_digest(fact, "artifact_digest", &receipt->digest);
	json_add_integer(fact, "device_clock", receipt->time.clock);
	json_add_integer(fact, "floor", receipt->time.floor);
	json_add_integer(fact, "uptime", receipt->time.uptime_s);
	json_add_string(fact, "boot", receipt->time.boot);
	json_add_string(fact, "courier", receipt->courier);
	json_add_string(fact, "technician", receipt->technician);
	json_add_digest(fact, "courier_certificate", &receipt->courier_certificate);
	json_add_digest(fact, "key", &receipt->key);
	json_add_digest(fact, "previous", &receipt->previous);
	json_add_digest(fact, "log", &receipt->log);
	json_add_digest(fact, "inventory", &receipt->inventory);
}

bool receipt_describe(
	const struct receipt *receipt, struct json *fact, struct buf *text, struct error *err)
{
	char clock[32], no_later[32];

	if (receipt->device[0] == 0)
		return true;
	describe_json(receipt, fact);
	if (receipt->sequence == 0)
		return buf_print(text, err,
			"; it claims to be of %s, deployment %s, artifact %s", receipt->device,
			receipt->deployment, receipt->artifact);
	output_time(receipt->time.clock, clock);
	output_time(receipt->time.floor, no_later);
	return buf_print(text, err,
		       "; %s, receipt %llu: %s, %s -> %s, deployment %s, device clock %s "
		       "(not before %s), brought by %s (%s)",
		       receipt->device, (unsigned long long)receipt->sequence,
		       outcome_name(receipt->outcome), receipt->before, receipt->after,
		       receipt->deployment, clock, no_later, receipt->courier,
		       receipt->technician)
		&& (receipt->reason[0] == 0 || buf_print(text, err, ": %s", receipt->reason));
}
