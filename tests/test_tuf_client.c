/* The workflow, step by step: what is stored, what is asked for, and which failure. */
#include <stdio.h>
#include <string.h>

#include "tests/test.h"
#include "tests/tuf_office.h"

/* What is stored, in the order of the kinds. */
static void stored_are(
	struct office *office, int root, int timestamp, int snapshot, int targets)
{
	assert_int_equal(office_stored(office, "root.json"), root);
	assert_int_equal(office_stored(office, "timestamp.json"), timestamp);
	assert_int_equal(office_stored(office, "snapshot.json"), snapshot);
	assert_int_equal(office_stored(office, "targets.json"), targets);
}

static void asked_are(struct office *office, const char *names)
{
	const char *asked = NULL;
	struct error err = {0};

	MUST(buf_text(&office->asked, &asked, &err));
	assert_string_equal(asked, names);
}

static void fails(struct office *office, enum error_code code, const char *why)
{
	CLEANUP(tuf_cleanup) struct tuf *tuf = NULL;
	struct error err = {0};

	assert_false(office_refresh(office, &tuf, &err));
	assert_string_equal(err.text, why);
	assert_int_equal(err.code, code);
}

static void works(struct office *office)
{
	CLEANUP(tuf_cleanup) struct tuf *tuf = NULL;
	struct error err = {0};

	MUST(office_refresh(office, &tuf, &err));
}

/* Everything at VERSION but the root. */
static struct office_state at_version(int64_t version)
{
	struct office_state state = office_first;

	for (int kind = TUF_TIMESTAMP; kind < TUF_KIND_COUNT; kind++)
		state.roles[kind].version = version;
	return state;
}

/* A client that has seen version 5 of everything but the root. */
static void begin_at_five(struct office *office)
{
	const struct office_state state = at_version(5);

	office_new(office);
	office_publish(office, &state);
	office_trust(office, 1);
	works(office);
	stored_are(office, 1, 5, 5, 5);
}

static void a_refresh_asks_for_each_role_once_and_then_only_for_news(void **state)
{
	CLEANUP(office_done) struct office office;

	(void)state;
	begin_at_five(&office);
	asked_are(&office, "2.root.json timestamp.json 5.snapshot.json 5.targets.json ");
	works(&office);
	asked_are(&office, "2.root.json timestamp.json ");
	assert_int_equal(office.stores, 3);
}

static void plain_names_have_no_versions(void **state)
{
	struct office_state plain = office_first;
	CLEANUP(office_done) struct office office;

	(void)state;
	plain.plain_names = true;
	office_new(&office);
	office_publish(&office, &plain);
	office_trust(&office, 1);
	works(&office);
	asked_are(&office, "2.root.json timestamp.json snapshot.json targets.json ");
}

/* Each row: who does not sign, what is refused, what is stored afterwards. */
static void a_failure_leaves_what_was_verified_before_it(void **state)
{
	static const struct {
		enum tuf_kind kind;
		const char *signers, *expires, *why;
		enum error_code code;
		int stored[TUF_KIND_COUNT];
	} rows[] = {
		{TUF_TIMESTAMP, "h", OFFICE_FUTURE,
			"timestamp: signed by 0 of the 1 keys it needs", ERROR_SIGNATURE,
			{2, 5, 5, 5}},
		{TUF_SNAPSHOT, "h", OFFICE_FUTURE,
			"snapshot: signed by 0 of the 1 keys it needs", ERROR_SIGNATURE,
			{2, 6, 5, 5}},
		{TUF_TARGETS, "h", OFFICE_FUTURE, "targets: signed by 0 of the 1 keys it needs",
			ERROR_SIGNATURE, {2, 6, 6, 5}},
		{TUF_ROOT, "a", OFFICE_PAST, "root: authentic, but it has expired",
			ERROR_EXPIRED, {2, 5, 5, 5}},
		{TUF_ROOT, "h", OFFICE_FUTURE,
			"2.root.json: signed by 0 of the 1 keys it needs", ERROR_SIGNATURE,
			{1, 5, 5, 5}},
		{TUF_TIMESTAMP, "b", OFFICE_PAST, "timestamp: authentic, but it has expired",
			ERROR_EXPIRED, {2, 5, 5, 5}},
		{TUF_SNAPSHOT, "c", OFFICE_PAST, "snapshot: authentic, but it has expired",
			ERROR_EXPIRED, {2, 6, 5, 5}},
		{TUF_TARGETS, "d", OFFICE_PAST, "targets: authentic, but it has expired",
			ERROR_EXPIRED, {2, 6, 6, 5}},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct office_state six = at_version(6);
		CLEANUP(office_done) struct office office;

		begin_at_five(&office);
		six.roles[TUF_ROOT].version = 2;
		six.roles[rows[i].kind].signers = rows[i].signers;
		six.roles[rows[i].kind].expires = rows[i].expires;
		office_publish(&office, &six);
		fails(&office, rows[i].code, rows[i].why);
		stored_are(&office, rows[i].stored[0], rows[i].stored[1], rows[i].stored[2],
			rows[i].stored[3]);
	}
}

