/* What metadata may say, and what they may not: one change to a good file at a time. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/tuf/tuf_path.h"
#include "tests/test.h"
#include "tests/tuf_office.h"

#define HEAD(type)                                                                             \
	"{\"_type\":\"" type "\",\"spec_version\":\"1.0.34\",\"version\":7,"                   \
	"\"expires\":\"2030-04-17T00:00:00Z\","
#define ROLES                                                                                  \
	"\"roles\":{\"root\":{\"keyids\":[\"k\"],\"threshold\":1},"                            \
	"\"timestamp\":{\"keyids\":[],\"threshold\":1},"                                       \
	"\"snapshot\":{\"keyids\":[],\"threshold\":1},"                                        \
	"\"targets\":{\"keyids\":[],\"threshold\":1}}"
#define DELEGATION                                                                             \
	"{\"name\":\"r\",\"keyids\":[],\"threshold\":1,\"terminating\":false,\"paths\":[]}"
#define H256 "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

static const char good_root[]
	= HEAD("root") "\"consistent_snapshot\":true,\"keys\":{}," ROLES ",\"x\":[{}]}";
static const char good_timestamp[]
	= HEAD("timestamp") "\"meta\":{\"snapshot.json\":{\"version\":3,\"length\":9,"
			    "\"hashes\":{\"sha256\":\"" H256 "\"}}}}";
static const char good_snapshot[]
	= HEAD("snapshot") "\"meta\":{\"targets.json\":{\"version\":3}}}";
static const char good_targets[]
	= HEAD("targets") "\"targets\":{\"a/b\":{\"length\":0,\"hashes\":{\"sha256\":\"" H256
			  "\"},\"custom\":{\"x\":[1]}}},\"delegations\":{\"keys\":{},\"roles\":"
			  "[" DELEGATION "]}}";

static const char *const good[TUF_KIND_COUNT] = {
	[TUF_ROOT] = good_root,
	[TUF_TIMESTAMP] = good_timestamp,
	[TUF_SNAPSHOT] = good_snapshot,
	[TUF_TARGETS] = good_targets,
};

/* Read SIGNED_PART in an envelope without signatures. */
static bool read_signed(enum tuf_kind kind, const char *signed_part, struct tuf_metadata **out,
	struct error *err)
{
	CLEANUP(tuf_metadata_cleanup) struct tuf_metadata *metadata = NULL;
	CLEANUP(buf_free) struct buf raw = {0};

	if (!buf_print(&raw, err, "{\"signatures\":[],\"signed\":%s}", signed_part)
		|| !tuf_metadata_new(&raw, kind, true, &metadata, err)
		|| !tuf_metadata_read(metadata, err))
		return false;
	*out = metadata;
	metadata = NULL;
	return true;
}

/* TEXT with the first OLD replaced. */
static void replaced(const char *text, const char *old, const char *new, struct buf *out)
{
	const char *const at = strstr(text, old);
	struct error err = {0};

	if (at == NULL) {
		fail_msg("%s is not in %s", old, text);
		abort();
	}
	MUST(buf_print(out, &err, "%.*s%s%s", (int)(at - text), text, new, at + strlen(old)));
}

/* A change, and the refusal; NULL: none. */
struct row {
	enum tuf_kind kind;
	const char *old, *new, *why;
};

static void check(const struct row *row)
{
	CLEANUP(tuf_metadata_cleanup) struct tuf_metadata *metadata = NULL;
	CLEANUP(buf_free) struct buf changed = {0};
	const char *text = NULL;
	struct error err = {0};

	replaced(good[row->kind], row->old, row->new, &changed);
	MUST(buf_text(&changed, &text, &err));
	if (row->why == NULL) {
		MUST(read_signed(row->kind, text, &metadata, &err));
		return;
	}
	if (read_signed(row->kind, text, &metadata, &err))
		fail_msg("%s for %s: accepted", row->new, row->old);
	if (strstr(err.text, row->why) == NULL)
		fail_msg("%s for %s: %s", row->new, row->old, err.text);
	assert_int_equal(err.code, ERROR_MALFORMED);
	assert_null(metadata);
}

