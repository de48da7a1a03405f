#include <stdlib.h>
#include <string.h>

#include "courier/store_audit.h"
#include "courier/store_record.h"

static const struct record_field row_fields[] = {
	RECORD_FIELD(1, struct store_audit_row, time),
	RECORD_FIELD(2, struct store_audit_row, device),
	RECORD_FIELD(3, struct store_audit_row, event),
	RECORD_FIELD(4, struct store_audit_row, chain),
};
static const struct record_layout row_layout
	= {row_fields, COUNT(row_fields), sizeof(struct store_audit_row)};
/* What the chain is over. */
static const struct record_layout said_layout
	= {row_fields, COUNT(row_fields) - 1, sizeof(struct store_audit_row)};

/* In a struct of its own: the number is not part of what is packed. */
static const struct record_field head_fields[] = {
	RECORD_FIELD(1, struct head, number),
	RECORD_FIELD(2, struct head, chain),
};
static const struct record_layout head_layout
	= {head_fields, COUNT(head_fields), sizeof(struct head)};

static const struct cell head_cell = {.table = TABLE_HEAD, .column = "sealed"};

static struct cell row_cell(uint64_t number)
{
	return (struct cell){.table = TABLE_AUDIT, .column = "sealed", .clear = {number, 0}};
}

static void row_free(struct store_audit_row *row)
{
	record_free(&row_layout, row);
}

static bool damaged(struct error *err, uint64_t number, const char *why)
{
	return error_set(err, ERROR_DAMAGED, "the store is damaged: audit row %llu %s",
		(unsigned long long)number, why);
}

static bool chain(const struct digest *former, const struct store_audit_row *row,
	struct digest *out, struct error *err)
{
	CLEANUP(crypto_hash_cleanup) struct crypto_hash *hash = NULL;
	CLEANUP(wiped_free) struct buf said = {0};
	uint8_t number[8];

	for (size_t i = 0; i < sizeof(number); i++)
		number[i] = (uint8_t)(row->number >> (56 - 8 * i));
	return record_pack(&said_layout, row, &said, err) && crypto_hash_new(&hash, err)
		&& crypto_hash_add(hash, digest_bytes(former), err)
		&& crypto_hash_add(hash, (struct bytes){number, sizeof(number)}, err)
		&& crypto_hash_add(hash, buf_bytes(&said), err)
		&& crypto_hash_peek(hash, out, err);
}

/* ---- writing ---- */

static bool put_head(struct store *store, const struct head *head, struct error *err)
{
	CLEANUP(wiped_free) struct buf plain = {0};
	CLEANUP(buf_free) struct buf sealed = {0};
	CLEANUP(sql_end) struct sql sql = {0};

	if (!record_pack(&head_layout, head, &plain, err)
		|| !cell_seal(store->keys, &head_cell, buf_bytes(&plain), &sealed, err)
		|| !sql_start(&store->database, SQL_HEAD_PUT, &sql, err))
		return false;
	sql_bind(&sql, buf_bytes(&sealed));
	return sql_finish(&sql, err);
}

bool audit_create(struct store *store, struct error *err)
{
	const struct head none = {0};

	return put_head(store, &none, err);
}

static bool put_row(struct store *store, const struct store_audit_row *row, struct error *err)
{
	const struct cell cell = row_cell(row->number);
	CLEANUP(wiped_free) struct buf plain = {0};
	CLEANUP(buf_free) struct buf sealed = {0};
	CLEANUP(sql_end) struct sql sql = {0};

	if (!record_pack(&row_layout, row, &plain, err)
		|| !cell_seal(store->keys, &cell, buf_bytes(&plain), &sealed, err)
		|| !sql_start(&store->database, SQL_AUDIT_PUT, &sql, err))
		return false;
	sql_bind_integer(&sql, (int64_t)row->number);
	sql_bind(&sql, buf_bytes(&sealed));
	return sql_finish(&sql, err);
}

bool audit_append(struct store *store, struct head *head, const char *device, const char *event,
	struct error *err)
{
	CLEANUP(row_free)
	struct store_audit_row row
		= {head->number + 1, store_now(), strdup(device), strdup(event), {{0}}};

	if (row.device == NULL || row.event == NULL)
		return error_errno(err, "cannot allocate memory");
	if (!chain(&head->chain, &row, &row.chain, err) || !put_row(store, &row, err))
		return false;
	*head = (struct head){row.number, row.chain};
	return put_head(store, head, err);
}

