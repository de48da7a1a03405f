/* Who signs a target: delegations, and what is held of them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/tuf/tuf_path.h"
#include "tests/test.h"
#include "tests/tuf_office.h"

#define TARGET(path, length)                                                                   \
	"\"" path "\":{\"length\":" #length ",\"hashes\":{\"sha256\":"                         \
	"\"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\"}}"

/* A delegation in the making: keys are all eight, so that any may be named. */
struct graph {
	struct buf text;
	bool has_roles;
};

static void graph_done(struct graph *graph)
{
	buf_free(&graph->text);
}

static void graph_add(struct office *office, struct graph *graph, const char *name,
	const char *keys, const char *paths, bool terminating)
{
	struct error err = {0};

	if (!graph->has_roles) {
		MUST(buf_print(&graph->text, &err, ",\"delegations\":{\"keys\":{"));
		office_keys(office, "abcdefgh", &graph->text);
		MUST(buf_print(&graph->text, &err, "},\"roles\":["));
	} else {
		MUST(buf_print(&graph->text, &err, ","));
	}
	office_delegation(office, name, keys, paths, terminating, &graph->text);
	graph->has_roles = true;
}

static const char *graph_end(struct graph *graph)
{
	const char *text = NULL;
	struct error err = {0};

	MUST(buf_print(&graph->text, &err, "]}"));
	MUST(buf_text(&graph->text, &text, &err));
	return text;
}

/* Publish with these delegations and this snapshot, and refresh. */
static void open_office(
	struct office *office, const char *more, const char *listed, struct tuf **tuf)
{
	struct office_state state = office_first;
	struct error err = {0};

	state.more_targets = more;
	state.listed = listed;
	state.targets = TARGET("top", 1);
	office_publish(office, &state);
	office_trust(office, 1);
	MUST(office_refresh(office, tuf, &err));
	office->asked.len = 0;
}

static void asked_are(struct office *office, const char *names)
{
	const char *asked = NULL;
	struct error err = {0};

	MUST(buf_text(&office->asked, &asked, &err));
	assert_string_equal(asked, names);
	office->asked.len = 0;
}

static void a_search_needs_a_refresh_and_a_path(void **state)
{
	CLEANUP(office_done) struct office office;
	CLEANUP(tuf_cleanup) struct tuf *tuf = NULL;
	const struct tuf_settings settings = {.now = OFFICE_NOW};
	struct tuf_target target = {0};
	char path[TUF_PATH_MAX + 2];
	struct error err = {0};
	bool found = true;

	(void)state;
	office_new(&office);
	open_office(&office, "", "", &tuf);
	memset(path, 'x', TUF_PATH_MAX + 1);
	path[TUF_PATH_MAX + 1] = 0;
	assert_false(tuf_find(tuf, path, &target, &found, &err));
	assert_int_equal(err.code, ERROR_USAGE);
	assert_false(tuf_find(tuf, "", &target, &found, &err));
	assert_false(tuf_find(tuf, "\xff", &target, &found, &err));
	MUST(tuf_find(tuf, path + 1, &target, &found, &err));
	assert_false(found);
	MUST(tuf_find(tuf, "top", &target, &found, &err));
	assert_true(found);
	assert_string_equal(target.role, "targets");
	assert_true(target.consistent);
	tuf_cleanup(&tuf);

	const struct tuf_host host = office_host(&office);

	MUST(tuf_open(&host, &settings, &tuf, &err));
	assert_false(tuf_find(tuf, "top", &target, &found, &err));
	assert_int_equal(err.code, ERROR_USAGE);
}

/* targets -> A (a*), B (b*), both -> C; A means key e, B means key f. */
static void build_diamond(struct office *office, const char *signers)
{
	CLEANUP(graph_done) struct graph top = {0}, of_a = {0}, of_b = {0};
	CLEANUP(tuf_cleanup) struct tuf *tuf = NULL;

	office_new(office);
	graph_add(office, &top, "A", "a", "[\"a*\"]", false);
	graph_add(office, &top, "B", "b", "[\"b*\"]", false);
	graph_add(office, &of_a, "C", "e", "[\"*\"]", false);
	graph_add(office, &of_b, "C", "f", "[\"*\"]", false);
	office_publish_role(office, "A", 1, "a", "", graph_end(&of_a));
	office_publish_role(office, "B", 1, "b", "", graph_end(&of_b));
	office_publish_role(office, "C", 1, signers, TARGET("a1", 2) "," TARGET("b1", 3), "");
	open_office(office, graph_end(&top),
		",\"A.json\":{\"version\":1},\"B.json\":{\"version\":1},"
		"\"C.json\":{\"version\":1}",
		&tuf);
}