static void check_all(const struct row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++)
		check(&rows[i]);
}

static void common_fields_are_what_they_must_be(void **state)
{
	static const struct row rows[] = {
		{TUF_ROOT, "\"root\"", "\"Root\"", "_type is not root"},
		{TUF_SNAPSHOT, "\"snapshot\"", "\"timestamp\"", "_type is not snapshot"},
		{TUF_ROOT, "1.0.34", "1.0", NULL},
		{TUF_ROOT, "1.0.34", "1.9.999", NULL},
		{TUF_ROOT, "1.0.34", "1", "spec_version"},
		{TUF_ROOT, "1.0.34", "2.0.0", "spec_version"},
		{TUF_ROOT, "1.0.34", "1.0.", "spec_version"},
		{TUF_ROOT, "1.0.34", "1.0.0.0", "spec_version"},
		{TUF_ROOT, "1.0.34", "1.a", "spec_version"},
		{TUF_ROOT, "1.0.34", "10.0", "spec_version"},
		{TUF_ROOT, "\"1.0.34\"", "1", "spec_version: not a string"},
		{TUF_ROOT, ":7", ":0", "version: 0"},
		{TUF_ROOT, ":7", ":-1", "version: not an integer"},
		{TUF_ROOT, ":7", ":\"7\"", "version: not an integer"},
		{TUF_ROOT, ":7", ":7.0", "number that is no integer"},
		{TUF_ROOT, ":7", ":7e0", "number that is no integer"},
		{TUF_ROOT, ":7", ":9007199254740991", NULL},
		{TUF_ROOT, ":7", ":9007199254740992", "integer over 2^53 - 1"},
		{TUF_ROOT, "\"version\":7,", "", "version missing"},
		{TUF_ROOT, "version\":7", "version\":7,\"version\":8", "duplicate key"},
		{TUF_ROOT, "version\":7", "version\":7,\"ver\\u0073ion\":8", "duplicate key"},
		{TUF_ROOT, "\"version\"", "\"ver\\u0073ion\"", NULL},
	};

	(void)state;
	check_all(rows, COUNT(rows));
}

static void expiry_has_one_shape(void **state)
{
	static const char *const bad[] = {"2030-04-17T00:00:00", "2030-04-17 00:00:00Z",
		"2030-04-17T00:00:00.0Z", "2030-04-17T00:00:00+00:00", "2030-4-17T00:00:00Z",
		"2030-13-17T00:00:00Z", "2030-00-17T00:00:00Z", "2030-02-29T00:00:00Z",
		"2030-04-31T00:00:00Z", "2030-04-17T24:00:00Z", "2030-04-17T23:60:00Z",
		"2030-04-17T23:59:60Z", "2030-04-17T00:00:00Z ", "", "never"};
	CLEANUP(tuf_metadata_cleanup) struct tuf_metadata *metadata = NULL;
	struct error err = {0};

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++)
		check(&(struct row){TUF_ROOT, "2030-04-17T00:00:00Z", bad[i], "expires: n"});
	check(&(struct row){TUF_ROOT, "2030-04-17", "2032-02-29", NULL});
	check(&(struct row){TUF_ROOT, "2030-04-17", "9999-12-31", NULL});
	MUST(read_signed(TUF_ROOT, good_root, &metadata, &err));
	assert_int_equal(metadata->expires, 1902614400);
	assert_int_equal(metadata->version, 7);
	assert_true(metadata->consistent_snapshot);
}

