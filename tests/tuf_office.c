#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/json.h"
#include "tests/test.h"
#include "tests/tuf_office.h"

const struct office_state office_first = {
	.roles = {
		[TUF_ROOT] = {1, "a", NULL, OFFICE_FUTURE, 1},
		[TUF_TIMESTAMP] = {1, "b", NULL, OFFICE_FUTURE, 1},
		[TUF_SNAPSHOT] = {1, "c", NULL, OFFICE_FUTURE, 1},
		[TUF_TARGETS] = {1, "d", NULL, OFFICE_FUTURE, 1},
	},
};

/* ---- keys ---- */

static void describe(struct crypto_key *key, char *text, size_t room)
{
	enum { BASE64_AT = 27, BASE64_LEN = 60, DER_SIZE = 44 }; /* one line of PEM */
	CLEANUP(crypto_public_cleanup) struct crypto_public *public = NULL;
	CLEANUP(buf_free) struct buf pem = {0}, der = {0};
	char hex[2 * CRYPTO_ED25519_SIZE + 1];
	struct error err = {0};

	MUST(crypto_public_of(key, &public, &err));
	MUST(crypto_public_pem(public, &pem, &err));
	MUST(crypto_base64_decode((struct bytes){pem.at + BASE64_AT, BASE64_LEN}, &der, &err));
	assert_int_equal(der.len, DER_SIZE);
	hex_encode((struct bytes){der.at + DER_SIZE - CRYPTO_ED25519_SIZE, CRYPTO_ED25519_SIZE},
		hex);
	(void)snprintf(text, room,
		"{\"keytype\":\"ed25519\",\"keyval\":{\"public\":\"%s\"},"
		"\"scheme\":\"ed25519\"}",
		hex);
}

void office_new(struct office *office)
{
	struct error err = {0};

	*office = (struct office){.stores = 0};
	for (int i = 0; i < OFFICE_KEYS; i++) {
		SECRET seed = {{(uint8_t)(i + 1)}};
		struct digest digest;

		MUST(crypto_key_from_seed(&seed, &office->keys[i].key, &err));
		describe(office->keys[i].key, office->keys[i].text,
			sizeof(office->keys[i].text));
		MUST(crypto_sha256(bytes_of(office->keys[i].text), &digest, &err));
		digest_text(&digest, office->keys[i].id);
	}
}

void office_done(struct office *office)
{
	for (int i = 0; i < OFFICE_KEYS; i++)
		crypto_key_free(office->keys[i].key);
	for (int i = 0; i < OFFICE_FILES; i++) {
		buf_free(&office->served[i].content);
		buf_free(&office->stored[i].content);
	}
	buf_free(&office->asked);
}

/* ---- files ---- */

static struct office_file *find(struct office_file *files, const char *name)
{
	for (int i = 0; i < OFFICE_FILES; i++)
		if (strcmp(files[i].name, name) == 0)
			return &files[i];
	return NULL;
}

static struct office_file *must_find(struct office_file *files, const char *name)
{
	struct office_file *const file = find(files, name);

	if (file == NULL) {
		fail_msg("no file %s", name);
		abort();
	}
	return file;
}

static void put(struct office_file *files, const char *name, struct bytes content)
{
	struct office_file *file = find(files, name);
	struct error err = {0};

	if (file == NULL)
		file = must_find(files, "");
	(void)snprintf(file->name, sizeof(file->name), "%s", name);
	file->content.len = 0;
	MUST(buf_append(&file->content, content, &err));
}

void office_serve(struct office *office, const char *name, struct bytes content)
{
	put(office->served, name, content);
}

void office_remove(struct office *office, const char *name)
{
	must_find(office->served, name)->name[0] = 0;
}

static bool get(struct office_file *files, const char *name, struct buf *out, bool *found,
	struct error *err)
{
	const struct office_file *const file = find(files, name);

	*found = file != NULL;
	return file == NULL || buf_append(out, buf_bytes(&file->content), err);
}

static bool fetch(void *self, const char *name, size_t max, struct buf *out, bool *found,
	struct error *err)
{
	struct office *const office = self;