static void the_word_of_one_delegator_is_nothing_to_another(void **state)
{
	CLEANUP(office_done) struct office office;
	CLEANUP(tuf_cleanup) struct tuf *tuf = NULL;
	struct tuf_target target = {0};
	struct error err = {0};
	bool found = false;

	(void)state;
	build_diamond(&office, "e");
	MUST(office_refresh(&office, &tuf, &err));
	MUST(tuf_find(tuf, "a1", &target, &found, &err));
	assert_true(found);
	assert_string_equal(target.role, "C");
	found = false;
	assert_false(tuf_find(tuf, "b1", &target, &found, &err));
	assert_int_equal(err.code, ERROR_SIGNATURE);
	assert_string_equal(err.text, "C: signed by 0 of the 1 keys it needs");
	assert_false(found);
	assert_int_equal(target.facts.length, 2); /* untouched */
	MUST(tuf_find(tuf, "a1", &target, &found, &err));
	assert_true(found);
}

static void a_diamond_both_vouch_for_is_fetched_once(void **state)
{
	CLEANUP(office_done) struct office office;
	CLEANUP(tuf_cleanup) struct tuf *tuf = NULL;
	struct tuf_target target = {0};
	struct error err = {0};
	bool found = false;

	(void)state;
	build_diamond(&office, "ef");
	MUST(office_refresh(&office, &tuf, &err));
	for (int i = 0; i < 3; i++) {
		MUST(tuf_find(tuf, i == 1 ? "b1" : "a1", &target, &found, &err));
		assert_true(found);
	}
	asked_are(&office, "2.root.json timestamp.json 1.A.json 1.C.json 1.B.json ");
	MUST(office_refresh(&office, &tuf, &err));
	MUST(tuf_find(tuf, "b1", &target, &found, &err));
	asked_are(&office, "2.root.json timestamp.json "); /* the rest is stored */
}

/* r0 -> r1 -> ... -> r9, each with room for more. */
static void build_chain(struct office *office, struct tuf **tuf)
{
	CLEANUP(graph_done) struct graph top = {0};
	CLEANUP(buf_free) struct buf listed = {0};
	const char *text = NULL;
	struct error err = {0};
	char name[8];

	office_new(office);
	graph_add(office, &top, "r0", "a", "[\"*\"]", false);
	for (int i = 0; i < 10; i++) {
		CLEANUP(graph_done) struct graph next = {0};

		(void)snprintf(name, sizeof(name), "r%d", i + 1);
		graph_add(office, &next, name, "a", "[\"*\"]", false);
		(void)snprintf(name, sizeof(name), "r%d", i);
		office_publish_role(office, name, 1, "a", i == 9 ? TARGET("deep", 9) : "",
			i == 9 ? "" : graph_end(&next));
		MUST(buf_print(&listed, &err, ",\"r%d.json\":{\"version\":1}", i));
	}
	MUST(buf_text(&listed, &text, &err));
	open_office(office, graph_end(&top), text, tuf);
}

static void a_search_is_bounded_in_roles_and_bytes(void **state)
{
	CLEANUP(office_done) struct office office;
	CLEANUP(tuf_cleanup) struct tuf *tuf = NULL;
	struct tuf_settings settings = {.now = OFFICE_NOW, .roles_max = 10};
	struct tuf_target target = {0};
	struct error err = {0};
	bool found = false;

	(void)state;
	build_chain(&office, &tuf);

	const struct tuf_host host = office_host(&office);

	MUST(tuf_find(tuf, "deep", &target, &found, &err));
	assert_true(found);
	tuf_cleanup(&tuf);
	MUST(tuf_open(&host, &settings, &tuf, &err));
	MUST(tuf_refresh(tuf, &err));
	assert_false(tuf_find(tuf, "deep", &target, &found, &err));
	assert_string_equal(err.text, "gave up the search after 10 roles");
	settings = (struct tuf_settings){.now = OFFICE_NOW, .held_max = 8000};
	tuf_cleanup(&tuf);
	MUST(tuf_open(&host, &settings, &tuf, &err));
	MUST(tuf_refresh(tuf, &err));
	assert_false(tuf_find(tuf, "deep", &target, &found, &err));
	assert_int_equal(err.code, ERROR_MALFORMED);
}

/* Twenty siblings, room for few of them: what is let go of comes from the store again,
 * and is verified again. */