static void what_expires_now_has_expired(void **state)
{
	static const char now[] = "2030-03-17T17:46:40Z", next[] = "2030-03-17T17:46:41Z";
	struct office_state edge = at_version(6);
	CLEANUP(office_done) struct office office;

	(void)state;
	begin_at_five(&office);
	edge.roles[TUF_TIMESTAMP].expires = now;
	office_publish(&office, &edge);
	fails(&office, ERROR_EXPIRED, "timestamp: authentic, but it has expired");
	edge.roles[TUF_TIMESTAMP].expires = next;
	office_publish(&office, &edge);
	works(&office);
}

static void what_is_missing_is_not_what_is_unreachable(void **state)
{
	const struct office_state six = at_version(6);
	CLEANUP(office_done) struct office office;

	(void)state;
	begin_at_five(&office);
	office_publish(&office, &six);
	office.broken = "2.root.json";
	fails(&office, ERROR_LINK, "2.root.json: the cable was pulled");
	asked_are(&office, "2.root.json ");
	office.broken = "6.snapshot.json";
	fails(&office, ERROR_LINK, "snapshot: 6.snapshot.json: the cable was pulled");
	office.broken = NULL;
	office_remove(&office, "6.targets.json");
	fails(&office, ERROR_FAILED,
		"targets: 6.targets.json: the repository does not have it");
	stored_are(&office, 1, 6, 6, 5);
	office_remove(&office, "timestamp.json");
	fails(&office, ERROR_FAILED,
		"timestamp: timestamp.json: the repository does not have it");
}

static void nothing_goes_backwards(void **state)
{
	struct office_state back = at_version(5);
	CLEANUP(office_done) struct office office;

	(void)state;
	begin_at_five(&office);
	back.roles[TUF_TIMESTAMP].version = 4;
	office_publish(&office, &back);
	fails(&office, ERROR_ROLLBACK, "timestamp: version 4, but 5 was seen before");
	back.roles[TUF_TIMESTAMP].version = 6;
	back.roles[TUF_SNAPSHOT].version = 4;
	office_publish(&office, &back);
	fails(&office, ERROR_ROLLBACK, "timestamp: lists snapshot 4, but 5 was seen before");
	stored_are(&office, 1, 5, 5, 5);
	back.roles[TUF_SNAPSHOT].version = 6;
	back.roles[TUF_TARGETS].version = 4;
	office_publish(&office, &back);
	fails(&office, ERROR_ROLLBACK, "snapshot: a file of version 5 is older now");
	stored_are(&office, 1, 6, 5, 5);
}

static void no_file_disappears_from_the_snapshot(void **state)
{
	struct office_state six = at_version(6);
	CLEANUP(office_done) struct office office;

	(void)state;
	begin_at_five(&office);
	six.listed = ",\"x.json\":{\"version\":3}";
	office_publish(&office, &six);
	works(&office);
	six = at_version(7);
	office_publish(&office, &six);
	fails(&office, ERROR_ROLLBACK, "snapshot: a file of version 3 is gone");
	stored_are(&office, 1, 7, 6, 6);
}