static void a_root_names_four_roles_and_may_name_more(void **state)
{
	static const struct row rows[] = {
		{TUF_ROOT, "\"consistent_snapshot\":true,", "", NULL},
		{TUF_ROOT, "true", "1", "consistent_snapshot: neither true nor false"},
		{TUF_ROOT, "\"keys\":{},", "", "keys missing"},
		{TUF_ROOT, "\"keys\":{}", "\"keys\":[]", "keys: not an object"},
		{TUF_ROOT, "\"snapshot\":{", "\"mirrors\":{", "roles: no snapshot"},
		{TUF_ROOT, "\"roles\":{", "\"roles\":{\"mirrors\":[1,{\"a\":2}],", NULL},
		{TUF_ROOT, "\"threshold\":1", "\"threshold\":0", "threshold: 0"},
		{TUF_ROOT, "\"threshold\":1", "\"threshold\":null", "threshold: not"},
		{TUF_ROOT, ",\"threshold\":1", "", "threshold missing"},
		{TUF_ROOT, "[\"k\"]", "[\"k\",\"k\"]", "keyids: the same one twice"},
		{TUF_ROOT, "[\"k\"]", "[\"k\",1]", "keyids: not a string"},
		{TUF_ROOT, "[\"k\"]", "{}", "keyids: not an array"},
	};

	(void)state;
	check_all(rows, COUNT(rows));
}

static void listings_say_version_length_and_hashes(void **state)
{
	static const struct row rows[] = {
		{TUF_TIMESTAMP, "snapshot.json", "other.json", "meta: no snapshot.json"},
		{TUF_SNAPSHOT, "targets.json", "other.json", "meta: no targets.json"},
		{TUF_TIMESTAMP, "\"version\":3,", "", "version missing"},
		{TUF_TIMESTAMP, "\"version\":3", "\"version\":0", "version: 0"},
		{TUF_TIMESTAMP, "\"length\":9,", "", NULL},
		{TUF_TIMESTAMP, "\"length\":9", "\"length\":-9", "length: not"},
		{TUF_TIMESTAMP, "\"sha256\":\"" H256 "\"", "", "hashes: none"},
		{TUF_TIMESTAMP, "\"" H256 "\"", "1", "not a string"},
		{TUF_TIMESTAMP, "\"meta\":{", "\"meta\":[],\"y\":{", "meta: not an object"},
		{TUF_TIMESTAMP, "{\"snapshot.json\":{",
			"{\"x.json\":{\"version\":1},\"snapshot.json\":{", NULL},
	};

	(void)state;
	check_all(rows, COUNT(rows));
}

static void targets_and_delegations_are_what_they_must_be(void **state)
{
	static const struct row rows[] = {
		{TUF_TARGETS, "\"length\":0,", "", "length missing"},
		{TUF_TARGETS, "\"length\":0", "\"length\":-1", "length: not"},
		{TUF_TARGETS, "\"hashes\":{\"sha256\":\"" H256 "\"},", "", "hashes missing"},
		{TUF_TARGETS, "sha256", "md5", NULL}, /* refused when it is downloaded */
		{TUF_TARGETS, ",\"custom\":{\"x\":[1]}", "", NULL},
		{TUF_TARGETS, "\"name\":\"r\"", "\"name\":\"\"", "name: empty"},
		{TUF_TARGETS, "\"name\":\"r\"", "\"name\":\"root\"", "cannot be delegated"},
		{TUF_TARGETS, "\"name\":\"r\"", "\"name\":\"targets\"", "cannot be delegated"},
		{TUF_TARGETS, ",\"terminating\":false", "", "terminating missing"},
		{TUF_TARGETS, ",\"paths\":[]", "", "either paths or"},
		{TUF_TARGETS, "\"paths\":[]", "\"paths\":[],\"path_hash_prefixes\":[]",
			"either paths or"},
		{TUF_TARGETS, "\"paths\":[]", "\"path_hash_prefixes\":[]", NULL},
		{TUF_TARGETS, DELEGATION, DELEGATION "," DELEGATION, "same name"},
		{TUF_TARGETS, "\"roles\":[" DELEGATION "]", "\"x\":1", "either roles or"},
		{TUF_TARGETS, "\"roles\":[" DELEGATION "]",
			"\"roles\":[],\"succinct_roles\":{\"keyids\":[],\"threshold\":1,"
			"\"bit_length\":1,\"name_prefix\":\"b\"}",
			"either roles or"},
		{TUF_TARGETS, "\"roles\":[" DELEGATION "]",
			"\"succinct_roles\":{\"keyids\":[],\"threshold\":1,"
			"\"bit_length\":32,\"name_prefix\":\"b\"}",
			NULL},
		{TUF_TARGETS, "\"roles\":[" DELEGATION "]",
			"\"succinct_roles\":{\"keyids\":[],\"threshold\":1,"
			"\"bit_length\":33,\"name_prefix\":\"b\"}",
			"bit_length: over 32"},
		{TUF_TARGETS, "\"roles\":[" DELEGATION "]",
			"\"succinct_roles\":{\"keyids\":[],\"threshold\":1,"
			"\"bit_length\":0,\"name_prefix\":\"b\"}",
			"bit_length: 0"},
	};

	(void)state;
	check_all(rows, COUNT(rows));
}

