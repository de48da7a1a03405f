#include <stdlib.h>
#include <string.h>

#include "common/file.h"
#include "common/nearest.h"
#include "common/text.h"
#include "courier/admin/record.h"

#define PUBLIC_KEY_BEGINS "-----BEGIN PUBLIC KEY-----"

void courier_record_free(struct courier_record *record)
{
	crypto_public_free(record->key);
	free(record->server_key);
	buf_free(&record->request);
	buf_free(&record->chain);
	*record = (struct courier_record){0};
}

/* ---- the request ---- */

static bool take_server_key(struct courier_record *record, struct bytes pem, struct error *err)
{
	CLEANUP(crypto_public_cleanup) struct crypto_public *server = NULL;
	CLEANUP(buf_free) struct buf ours = {0};
	const char *text = NULL;

	if (!crypto_public_parse(pem, &server, err)
		|| !crypto_public_fingerprint(server, &record->server, err)
		|| !crypto_public_pem(server, &ours, err) || !buf_text(&ours, &text, err))
		return error_while(err, "server key");
	return text_set(&record->server_key, text, err);
}

/* One key for both would let a server's judgement stand for a device's. */
static bool check_keys_differ(const struct courier_record *record, struct error *err)
{
	struct digest key = {{0}};

	if (!crypto_public_fingerprint(record->key, &key, err))
		return false;
	return !digest_equal(&key, &record->server)
		|| error_set(err, ERROR_MALFORMED,
			"its certificate's key and its server key are the same");
}

bool courier_record_take_request(
	struct courier_record *out, struct bytes pem, struct error *err)
{
	CLEANUP(courier_record_free) struct courier_record record = {0};
	const uint8_t *const second = pem.len == 0
		? NULL
		: memmem(pem.at, pem.len, PUBLIC_KEY_BEGINS, strlen(PUBLIC_KEY_BEGINS));

	if (second == NULL)
		return error_set(err, ERROR_MALFORMED,
			"no server key after the request: not what courier init writes");

	const size_t first = (size_t)(second - pem.at);

	if (!certificate_request_open((struct bytes){pem.at, first}, &record.key, err)
		|| !take_server_key(&record, (struct bytes){second, pem.len - first}, err)
		|| !check_keys_differ(&record, err) || !buf_append(&record.request, pem, err))
		return false;
	crypto_public_free(out->key);
	free(out->server_key);
	buf_free(&out->request);
	out->key = record.key;
	out->server_key = record.server_key;
	out->server = record.server;
	out->request = record.request;
	record = (struct courier_record){0};
	return true;
}

/* ---- reading ---- */

static bool read_groups(
	const struct json *object, struct courier_record *record, struct error *err)
{
	const struct json *groups = NULL;

	if (!json_need_array(object, "groups", &groups, err))
		return false;
	for (const struct json *at = json_first(groups); at != NULL; at = json_next(at)) {
		const char *const text = json_string(at);

		if (text == NULL || !certificate_id_valid(text)
			|| record->group_count == CERTIFICATE_GROUPS_MAX)
			return error_set(err, ERROR_MALFORMED, "bad groups");
		memcpy(record->groups[record->group_count++], text, strlen(text) + 1);
	}
	return true;
}

static bool read_facts(struct courier_record *record, struct bytes text, struct error *err)
{
	CLEANUP(json_cleanup) struct json *object = NULL;
	int64_t number = 0;

	if (!json_parse(text, JSON_SIGNED, &object, err)
		|| !json_need_text(object, "technician", record->technician,
			sizeof(record->technician), err)
		|| !json_need_integer(object, "number", &number, err)
		|| !read_groups(object, record, err))
		return false;
	if (number < 0)
		return error_set(err, ERROR_MALFORMED, "number is negative");
	record->number = (uint64_t)number;
	return true;
}