static void what_is_not_held_is_loaded_again(void **state)
{
	CLEANUP(office_done) struct office office;
	CLEANUP(tuf_cleanup) struct tuf *tuf = NULL;
	CLEANUP(graph_done) struct graph top = {0};
	CLEANUP(buf_free) struct buf listed = {0};
	struct tuf_settings settings = {.now = OFFICE_NOW, .held_max = 1500};
	struct tuf_target target = {0};
	const char *text = NULL;
	struct error err = {0};
	char name[8], paths[16], entry[200];
	bool found = false;

	(void)state;
	office_new(&office);
	for (int i = 0; i < 20; i++) {
		(void)snprintf(name, sizeof(name), "s%d", i);
		(void)snprintf(paths, sizeof(paths), "[\"s%d\"]", i);
		graph_add(&office, &top, name, "a", paths, true);
		(void)snprintf(
			entry, sizeof(entry), "\"s%d\":%s", i, strchr(TARGET("", 7), ':') + 1);
		office_publish_role(&office, name, 1, "a", entry, "");
		MUST(buf_print(&listed, &err, ",\"s%d.json\":{\"version\":1}", i));
	}
	MUST(buf_text(&listed, &text, &err));
	open_office(&office, graph_end(&top), text, &tuf);
	tuf_cleanup(&tuf);

	const struct tuf_host host = office_host(&office);

	MUST(tuf_open(&host, &settings, &tuf, &err));
	MUST(tuf_refresh(tuf, &err));
	for (int i = 0; i < 60; i++) {
		(void)snprintf(name, sizeof(name), "s%d", i * 7 % 20);
		MUST(tuf_find(tuf, name, &target, &found, &err));
		assert_true(found);
		assert_string_equal(target.role, name);
	}
	assert_int_equal(office.stores, 3 + 20);
}

static void the_snapshot_must_list_a_role(void **state)
{
	CLEANUP(office_done) struct office office;
	CLEANUP(tuf_cleanup) struct tuf *tuf = NULL;
	CLEANUP(graph_done) struct graph top = {0};
	struct tuf_target target = {0};
	const char *more = NULL;
	struct error err = {0};
	bool found = false;

	(void)state;
	office_new(&office);
	graph_add(&office, &top, "../A", "a", "[\"*\"]", false);
	office_publish_role(&office, "..%2FA", 1, "a", TARGET("x", 1), "");
	open_office(&office, graph_end(&top), "", &tuf);
	assert_false(tuf_find(tuf, "x", &target, &found, &err));
	assert_string_equal(err.text, "..%2FA: the snapshot does not list it");
	asked_are(&office, "");
	MUST(buf_text(&top.text, &more, &err));
	office_done(&office);
	office_new(&office);
	office_publish_role(&office, "..%2FA", 1, "a", TARGET("x", 1), "");
	open_office(&office, more, ",\"../A.json\":{\"version\":1}", &tuf);
	MUST(tuf_find(tuf, "x", &target, &found, &err));
	assert_true(found);
	assert_string_equal(target.role, "../A");
	asked_are(&office, "1...%2FA.json ");
}

static void a_target_is_checked_while_it_comes(void **state)
{
	CLEANUP(tuf_check_cleanup) struct tuf_check *check = NULL;
	struct tuf_target target = {.path = "x", .facts = {.length = 3}};
	struct error err = {0};

	(void)state;
	assert_false(tuf_check_new(&target, &check, &err)); /* without a hash */
	assert_int_equal(err.code, ERROR_SIGNATURE);
	MUST(crypto_sha256(bytes_of("abc"), &target.facts.hashes.sha256, &err));
	target.facts.hashes.has_sha256 = true;
	MUST(tuf_check_new(&target, &check, &err));
	MUST(tuf_check_add(check, bytes_of("ab"), &err));
	assert_false(tuf_check_end(check, &err));
	MUST(tuf_check_add(check, bytes_of("c"), &err));
	MUST(tuf_check_end(check, &err));
	assert_false(tuf_check_add(check, bytes_of("d"), &err));
	assert_int_equal(err.code, ERROR_SIGNATURE);
	tuf_check_cleanup(&check);
	MUST(tuf_check_new(&target, &check, &err));
	MUST(tuf_check_add(check, bytes_of("abd"), &err));
	assert_false(tuf_check_end(check, &err));
	tuf_check_cleanup(&check);
	target.facts.hashes.unusable = true;
	assert_false(tuf_check_new(&target, &check, &err));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_search_needs_a_refresh_and_a_path),
		cmocka_unit_test(the_word_of_one_delegator_is_nothing_to_another),
		cmocka_unit_test(a_diamond_both_vouch_for_is_fetched_once),
		cmocka_unit_test(a_search_is_bounded_in_roles_and_bytes),
		cmocka_unit_test(what_is_not_held_is_loaded_again),
		cmocka_unit_test(the_snapshot_must_list_a_role),
		cmocka_unit_test(a_target_is_checked_while_it_comes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