static void names_and_patterns_have_limits(void **state)
{
	char name[TUF_PATH_MAX + 16], at_limit[TUF_PATH_MAX + 16];

	(void)state;
	(void)snprintf(name, sizeof(name), "\"name\":\"%0*d\"", TUF_NAME_MAX + 1, 0);
	(void)snprintf(at_limit, sizeof(at_limit), "\"name\":\"%0*d\"", TUF_NAME_MAX, 0);
	check(&(struct row){TUF_TARGETS, "\"name\":\"r\"", name, "too long"});
	check(&(struct row){TUF_TARGETS, "\"name\":\"r\"", at_limit, NULL});
	(void)snprintf(name, sizeof(name), "\"paths\":[\"%0*d\"]", TUF_PATH_MAX + 1, 0);
	(void)snprintf(at_limit, sizeof(at_limit), "\"paths\":[\"%0*d\"]", TUF_PATH_MAX, 0);
	check(&(struct row){TUF_TARGETS, "\"paths\":[]", name, "over 1024 bytes"});
	check(&(struct row){TUF_TARGETS, "\"paths\":[]", at_limit, NULL});
}

static void the_envelope_is_strict(void **state)
{
	static const struct {
		const char *raw, *why;
	} rows[] = {
		{"", "JSON"},
		{"{", "JSON"},
		{"[]", "not an object"},
		{"{\"signed\":{}}", "signatures missing"},
		{"{\"signatures\":[]}", "signed missing"},
		{"{\"signatures\":[],\"signed\":[]}", "signed: not an object"},
		{"{\"signatures\":{},\"signed\":{}}", "signatures: not an array"},
		{"{\"signatures\":[{\"keyid\":\"a\"}],\"signed\":{}}", "sig missing"},
		{"{\"signatures\":[{\"keyid\":1,\"sig\":\"\"}],\"signed\":{}}", "keyid: not"},
		{"{\"signatures\":[{\"keyid\":\"a\",\"sig\":\"\"},{\"keyid\":\"\\u0061\","
		 "\"sig\":\"\"}],\"signed\":{}}",
			"two signatures"},
		{"{\"signatures\":[],\"signed\":{},\"signed\":{}}", "duplicate key"},
		{"{\"signatures\":[],\"signed\":{\"a\":1.5}}", "no integer"},
		{"{\"signatures\":[],\"signed\":{\"a\":\"\\u0000\"}}", "U+0000"},
		{"{\"signatures\":[],\"signed\":{\"a\":\"\\ud800\"}}", "lone surrogate"},
		{"\xef\xbb\xbf{\"signatures\":[],\"signed\":{}}", "byte order mark"},
		{"{\"signatures\":[],\"signed\":{}} x", "something after"},
		{"{\"signatures\":[],\"signed\":{}} \n", NULL},
		{"{\"x\":[1],\"signatures\":[],\"signed\":{},\"y\":{}}", NULL},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		CLEANUP(tuf_metadata_cleanup) struct tuf_metadata *metadata = NULL;
		CLEANUP(buf_free) struct buf raw = {0};
		struct error err = {0};

		MUST(buf_append(&raw, bytes_of(rows[i].raw), &err));
		if (rows[i].why == NULL) {
			MUST(tuf_metadata_new(&raw, TUF_ROOT, true, &metadata, &err));
			continue;
		}
		assert_false(tuf_metadata_new(&raw, TUF_ROOT, true, &metadata, &err));
		if (strstr(err.text, rows[i].why) == NULL)
			fail_msg("%s: %s", rows[i].raw, err.text);
	}
}