static void a_timestamp_of_the_same_version_is_the_old_one(void **state)
{
	struct office_state same = at_version(5);
	CLEANUP(office_done) struct office office;

	(void)state;
	begin_at_five(&office);
	same.roles[TUF_SNAPSHOT].version = 9;
	office_publish(&office, &same);
	works(&office);
	asked_are(&office, "2.root.json timestamp.json ");
	stored_are(&office, 1, 5, 5, 5);
}

/* What is stored has expired meanwhile; a later expiry alone is nothing new. */
static void an_expired_timestamp_needs_a_higher_version(void **state)
{
	CLEANUP(tuf_cleanup) struct tuf *tuf = NULL;
	CLEANUP(office_done) struct office office;
	struct office_state later = at_version(5);
	struct error err = {0};

	(void)state;
	begin_at_five(&office);
	for (int kind = 0; kind < TUF_KIND_COUNT; kind++)
		later.roles[kind].expires = "2031-01-01T00:00:00Z";
	later.roles[TUF_ROOT].version = 2;
	office_publish(&office, &later);

	const struct tuf_host host = office_host(&office);
	const struct tuf_settings settings = {.now = OFFICE_NOW + 40 * 86400};

	MUST(tuf_open(&host, &settings, &tuf, &err));
	assert_false(tuf_refresh(tuf, &err));
	assert_int_equal(err.code, ERROR_EXPIRED);
	assert_null(tuf_top(tuf, TUF_TIMESTAMP));
	later.roles[TUF_TIMESTAMP].version = 4; /* the expired one still counts */
	office_publish(&office, &later);
	assert_false(tuf_refresh(tuf, &err));
	assert_int_equal(err.code, ERROR_ROLLBACK);
	for (int kind = TUF_TIMESTAMP; kind < TUF_KIND_COUNT; kind++)
		later.roles[kind].version = 6;
	office_publish(&office, &later);
	MUST(tuf_refresh(tuf, &err));
	stored_are(&office, 2, 6, 6, 6);
}

/* Each row: who gets new keys, and what may then begin again. */
static void new_keys_end_a_fast_forward_attack(void **state)
{
	static const struct {
		const char *timestamp, *snapshot;
		int versions[TUF_KIND_COUNT];
	} rows[] = {
		{"f", "c", {2, 1, 5, 5}},
		{"f", "g", {2, 1, 1, 5}},
		{"f", "g", {2, 1, 1, 1}},
		{"b", "g", {2, 6, 6, 1}},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct office_state rotated = office_first;
		CLEANUP(office_done) struct office office;

		begin_at_five(&office);
		for (int kind = 0; kind < TUF_KIND_COUNT; kind++)
			rotated.roles[kind].version = rows[i].versions[kind];
		rotated.roles[TUF_TIMESTAMP].keys = rows[i].timestamp;
		rotated.roles[TUF_SNAPSHOT].keys = rows[i].snapshot;
		office_publish(&office, &rotated);
		works(&office);
		stored_are(&office, rows[i].versions[0], rows[i].versions[1],
			rows[i].versions[2], rows[i].versions[3]);
	}
}

static void a_new_root_that_keeps_the_keys_keeps_the_marks(void **state)
{
	struct office_state next = office_first;
	CLEANUP(office_done) struct office office;

	(void)state;
	begin_at_five(&office);
	next.roles[TUF_ROOT].version = 2;
	office_publish(&office, &next);
	fails(&office, ERROR_ROLLBACK, "timestamp: version 1, but 5 was seen before");
	stored_are(&office, 2, 5, 5, 5);
}

static void a_root_needs_the_old_keys_and_its_own(void **state)
{
	static const struct {
		const char *keys, *signers;
		int threshold;
		bool accepted;
	} rows[] = {
		{"e", "ae", 1, true},
		{"e", "a", 1, false},
		{"e", "e", 1, false},
		{"a", "a", 2, false},
		{"ef", "aef", 2, true},
		{"ef", "af", 2, false},
		{"ef", "ef", 1, false},
		{"aef", "ae", 2, true},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct office_state next = office_first;
		CLEANUP(tuf_cleanup) struct tuf *tuf = NULL;
		CLEANUP(office_done) struct office office;
		struct error err = {0};

		begin_at_five(&office);
		next = at_version(5);
		next.roles[TUF_ROOT] = (struct office_role){
			2, rows[i].keys, rows[i].signers, OFFICE_FUTURE, rows[i].threshold};
		office_publish(&office, &next);
		assert_int_equal(office_refresh(&office, &tuf, &err), rows[i].accepted);
		stored_are(&office, rows[i].accepted ? 2 : 1, 5, 5, 5);
	}
}

