/*
 * tell_store - what a courier's store holds, as JSON, for tests to compare with what
 * server and device say.
 *
 *   tell_store HOME PASSFILE
 *
 * {"parcels": [{device, deployment, state, reason}], "receipts": [{device, sequence,
 * sent, verified}], "audit": rows}; fails when the audit log's chain is broken.
 */
#include <inttypes.h>
#include <stdio.h>

#include "common/json.h"
#include "courier/passphrase.h"
#include "courier/store.h"

struct lists {
	struct json *parcels, *receipts;
	uint64_t rows;
};

static bool tell_parcel(void *self, const struct store_parcel *parcel, struct error *err)
{
	struct json *const one = json_append_object(((struct lists *)self)->parcels);

	(void)err;
	json_add_string(one, "device", parcel->device);
	json_add_string(one, "deployment", parcel->deployment);
	json_add_string(one, "state", parcel_state_name(parcel->state));
	json_add_string(one, "reason", parcel->reason == NULL ? "" : parcel->reason);
	return true;
}

static bool tell_receipt(void *self, const struct store_receipt *receipt, struct error *err)
{
	struct json *const one = json_append_object(((struct lists *)self)->receipts);

	(void)err;
	json_add_string(one, "device", receipt->device);
	json_add_integer(one, "sequence", (int64_t)receipt->sequence);
	json_add_bool(one, "sent", receipt->sent);
	json_add_bool(one, "verified", receipt->verified);
	return true;
}

static bool count_row(void *self, const struct store_audit_row *row, struct error *err)
{
	(void)err;
	((struct lists *)self)->rows = row->number;
	return true;
}

static bool tell(const char *home, const struct passphrase *passphrase, struct buf *text,
	struct error *err)
{
	CLEANUP(store_cleanup) struct store *store = NULL;
	CLEANUP(json_cleanup) struct json *all = json_new_object();
	struct lists lists = {
		.parcels = json_add_array(all, "parcels"), json_add_array(all, "receipts"), 0};

	if (!store_open(home, passphrase, &store, err)
		|| !store_each_parcel(store, NULL, tell_parcel, &lists, err)
		|| !store_each_receipt(store, NULL, false, tell_receipt, &lists, err)
		|| !store_each_audit(store, count_row, &lists, err))
		return false;
	json_add_integer(all, "audit", (int64_t)lists.rows);
	return json_print(all, text, err);
}

int main(int argc, char **argv)
{
	CLEANUP(buf_free) struct buf text = {0};
	PASSPHRASE passphrase = {{0}};
	struct error err = {0};

	if (argc != 3)
		return 2;

	const struct unlock unlock = {.file = argv[2], .descriptor = -1};

	if (!passphrase_get(&unlock, "passphrase", &passphrase, &err)
		|| !tell(argv[1], &passphrase, &text, &err)) {
		(void)fprintf(stderr, "tell_store: %s\n", err.text);
		return 1;
	}
	(void)printf("%.*s\n", (int)text.len, (const char *)text.at);
	return 0;
}