static void targets_are_found_by_what_their_names_mean(void **state)
{
	static const char listed[]
		= HEAD("targets") "\"targets\":{"
				  "\"z\":{\"length\":1,\"hashes\":{\"sha256\":\"" H256
				  "\"},\"custom\":[1, 2]},"
				  "\"a\\/\\u00e9\":{\"length\":2,\"hashes\":{\"sha256\":\"" H256
				  "\"}},"
				  "\"\\\\n\\\"\":{\"length\":3,\"hashes\":{\"sha256\":\"" H256
				  "\"}},"
				  "\"\\n\":{\"length\":4,\"hashes\":{\"sha256\":\"" H256 "\"}},"
				  "\"m\":{\"length\":5,\"hashes\":{\"sha256\":\"" H256 "\"}}}}";
	static const struct {
		const char *path;
		int length;
	} rows[] = {{"z", 1}, {"a/\xc3\xa9", 2}, {"\\n\"", 3}, {"\n", 4}, {"m", 5}, {"n", 0},
		{"\\", 0}, {"\\u006d", 0}, {"\"", 0}};
	CLEANUP(tuf_metadata_cleanup) struct tuf_metadata *metadata = NULL;
	struct error err = {0};

	(void)state;
	MUST(read_signed(TUF_TARGETS, listed, &metadata, &err));
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct tuf_target_facts facts = {0};
		bool found = false;

		MUST(tuf_metadata_target(metadata, rows[i].path, &facts, &found, &err));
		assert_int_equal(found, rows[i].length != 0);
		assert_int_equal(facts.length, rows[i].length);
		assert_int_equal(facts.hashes.has_sha256, found);
		if (rows[i].length == 1)
			assert_true(bytes_equal(facts.custom, bytes_of("[1, 2]")));
	}
}

static void files_are_held_to_every_hash(void **state)
{
	struct tuf_hashes hashes = {.has_sha256 = true};
	struct error err = {0};

	(void)state;
	MUST(digest_parse(H256, &hashes.sha256, &err));
	MUST(tuf_check_file(bytes_of(""), -1, &hashes, &err));
	MUST(tuf_check_file(bytes_of(""), 0, &hashes, &err));
	assert_false(tuf_check_file(bytes_of(""), 1, &hashes, &err));
	assert_false(tuf_check_file(bytes_of("x"), -1, &hashes, &err));
	assert_int_equal(err.code, ERROR_SIGNATURE);
	hashes.has_sha512 = true;
	assert_false(tuf_check_file(bytes_of(""), -1, &hashes, &err));
	hashes = (struct tuf_hashes){.unusable = true};
	assert_false(tuf_check_file(bytes_of(""), -1, &hashes, &err));
	hashes = (struct tuf_hashes){.unusable = false};
	MUST(tuf_check_file(bytes_of("anything"), -1, &hashes, &err));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(common_fields_are_what_they_must_be),
		cmocka_unit_test(expiry_has_one_shape),
		cmocka_unit_test(a_root_names_four_roles_and_may_name_more),
		cmocka_unit_test(listings_say_version_length_and_hashes),
		cmocka_unit_test(targets_and_delegations_are_what_they_must_be),
		cmocka_unit_test(names_and_patterns_have_limits),
		cmocka_unit_test(the_envelope_is_strict),
		cmocka_unit_test(targets_are_found_by_what_their_names_mean),
		cmocka_unit_test(files_are_held_to_every_hash),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