static void a_root_of_another_version_is_refused(void **state)
{
	struct office_state next = at_version(5);
	CLEANUP(office_done) struct office office;

	(void)state;
	begin_at_five(&office);
	next.roles[TUF_ROOT].version = 3;
	office_publish(&office, &next);
	office_serve(&office, "2.root.json", buf_bytes(&office.served[4].content));
	assert_string_equal(office.served[4].name, "3.root.json");
	fails(&office, ERROR_SIGNATURE, "2.root.json: version 3 inside");
	office_serve(&office, "2.root.json", buf_bytes(&office.served[0].content));
	assert_string_equal(office.served[0].name, "1.root.json");
	fails(&office, ERROR_ROLLBACK, "2.root.json: version 1 inside");
	stored_are(&office, 1, 5, 5, 5);
}

/* Serves roots without end, each signed on demand. */
static bool fetch_roots(void *self, const char *name, size_t max, struct buf *out, bool *found,
	struct error *err)
{
	struct office *const office = self;
	struct office_state state = at_version(5);
	long long version = 0;

	if (strstr(name, ".root.json") != NULL) {
		assert_int_equal(sscanf(name, "%lld", &version), 1);
		for (int i = 0; i < OFFICE_FILES; i++)
			office->served[i].name[0] = 0;
		state.roles[TUF_ROOT].version = version;
		office_publish(office, &state);
		if (version > 1101)
			office_remove(office, name);
	}
	return office_host(office).fetch(self, name, max, out, found, err);
}

static void eleven_hundred_roots_are_walked_and_one_more_than_allowed_are_not(void **state)
{
	CLEANUP(tuf_cleanup) struct tuf *tuf = NULL;
	CLEANUP(office_done) struct office office;
	struct tuf_settings settings = {.now = OFFICE_NOW, .roots_max = 90};
	struct error err = {0};

	(void)state;
	begin_at_five(&office);

	struct tuf_host host = office_host(&office);

	host.fetch = fetch_roots;
	MUST(tuf_open(&host, &settings, &tuf, &err));
	assert_false(tuf_refresh(tuf, &err));
	assert_int_equal(err.code, ERROR_CONTACT);
	assert_int_equal(office_stored(&office, "root.json"), 91);
	settings.roots_max = 0;
	tuf_cleanup(&tuf);
	MUST(tuf_open(&host, &settings, &tuf, &err));
	MUST(tuf_refresh(tuf, &err));
	assert_int_equal(office_stored(&office, "root.json"), 1101);
}

/* Power goes at each write in turn; then all is tried again. */
static void an_interrupted_refresh_is_finished_by_the_next(void **state)
{
	(void)state;
	for (size_t i = 1; i <= 5; i++) {
		CLEANUP(tuf_cleanup) struct tuf *tuf = NULL;
		CLEANUP(office_done) struct office office;
		struct office_state next = at_version(6);
		struct error err = {0};

		begin_at_five(&office);
		for (int version = 2; version <= 3; version++) {
			next.roles[TUF_ROOT].version = version;
			office_publish(&office, &next);
		}
		office.fail_store = office.stores + i;
		assert_false(office_refresh(&office, &tuf, &err));
		assert_int_equal(err.code, ERROR_SPACE);
		stored_are(&office,
			i == 1           ? 1
				: i == 2 ? 2
					 : 3,
			i <= 3 ? 5 : 6, i <= 4 ? 5 : 6, 5);
		works(&office);
		stored_are(&office, 3, 6, 6, 6);
	}
}

static void what_is_stored_is_trusted_no_further_than_its_signatures(void **state)
{
	CLEANUP(office_done) struct office office;

	(void)state;
	begin_at_five(&office);
	for (int i = 0; i < OFFICE_FILES; i++)
		if (strcmp(office.stored[i].name, "targets.json") == 0
			|| strcmp(office.stored[i].name, "snapshot.json") == 0)
			office.stored[i].content.len -= 1;
	works(&office);
	asked_are(&office, "2.root.json timestamp.json 5.snapshot.json 5.targets.json ");
}