	(void)max;
	if (!buf_print(&office->asked, err, "%s ", name))
		return false;
	if (office->broken != NULL && strcmp(office->broken, name) == 0)
		return error_set(err, ERROR_LINK, "the cable was pulled");
	return get(office->served, name, out, found, err);
}

static bool load(void *self, const char *name, size_t max, struct buf *out, bool *found,
	struct error *err)
{
	struct office *const office = self;

	(void)max;
	return get(office->stored, name, out, found, err);
}

static bool store(void *self, const char *name, struct bytes content, struct error *err)
{
	struct office *const office = self;

	if (++office->stores == office->fail_store)
		return error_set(err, ERROR_SPACE, "no space");
	put(office->stored, name, content);
	return true;
}

struct tuf_host office_host(struct office *office)
{
	return (struct tuf_host){fetch, load, store, office};
}

/* ---- signing ---- */

void office_sign(
	struct office *office, const char *signed_part, const char *signers, struct buf *out)
{
	CLEANUP(buf_free) struct buf form = {0};
	struct error err = {0};

	MUST(json_canonical(bytes_of(signed_part), &form, &err));
	MUST(buf_print(out, &err, "{\"signatures\":["));
	for (const char *letter = signers; *letter != 0; letter++) {
		struct crypto_signature signature;
		char hex[2 * CRYPTO_SIGNATURE_MAX + 1];

		MUST(crypto_sign(
			office->keys[*letter - 'a'].key, buf_bytes(&form), &signature, &err));
		hex_encode((struct bytes){signature.at, signature.len}, hex);
		MUST(buf_print(out, &err, "%s{\"keyid\":\"%s\",\"sig\":\"%s\"}",
			letter == signers ? "" : ",", office->keys[*letter - 'a'].id, hex));
	}
	MUST(buf_print(out, &err, "],\"signed\":%s}", signed_part));
}

void office_keys(struct office *office, const char *keys, struct buf *out)
{
	struct error err = {0};

	for (const char *letter = keys; *letter != 0; letter++)
		MUST(buf_print(out, &err, "%s\"%s\":%s", letter == keys ? "" : ",",
			office->keys[*letter - 'a'].id, office->keys[*letter - 'a'].text));
}

static void print_ids(struct office *office, const char *keys, struct buf *out)
{
	struct error err = {0};

	for (const char *letter = keys; *letter != 0; letter++)
		MUST(buf_print(out, &err, "%s\"%s\"", letter == keys ? "" : ",",
			office->keys[*letter - 'a'].id));
}

void office_delegation(struct office *office, const char *name, const char *keys,
	const char *paths, bool terminating, struct buf *out)
{
	struct error err = {0};

	MUST(buf_print(out, &err,
		"{\"name\":\"%s\",\"paths\":%s,\"terminating\":%s,"
		"\"threshold\":1,\"keyids\":[",
		name, paths, terminating ? "true" : "false"));
	print_ids(office, keys, out);
	MUST(buf_print(out, &err, "]}"));
}

/* ---- publishing ---- */

static void begin(const char *type, int64_t version, const char *expires, struct buf *out)
{
	struct error err = {0};

	MUST(buf_print(out, &err,
		"{\"_type\":\"%s\",\"spec_version\":\"1.0.34\",\"version\":%lld,"
		"\"expires\":\"%s\",",
		type, (long long)version, expires));
}

/* VERSION 0: without one in its name. */
static void sign_and_serve(struct office *office, const char *name, int64_t version,
	const char *signers, struct buf *signed_part)
{
	CLEANUP(buf_free) struct buf file = {0};
	const char *text = NULL;
	struct error err = {0};
	char path[80];

	MUST(buf_text(signed_part, &text, &err));
	office_sign(office, text, signers, &file);
	if (version > 0)
		(void)snprintf(path, sizeof(path), "%lld.%s.json", (long long)version, name);
	else
		(void)snprintf(path, sizeof(path), "%s.json", name);
	office_serve(office, path, buf_bytes(&file));
}

static void publish(struct office *office, const struct office_state *state, enum tuf_kind kind,
	struct buf *body)
{
	const struct office_role *const role = &state->roles[kind];
	const bool plain = kind == TUF_TIMESTAMP || (kind != TUF_ROOT && state->plain_names);
	CLEANUP(buf_free) struct buf signed_part = {0};
	struct error err = {0};