bool store_audit(struct store *store, const char *device, const char *event, struct error *err)
{
	CLEANUP(change_end) struct change change = {0};

	return change_begin(&change, store, err) && change_commit(&change, device, event, err);
}

/* ---- reading ---- */

static bool get_head(struct store *store, struct head *out, struct error *err)
{
	CLEANUP(wiped_free) struct buf plain = {0};
	CLEANUP(sql_end) struct sql sql = {0};
	bool row = false;

	if (!sql_start(&store->database, SQL_HEAD_GET, &sql, err) || !sql_step(&sql, &row, err))
		return false;
	if (!row)
		return error_set(
			err, ERROR_DAMAGED, "the store is damaged: the audit log has no head");
	return cell_unseal(store->keys, &head_cell, sql_bytes(&sql, 0), &plain, err)
		&& record_unpack(&head_layout, buf_bytes(&plain), out, err);
}

/* Row NUMBER, which must be there. */
static bool get_row(
	struct store *store, uint64_t number, struct store_audit_row *out, struct error *err)
{
	const struct cell cell = row_cell(number);
	CLEANUP(wiped_free) struct buf plain = {0};
	CLEANUP(sql_end) struct sql sql = {0};
	bool row = false;

	if (!sql_start(&store->database, SQL_AUDIT_GET, &sql, err))
		return false;
	sql_bind_integer(&sql, (int64_t)number);
	if (!sql_step(&sql, &row, err))
		return false;
	if (!row)
		return damaged(err, number, "is missing");
	if (!cell_unseal(store->keys, &cell, sql_bytes(&sql, 0), &plain, err)
		|| !record_unpack(&row_layout, buf_bytes(&plain), out, err))
		return false;
	out->number = number;
	return true;
}

/* The newest row in the table, and how many there are. */
static bool count_rows(
	struct store *store, uint64_t *newest, uint64_t *count, struct error *err)
{
	CLEANUP(sql_end) struct sql sql = {0};
	bool row = false;

	if (!sql_start(&store->database, SQL_AUDIT_LAST, &sql, err)
		|| !sql_step(&sql, &row, err))
		return false;
	*newest = (uint64_t)sql_integer(&sql, 0);
	*count = (uint64_t)sql_integer(&sql, 1);
	return true;
}

bool audit_check(struct store *store, struct error *err)
{
	CLEANUP(row_free) struct store_audit_row last = {0};
	uint64_t newest = 0, count = 0;
	struct head head = {0};

	if (!get_head(store, &head, err) || !count_rows(store, &newest, &count, err))
		return false;
	if (newest != head.number || count != head.number)
		return error_set(err, ERROR_DAMAGED,
			"the store is damaged: its audit log has %llu rows, not %llu",
			(unsigned long long)count, (unsigned long long)head.number);
	if (head.number > 0) {
		if (!get_row(store, head.number, &last, err))
			return false;
		if (!digest_equal(&last.chain, &head.chain))
			return damaged(err, head.number, "is not the one written last");
	}
	store->head = head;
	return true;
}

static bool read_row(
	struct store *store, uint64_t number, struct store_audit_row *out, struct error *err)
{
	CLEANUP(store_unlock) struct store *locked = store_lock(store);

	return get_row(locked, number, out, err);
}

static struct head read_head(struct store *store)
{
	CLEANUP(store_unlock) struct store *locked = store_lock(store);

	return locked->head;
}

bool store_each_audit(struct store *store,
	bool (*visit)(void *self, const struct store_audit_row *, struct error *), void *self,
	struct error *err)
{
	const struct head head = read_head(store);
	struct digest former = {{0}};

	for (uint64_t i = 1; i <= head.number; i++) {
		CLEANUP(row_free) struct store_audit_row row = {0};
		struct digest computed = {{0}};

		if (!read_row(store, i, &row, err) || !chain(&former, &row, &computed, err))
			return false;
		if (!digest_equal(&computed, &row.chain))
			return damaged(err, i, "does not follow from the one before");
		if (!visit(self, &row, err))
			return false;
		former = computed;
	}
	return digest_equal(&former, &head.chain)
		|| damaged(err, head.number, "is not the one written last");
}