static bool read_files(const struct authority *authority, struct courier_record *record,
	bool *found, struct error *err)
{
	CLEANUP(buf_free) struct buf facts = {0}, request = {0};
	char path[PATH_MAX];
	bool certified = false;

	if (!authority_path(authority, path, err, "couriers/%s/courier.json", record->id)
		|| !file_read(path, AUTHORITY_FILE_MAX, &facts, found, err))
		return false;
	return !*found
		|| (read_facts(record, buf_bytes(&facts), err)
			&& authority_path(
				authority, path, err, "couriers/%s/request.pem", record->id)
			&& file_read(path, AUTHORITY_FILE_MAX, &request, NULL, err)
			&& courier_record_take_request(record, buf_bytes(&request), err)
			&& authority_path(
				authority, path, err, "couriers/%s/certificate.pem", record->id)
			&& file_read(
				path, AUTHORITY_FILE_MAX, &record->chain, &certified, err));
}

bool courier_record_read(const struct authority *authority, const char *id,
	struct courier_record *out, bool *found, struct error *err)
{
	CLEANUP(courier_record_free) struct courier_record record = {0};
	bool there = false;

	if (!certificate_id_valid(id))
		return error_set(err, ERROR_USAGE,
			"%s: no id: 1 to %d letters, digits, . _ and -, not first . or -", id,
			CERTIFICATE_ID_MAX);
	memcpy(record.id, id, strlen(id) + 1);
	if (!read_files(authority, &record, &there, err))
		return error_while(err, "courier %s", id);
	*found = there;
	if (there) {
		*out = record;
		record = (struct courier_record){0};
	}
	return true;
}

/* The known id nearest to a wrong one. */
struct guess {
	struct nearest nearest;
	char id[CERTIFICATE_ID_MAX + 1];
};

static bool offer(void *self, const char *id, struct error *err)
{
	struct guess *const guess = self;
	const char *const before = guess->nearest.name;

	(void)err;
	nearest_offer(&guess->nearest, id);
	if (guess->nearest.name != before)
		memcpy(guess->id, id, strlen(id) + 1);
	if (guess->nearest.name != NULL)
		guess->nearest.name = guess->id;
	return true;
}

bool courier_record_need(const struct authority *authority, const char *id,
	struct courier_record *out, struct error *err)
{
	struct guess guess = {.nearest = {.wrong = id}};
	bool found = false;

	if (!courier_record_read(authority, id, out, &found, err))
		return false;
	if (found)
		return true;
	if (!courier_record_each(authority, offer, &guess, err))
		return false;
	if (guess.id[0] != 0)
		return error_set(err, ERROR_USAGE, "%s: no such courier; did you mean %s?", id,
			guess.id);
	return error_set(err, ERROR_USAGE,
		"%s: no such courier; courier-admin issue makes one known", id);
}

/* ---- writing ---- */

static bool print_facts(const struct courier_record *record, struct buf *out, struct error *err)
{
	CLEANUP(json_cleanup) struct json *object = json_new_object();

	json_add_string(object, "technician", record->technician);
	json_add_integer(object, "number", (int64_t)record->number);
	json_add_digest(object, "server_key", &record->server);

	struct json *const groups = json_add_array(object, "groups");

	for (size_t i = 0; i < record->group_count; i++)
		json_append_string(groups, record->groups[i]);
	return json_print(object, out, err) && buf_append(out, bytes_of("\n"), err);
}

bool courier_record_write(const struct authority *authority,
	const struct courier_record *record, struct error *err)
{
	CLEANUP(buf_free) struct buf facts = {0};
	char path[PATH_MAX];

	/* courier.json makes it a record: it comes last. */
	return print_facts(record, &facts, err)
		&& authority_path(authority, path, err, "couriers/%s", record->id)
		&& file_make_directory(path, 0700, err)
		&& authority_path(authority, path, err, "couriers/%s/request.pem", record->id)
		&& file_replace(path, buf_bytes(&record->request), 0600, err)
		&& authority_path(
			authority, path, err, "couriers/%s/certificate.pem", record->id)
		&& file_replace(path, buf_bytes(&record->chain), 0600, err)
		&& authority_path(authority, path, err, "couriers/%s/courier.json", record->id)
		&& file_replace(path, buf_bytes(&facts), 0600, err);
}

/* ---- all of them ---- */

bool courier_record_each(const struct authority *authority,
	bool (*visit)(void *self, const char *id, struct error *), void *self,
	struct error *err)
{
	return authority_each_id(authority, "couriers", visit, self, err);
}