	begin(tuf_kind_name(kind), role->version, role->expires, &signed_part);
	MUST(buf_append(&signed_part, buf_bytes(body), &err));
	MUST(buf_print(&signed_part, &err, "}"));
	sign_and_serve(office, tuf_kind_name(kind), plain ? 0 : role->version,
		role->signers == NULL ? role->keys : role->signers, &signed_part);
}

static void publish_root(struct office *office, const struct office_state *state)
{
	CLEANUP(buf_free) struct buf body = {0};
	struct error err = {0};

	MUST(buf_print(&body, &err, "\"consistent_snapshot\":%s,\"keys\":{",
		state->plain_names ? "false" : "true"));
	office_keys(office, "abcdefgh", &body);
	MUST(buf_print(&body, &err, "},\"roles\":{"));
	for (int kind = 0; kind < TUF_KIND_COUNT; kind++) {
		MUST(buf_print(&body, &err, "%s\"%s\":{\"threshold\":%d,\"keyids\":[",
			kind == 0 ? "" : ",", tuf_kind_name((enum tuf_kind)kind),
			state->roles[kind].threshold));
		print_ids(office, state->roles[kind].keys, &body);
		MUST(buf_print(&body, &err, "]}"));
	}
	MUST(buf_print(&body, &err, "}"));
	publish(office, state, TUF_ROOT, &body);
}

static const char *or_nothing(const char *text)
{
	return text == NULL ? "" : text;
}

void office_publish(struct office *office, const struct office_state *state)
{
	CLEANUP(buf_free) struct buf timestamp = {0}, snapshot = {0}, targets = {0};
	struct error err = {0};

	publish_root(office, state);
	MUST(buf_print(&targets, &err, "\"targets\":{%s}%s", or_nothing(state->targets),
		or_nothing(state->more_targets)));
	publish(office, state, TUF_TARGETS, &targets);
	MUST(buf_print(&snapshot, &err, "\"meta\":{\"targets.json\":{\"version\":%lld}%s}",
		(long long)state->roles[TUF_TARGETS].version, or_nothing(state->listed)));
	publish(office, state, TUF_SNAPSHOT, &snapshot);
	MUST(buf_print(&timestamp, &err, "\"meta\":{\"snapshot.json\":{\"version\":%lld}}",
		(long long)state->roles[TUF_SNAPSHOT].version));
	if (state->issued != NULL)
		MUST(buf_print(&timestamp, &err, ",\"x-issued\":\"%s\"", state->issued));
	publish(office, state, TUF_TIMESTAMP, &timestamp);
}

void office_publish_role(struct office *office, const char *name, int64_t version,
	const char *signers, const char *targets, const char *more)
{
	CLEANUP(buf_free) struct buf signed_part = {0};
	struct error err = {0};

	begin("targets", version, OFFICE_FUTURE, &signed_part);
	MUST(buf_print(&signed_part, &err, "\"targets\":{%s}%s}", targets, more));
	sign_and_serve(office, name, version, signers, &signed_part);
}

void office_trust(struct office *office, int64_t version)
{
	char name[32];

	(void)snprintf(name, sizeof(name), "%lld.root.json", (long long)version);
	put(office->stored, "root.json", buf_bytes(&must_find(office->served, name)->content));
}

int64_t office_stored(struct office *office, const char *name)
{
	static const char before[] = "\"version\":";
	struct office_file *const file = find(office->stored, name);
	const char *text = NULL;
	struct error err = {0};

	if (file == NULL)
		return 0;
	MUST(buf_text(&file->content, &text, &err));
	text = strstr(text, before);
	return text == NULL ? -1 : strtoll(text + strlen(before), NULL, 10);
}

bool office_refresh(struct office *office, struct tuf **out, struct error *err)
{
	const struct tuf_host host = office_host(office);
	const struct tuf_settings settings = {.now = OFFICE_NOW};

	office->asked.len = 0;
	tuf_cleanup(out);
	return tuf_open(&host, &settings, out, err) && tuf_refresh(*out, err);
}