static void a_client_needs_a_root_that_signs_itself(void **state)
{
	struct office_state bad = office_first;
	CLEANUP(tuf_cleanup) struct tuf *tuf = NULL;
	CLEANUP(office_done) struct office office;
	struct error err = {0};

	(void)state;
	office_new(&office);
	bad.roles[TUF_ROOT].signers = "b";
	office_publish(&office, &bad);
	fails(&office, ERROR_USAGE, "no trusted root");
	office_trust(&office, 1);
	fails(&office, ERROR_SIGNATURE, "trusted root: signed by 0 of the 1 keys it needs");
	asked_are(&office, "");
	assert_null(tuf);
	assert_int_equal(err.code, 0);
}

static void no_more_is_read_than_allowed(void **state)
{
	static const char *const names[]
		= {"2.root.json", "timestamp.json", "6.snapshot.json", "6.targets.json"};
	static const size_t limits[]
		= {TUF_ROOT_MAX, TUF_TIMESTAMP_MAX, TUF_SNAPSHOT_MAX, TUF_TARGETS_MAX};

	(void)state;
	for (size_t i = 0; i < COUNT(names); i++) {
		const struct office_state six = at_version(6);
		CLEANUP(buf_free) struct buf spaces = {0};
		CLEANUP(tuf_cleanup) struct tuf *tuf = NULL;
		CLEANUP(office_done) struct office office;
		struct error err = {0};

		begin_at_five(&office);
		office_publish(&office, &six);
		MUST(buf_reserve(&spaces, limits[i] + 1, &err));
		memset(spaces.at, ' ', limits[i] + 1);
		spaces.len = limits[i] + 1;
		office_serve(&office, names[i], buf_bytes(&spaces));
		assert_false(office_refresh(&office, &tuf, &err));
		assert_int_equal(err.code, ERROR_MALFORMED);
		assert_non_null(strstr(err.text, "more than"));
	}
}

static void it_says_what_expires_first(void **state)
{
	CLEANUP(tuf_cleanup) struct tuf *tuf = NULL;
	CLEANUP(office_done) struct office office;
	struct office_state six = at_version(6);
	const char *role = NULL;
	struct error err = {0};

	(void)state;
	begin_at_five(&office);
	six.roles[TUF_SNAPSHOT].expires = "2030-03-18T00:00:00Z";
	office_publish(&office, &six);
	MUST(office_refresh(&office, &tuf, &err));
	assert_int_equal(tuf_valid_until(tuf, &role), 1900022400);
	assert_string_equal(role, "snapshot");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_refresh_asks_for_each_role_once_and_then_only_for_news),
		cmocka_unit_test(plain_names_have_no_versions),
		cmocka_unit_test(a_failure_leaves_what_was_verified_before_it),
		cmocka_unit_test(what_expires_now_has_expired),
		cmocka_unit_test(what_is_missing_is_not_what_is_unreachable),
		cmocka_unit_test(nothing_goes_backwards),
		cmocka_unit_test(no_file_disappears_from_the_snapshot),
		cmocka_unit_test(a_timestamp_of_the_same_version_is_the_old_one),
		cmocka_unit_test(an_expired_timestamp_needs_a_higher_version),
		cmocka_unit_test(new_keys_end_a_fast_forward_attack),
		cmocka_unit_test(a_new_root_that_keeps_the_keys_keeps_the_marks),
		cmocka_unit_test(a_root_needs_the_old_keys_and_its_own),
		cmocka_unit_test(a_root_of_another_version_is_refused),
		cmocka_unit_test(
			eleven_hundred_roots_are_walked_and_one_more_than_allowed_are_not),
		cmocka_unit_test(an_interrupted_refresh_is_finished_by_the_next),
		cmocka_unit_test(what_is_stored_is_trusted_no_further_than_its_signatures),
		cmocka_unit_test(a_client_needs_a_root_that_signs_itself),
		cmocka_unit_test(no_more_is_read_than_allowed),
		cmocka_unit_test(it_says_what_expires_first),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
