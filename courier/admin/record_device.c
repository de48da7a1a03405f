#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/file.h"
#include "common/text.h"
#include "courier/admin/record.h"

void device_record_free(struct device_record *record)
{
	free(record->identity);
	buf_free(&record->chain);
	*record = (struct device_record){0};
}

/* ---- reading ---- */

static bool read_facts(struct device_record *record, struct bytes text, struct error *err)
{
	CLEANUP(json_cleanup) struct json *object = NULL;
	const char *identity = NULL;

	if (!json_parse(text, JSON_SIGNED, &object, err)
		|| !json_need_text(object, "group", record->group, sizeof(record->group), err)
		|| !json_need_string(object, "identity", &identity, err)
		|| !json_need_digest(object, "key", &record->key, err))
		return false;
	return text_set(&record->identity, identity, err);
}

bool device_record_read(const struct authority *authority, const char *id,
	struct device_record *out, bool *found, struct error *err)
{
	CLEANUP(device_record_free) struct device_record record = {0};
	CLEANUP(buf_free) struct buf facts = {0};
	char path[PATH_MAX];
	bool there = false;

	if (!certificate_id_valid(id))
		return error_set(err, ERROR_USAGE,
			"%s: no id: 1 to %d letters, digits, . _ and -, not first . or -", id,
			CERTIFICATE_ID_MAX);
	memcpy(record.id, id, strlen(id) + 1);
	if (!authority_path(authority, path, err, "devices/%s/device.json", id)
		|| !file_read(path, AUTHORITY_FILE_MAX, &facts, &there, err))
		return false;
	if (there
		&& (!read_facts(&record, buf_bytes(&facts), err)
			|| !authority_path(
				authority, path, err, "devices/%s/certificate.pem", id)
			|| !file_read(path, AUTHORITY_FILE_MAX, &record.chain, NULL, err)))
		return error_while(err, "device %s", id);
	*found = there;
	if (there) {
		*out = record;
		record = (struct device_record){0};
	}
	return true;
}

struct each_record {
	const struct authority *authority;
	bool (*visit)(void *self, const struct device_record *, struct error *);
	void *self;
};

static bool visit_record(void *self, const char *id, struct error *err)
{
	const struct each_record *const each = self;
	CLEANUP(device_record_free) struct device_record record = {0};
	bool found = false;

	return device_record_read(each->authority, id, &record, &found, err)
		&& (!found || each->visit(each->self, &record, err));
}

bool device_record_each(const struct authority *authority,
	bool (*visit)(void *self, const struct device_record *, struct error *), void *self,
	struct error *err)
{
	struct each_record each = {authority, visit, self};

	return authority_each_id(authority, "devices", visit_record, &each, err);
}

struct key_search {
	const struct authority *authority;
	char name[DIGEST_TEXT]; /* of the key */
	struct buf *pem;
	bool found;
};

static bool search_key(void *self, const char *id, struct error *err)
{
	struct key_search *const search = self;
	char path[PATH_MAX];

	return search->found
		|| (authority_path(
			    search->authority, path, err, "devices/%s/%s.pem", id, search->name)
			&& file_read(
				path, AUTHORITY_FILE_MAX, search->pem, &search->found, err));
}

bool device_record_find_key(const struct authority *authority, const struct digest *key,
	struct buf *pem, bool *found, struct error *err)
{
	struct key_search search = {.authority = authority, .pem = pem};

	digest_text(key, search.name);
	if (!authority_each_id(authority, "devices", search_key, &search, err))
		return false;
	*found = search.found;
	return true;
}

/* ---- writing ---- */

static bool print_facts(const struct device_record *record, struct buf *out, struct error *err)
{
	CLEANUP(json_cleanup) struct json *object = json_new_object();

	json_add_string(object, "identity", record->identity);
	json_add_string(object, "group", record->group);
	json_add_digest(object, "key", &record->key);
	return json_print(object, out, err) && buf_append(out, bytes_of("\n"), err);
}

bool device_record_write(const struct authority *authority, const struct device_record *record,
	struct error *err)
{
	CLEANUP(buf_free) struct buf facts = {0};
	char path[PATH_MAX], key[DIGEST_TEXT];

	digest_text(&record->key, key);
	return print_facts(record, &facts, err)
		&& authority_path(authority, path, err, "devices/%s", record->id)
		&& file_make_directory(path, 0700, err)
		&& authority_path(authority, path, err, "devices/%s/%s.pem", record->id, key)
		&& file_replace(path, buf_bytes(&record->chain), 0600, err)
		&& authority_path(
			authority, path, err, "devices/%s/certificate.pem", record->id)
		&& file_replace(path, buf_bytes(&record->chain), 0600, err)
		&& authority_path(authority, path, err, "devices/%s/device.json", record->id)
		&& file_replace(path, buf_bytes(&facts), 0600, err);
}

/* ---- certifying ---- */

/* The certificate that RECORD, of this KEY, asks for. */
static bool holder_of(const struct device_record *record, int64_t days,
	struct certificate_holder *out, struct error *err)
{
	struct certificate_holder holder = {.role = CERTIFICATE_DEVICE};

	holder.not_before = time(NULL);
	holder.not_after = days == 0 ? INT64_MAX : holder.not_before + days * 86400;
	memcpy(holder.id, record->id, sizeof(holder.id));
	memcpy(holder.name, record->id, sizeof(holder.id));
	if (record->group[0] != 0)
		memcpy(holder.groups[holder.group_count++], record->group,
			sizeof(holder.groups[0]));
	holder.has_identity = true;
	if (!identity_digest(bytes_of(record->identity), &holder.identity, err))
		return false;
	*out = holder;
	return true;
}

static bool same(const struct device_record *a, const struct device_record *b)
{
	return digest_equal(&a->key, &b->key) && strcmp(a->group, b->group) == 0
		&& strcmp(a->identity, b->identity) == 0;
}

static bool certify(struct authority *authority, const struct crypto_key *issuer,
	const struct crypto_public *key, int64_t days, struct device_record *record,
	struct error *err)
{
	struct certificate_holder holder;

	buf_free(&record->chain);
	return holder_of(record, days, &holder, err)
		&& authority_certify(authority, issuer, key, &holder, &record->chain, err)
		&& device_record_write(authority, record, err);
}

bool device_record_certify(struct authority *authority, const struct crypto_key *issuer,
	const struct crypto_public *key, int64_t days, bool replace,
	struct device_record *record, struct error *err)
{
	CLEANUP(device_record_free) struct device_record known = {0};
	bool found = false;

	if (!crypto_public_fingerprint(key, &record->key, err)
		|| !device_record_read(authority, record->id, &known, &found, err))
		return false;
	if (found && same(&known, record)) {
		buf_free(&record->chain);
		record->chain = known.chain;
		known.chain = (struct buf){0};
		return true;
	}
	if (found && !digest_equal(&known.key, &record->key) && !replace)
		return error_set(err, ERROR_BUSY,
			"%s: certified before with another key; --replace if the device was "
			"replaced, or reset",
			record->id);
	if (found && strcmp(known.identity, record->identity) != 0 && !replace)
		return error_set(err, ERROR_BUSY,
			"%s: certified before with the identity %s; --replace if that is right",
			record->id, known.identity);
	return certify(authority, issuer, key, days, record, err)
		|| error_while(err, "%s", record->id);
}
