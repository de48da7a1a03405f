#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/config.h"
#include "common/file.h"
#include "common/nearest.h"
#include "tests/test.h"

enum report { REPORT_FULL, REPORT_OUTCOME, REPORT_NONE };

struct agent {
	const char *link, *home;
	struct config_list anchors, hook, notes;
	int64_t retries, space, wait;
	bool confirm;
	enum report report;
};

struct server {
	const char *name, *url;
	int64_t retries;
};

static const char *const reports[] = {"full", "outcome", "none", NULL};
static const char *default_hook[] = {"/bin/true", NULL};

static const struct config_key agent_keys[] = {
	{"link", CONFIG_TEXT, .offset = offsetof(struct agent, link), .required = true},
	{"home", CONFIG_PATH, .offset = offsetof(struct agent, home)},
	{"anchor", CONFIG_PATH, .offset = offsetof(struct agent, anchors), .repeat = true},
	{"note", CONFIG_TEXT, .offset = offsetof(struct agent, notes), .repeat = true},
	{"hook", CONFIG_WORDS, .offset = offsetof(struct agent, hook), .repeat = true},
	{"retries", CONFIG_INTEGER, .offset = offsetof(struct agent, retries), .min = -1,
		.max = 10},
	{"space", CONFIG_SIZE, .offset = offsetof(struct agent, space)},
	{"wait", CONFIG_DURATION, .offset = offsetof(struct agent, wait), .min = 1,
		.max = 3600},
	{"confirm", CONFIG_BOOL, .offset = offsetof(struct agent, confirm)},
	{"report", CONFIG_CHOICE, .offset = offsetof(struct agent, report), .choices = reports},
};

static const struct config_key server_keys[] = {
	{"url", CONFIG_TEXT, .offset = offsetof(struct server, url), .required = true},
	{"retries", CONFIG_INTEGER, .offset = offsetof(struct server, retries)},
};

static const struct agent agent_defaults
	= {.hook = {default_hook, 1}, .wait = 30, .confirm = true, .report = REPORT_OUTCOME};
static const struct server server_defaults = {.retries = 3};

static const struct config_section table[] = {
	{"agent", .keys = agent_keys, .key_count = COUNT(agent_keys),
		.size = sizeof(struct agent), .defaults = &agent_defaults},
	{"server", .named = true, .label = offsetof(struct server, name), .keys = server_keys,
		.key_count = COUNT(server_keys), .size = sizeof(struct server),
		.defaults = &server_defaults},
};

static struct config *read_text(const char *text)
{
	struct config *config = NULL;
	struct error err = {0};

	MUST(config_parse(
		"/etc/courier/a.conf", bytes_of(text), table, COUNT(table), &config, &err));
	return config;
}

static void every_kind_of_value_arrives(void **state)
{
	CLEANUP(config_cleanup)
	struct config *config
		= read_text("# comment\n"
			    "\t[ agent ] \r\n"
			    "link = serial:/dev/ttyS0 # not a comment \n"
			    "home=state\n"
			    "  anchor = /etc/fleet.pem\n"
			    "anchor = keys/a b.pem\n"
			    "note = a = \"b\"\n"
			    "hook = /bin/sh -c \"echo \\\"a b\\\" \\\\ \\n\" \"\"\n"
			    "hook = \tmore\t words \n"
			    "retries = -1\n"
			    "space = 10M\n"
			    "wait = 5m\n"
			    "confirm = no\n"
			    "report = none");
	const struct agent *const agent = config_one(config, "agent");

	(void)state;
	assert_string_equal(agent->link, "serial:/dev/ttyS0 # not a comment");
	assert_string_equal(agent->home, "/etc/courier/state");
	assert_int_equal(agent->anchors.count, 2);
	assert_string_equal(agent->anchors.at[0], "/etc/fleet.pem");
	assert_string_equal(agent->anchors.at[1], "/etc/courier/keys/a b.pem");
	assert_null(agent->anchors.at[2]);
	assert_string_equal(agent->notes.at[0], "a = \"b\"");
	assert_int_equal(agent->hook.count, 6);
	assert_string_equal(agent->hook.at[0], "/bin/sh");
	assert_string_equal(agent->hook.at[2], "echo \"a b\" \\ \\n");
	assert_string_equal(agent->hook.at[3], "");
	assert_string_equal(agent->hook.at[5], "words");
	assert_null(agent->hook.at[6]);
	assert_int_equal(agent->retries, -1);
	assert_int_equal(agent->space, 10485760);
	assert_int_equal(agent->wait, 300);
	assert_false(agent->confirm);
	assert_int_equal(agent->report, REPORT_NONE);
	assert_int_equal(config_line(config, "agent", 0), 2);
}

static void named_sections_come_as_an_array(void **state)
{
	CLEANUP(config_cleanup)
	struct config *config = read_text("[server north]\nurl = https://n\nretries = 5\n"
					  "[agent]\nlink = x\n"
					  "[server  south pole ]\nurl = https://s\n");
	size_t count = 0;
	const struct server *const servers = config_all(config, "server", &count);

	(void)state;
	assert_int_equal(count, 2);
	assert_string_equal(servers[0].name, "north");
	assert_int_equal(servers[0].retries, 5);
	assert_string_equal(servers[1].name, "south pole");
	assert_string_equal(servers[1].url, "https://s");
	assert_int_equal(servers[1].retries, 3);
	assert_int_equal(config_line(config, "server", 1), 6);
	assert_int_equal(config_line(config, "server", 2), 0);
}

static void what_is_absent_keeps_its_default(void **state)
{
	CLEANUP(config_cleanup) struct config *config = read_text("\n \n#\n");
	const struct agent *const agent = config_one(config, "agent");
	size_t count = 9;

	(void)state;
	assert_int_equal(agent->wait, 30);
	assert_true(agent->confirm);
	assert_int_equal(agent->report, REPORT_OUTCOME);
	assert_null(agent->link);
	assert_null(agent->anchors.at);
	assert_string_equal(agent->hook.at[0], "/bin/true");
	assert_int_equal(config_line(config, "agent", 0), 0);
	(void)config_all(config, "server", &count);
	assert_int_equal(count, 0);
}

static void paths_of_a_file_without_directory_stay(void **state)
{
	CLEANUP(config_cleanup) struct config *config = NULL;
	struct error err = {0};

	(void)state;
	MUST(config_parse("a.conf", bytes_of("[agent]\nlink=x\nhome = there\n"), table,
		COUNT(table), &config, &err));
	assert_string_equal(((const struct agent *)config_one(config, "agent"))->home, "there");
}

static void each_error_names_its_line_and_what_is_allowed(void **state)
{
	static const struct {
		const char *text, *error;
	} wrong[] = {
		{"link = x\n", "a.conf:1: a key before any [section]"},
		{"[agent]\nlink\n",
			"a.conf:2: neither [section] nor \"key = value\" nor a # comment"},
		{"[agent]\n= x\n",
			"a.conf:2: neither [section] nor \"key = value\" nor a # comment"},
		{"\n[agent\n", "a.conf:2: a section header must end with ]"},
		{"[\n", "a.conf:1: a section header must end with ]"},
		{"[agnet]\n", "a.conf:1: unknown section [agnet], did you mean [agent]?"},
		{"[]\n", "a.conf:1: unknown section [], there are: agent, server"},
		{"[zoo]\n", "a.conf:1: unknown section [zoo], there are: agent, server"},
		{"[Agent]\n", "a.conf:1: unknown section [Agent], did you mean [agent]?"},
		{"[agent x]\n", "a.conf:1: takes no name: [agent]"},
		{"[server]\n", "a.conf:1: needs a name: [server NAME]"},
		{"[server a]b]\n", "a.conf:1: bracket in a name"},
		{"[agent]\nlink=x\n[agent]\n", "a.conf:3: [agent] is already in line 1"},
		{"[server a]\nurl=x\n[server b]\nurl=y\n[server  a]\n",
			"a.conf:5: [server a] is already in line 1"},
		{"[agent]\nanchr = x\n",
			"a.conf:2: unknown key \"anchr\" in [agent], did you mean \"anchor\"?"},
		{"[server a]\npassword = hunter2\n",
			"a.conf:2: unknown key \"password\" in [server], there are: url, "
			"retries"},
		{"[agent]\nlink = a\nlink = b\n", "a.conf:3: link: is already in line 2"},
		{"[agent]\nlink =\n", "a.conf:2: link: has no value"},
		{"[agent]\nconfirm = maybe\n", "a.conf:2: confirm: must be yes or no"},
		{"[agent]\nreport = all\n", "a.conf:2: report: must be full, outcome or none"},
		{"[agent]\nretries = 11\n",
			"a.conf:2: retries: must be a whole number, from -1 to 10"},
		{"[agent]\nretries = 1x\n", "a.conf:2: retries: must be a whole number"},
		{"[server a]\nretries = -1\n", "a.conf:2: retries: must be a whole number"},
		{"[server a]\nretries = 9223372036854775808\n",
			"a.conf:2: retries: must be a whole number"},
		{"[agent]\nspace = 10 M\n",
			"a.conf:2: space: must be a size like 4096, 64K, 10M or 2G"},
		{"[agent]\nspace = 9223372036854775807K\n",
			"a.conf:2: space: must be a size like 4096, 64K, 10M or 2G"},
		{"[agent]\nwait = 30\n",
			"a.conf:2: wait: must be a time like 30s, 5m, 12h or 7d"},
		{"[agent]\nwait = 2h\n",
			"a.conf:2: wait: must be a time like 30s, 5m, 12h or 7d, from 1 to "
			"3600 "
			"seconds"},
		{"[agent]\nhook = a \"b\n",
			"a.conf:2: hook: a \" may only begin and end a whole word"},
		{"[agent]\nhook = a b\"c\"\n",
			"a.conf:2: hook: a \" may only begin and end a whole word"},
		{"[agent]\nhook = \"b\"c\n",
			"a.conf:2: hook: a \" may only begin and end a whole word"},
		{"[agent]\nhook = \"b\\\n",
			"a.conf:2: hook: a \" may only begin and end a whole word"},
		{"[agent]\n\n[server a]\nurl = x\n",
			"a.conf:1: [agent] needs the key \"link\""},
		{"[server a]\n", "a.conf:1: [server] needs the key \"url\""},
		{"[agent]\nlink = \x80\n", "a.conf:2: not UTF-8"},
		{"[agent]\nlink = \x1b[0m\n", "a.conf:2: a control character"},
		{"[agent]\nlink = a\rb\n", "a.conf:2: a control character"},
		{"\xef\xbb\xbf[agent]\n", "a.conf:1: a byte order mark"},
	};
	struct error err = {0};

	(void)state;
	for (size_t i = 0; i < COUNT(wrong); i++) {
		struct config *config = NULL;

		if (config_parse("a.conf", bytes_of(wrong[i].text), table, COUNT(table),
			    &config, &err))
			fail_msg("taken: %s", wrong[i].text);
		assert_string_equal(err.text, wrong[i].error);
		assert_int_equal(err.code, ERROR_USAGE);
		assert_null(config);
	}
}

static void a_nul_is_refused(void **state)
{
	struct config *config = NULL;
	struct error err = {0};

	(void)state;
	assert_false(config_parse("a.conf",
		(struct bytes){(const uint8_t *)"[agent]\nlink = x\0y\n", 19}, table,
		COUNT(table), &config, &err));
	assert_string_equal(err.text, "a.conf:2: a control character");
}

static void a_required_section_must_be_there(void **state)
{
	static const struct config_section required[] = {
		{"server", .named = true, .required = true,
			.label = offsetof(struct server, name), .keys = server_keys,
			.key_count = COUNT(server_keys), .size = sizeof(struct server)},
	};
	struct config *config = NULL;
	struct error err = {0};

	(void)state;
	assert_false(config_parse("a.conf", bytes_of(""), required, 1, &config, &err));
	assert_string_equal(err.text, "a.conf: no section [server NAME]");
}

static void fill(struct buf *text, const char *line, int count)
{
	struct error err = {0};

	for (int i = 0; i < count; i++)
		MUST(buf_append(text, bytes_of(line), &err));
}

static void expect(const struct buf *text, const char *error)
{
	CLEANUP(config_cleanup) struct config *config = NULL;
	struct error err = {0};

	if (error == NULL) {
		MUST(config_parse(
			"a.conf", buf_bytes(text), table, COUNT(table), &config, &err));
		return;
	}
	assert_false(
		config_parse("a.conf", buf_bytes(text), table, COUNT(table), &config, &err));
	assert_string_equal(err.text, error);
}

static void every_limit_is_kept(void **state)
{
	CLEANUP(buf_free) struct buf size = {0}, list = {0}, words = {0}, sections = {0};
	struct error err = {0};

	(void)state;
	fill(&size, "\n", CONFIG_SIZE_MAX);
	expect(&size, NULL);
	fill(&size, "\n", 1);
	expect(&size, "a.conf: larger than 65536 bytes");

	fill(&list, "[agent]\nlink=x\n", 1);
	fill(&list, "anchor=x\n", CONFIG_LIST_MAX);
	expect(&list, NULL);
	fill(&list, "anchor=x\n", 1);
	expect(&list, "a.conf:67: anchor: at most 64 are allowed");

	fill(&words, "[agent]\nlink=x\nhook=", 1);
	fill(&words, "x ", CONFIG_LIST_MAX);
	expect(&words, NULL);
	fill(&words, "x", 1);
	expect(&words, "a.conf:3: hook: at most 64 are allowed");

	for (int i = 0; i < CONFIG_SECTIONS_MAX; i++)
		MUST(buf_print(&sections, &err, "[server %d]\nurl=x\n", i));
	expect(&sections, NULL);
	fill(&sections, "[server more]", 1);
	expect(&sections, "a.conf:513: more than 256 sections [server]");
	sections.len = 0;
	fill(&sections, "[server ", 1);
	fill(&sections, "n", CONFIG_NAME_MAX + 1);
	fill(&sections, "]", 1);
	expect(&sections, "a.conf:1: name longer than 64 bytes");
}

static void files_are_read_and_may_be_missing(void **state)
{
	char directory[] = "/tmp/courier-test-XXXXXX";
	CLEANUP(config_cleanup) struct config *there = NULL, *missing = NULL;
	struct config *wrong = NULL;
	struct error err = {0};
	char path[128], home[160];
	bool found = false;

	(void)state;
	assert_non_null(mkdtemp(directory));
	MUST(file_path(path, sizeof(path), directory, "agent.conf", &err));
	MUST(file_replace(path, bytes_of("[agent]\nlink = x\nhome = h\n"), 0600, &err));
	MUST(config_read(path, table, COUNT(table), &found, &there, &err));
	assert_true(found);
	(void)snprintf(home, sizeof(home), "%s/h", directory);
	assert_string_equal(((const struct agent *)config_one(there, "agent"))->home, home);
	MUST(file_remove(path, &err));
	MUST(config_read(path, table, COUNT(table), &found, &missing, &err));
	assert_false(found);
	assert_int_equal(((const struct agent *)config_one(missing, "agent"))->wait, 30);
	assert_false(config_read(path, table, COUNT(table), NULL, &wrong, &err));
	assert_int_equal(err.code, ERROR_FAILED);
	assert_int_equal(rmdir(directory), 0);
}

static void the_nearest_name_is_found_if_there_is_one(void **state)
{
	static const char *const names[] = {"deliver", "devices", "plan", "sync", "status"};
	static const struct {
		const char *wrong, *right;
	} cases[] = {{"devise", "devices"}, {"snyc", "sync"}, {"plan", "plan"}, {"", NULL},
		{"pla", "plan"}, {"xyz", NULL}, {"delivre", "deliver"}, {"stats", "status"}};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct nearest nearest = {.wrong = cases[i].wrong};

		for (size_t j = 0; j < COUNT(names); j++)
			nearest_offer(&nearest, names[j]);
		if (cases[i].right == NULL)
			assert_null(nearest.name);
		else
			assert_string_equal(nearest.name, cases[i].right);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_kind_of_value_arrives),
		cmocka_unit_test(named_sections_come_as_an_array),
		cmocka_unit_test(what_is_absent_keeps_its_default),
		cmocka_unit_test(paths_of_a_file_without_directory_stay),
		cmocka_unit_test(each_error_names_its_line_and_what_is_allowed),
		cmocka_unit_test(a_nul_is_refused),
		cmocka_unit_test(a_required_section_must_be_there),
		cmocka_unit_test(every_limit_is_kept),
		cmocka_unit_test(files_are_read_and_may_be_missing),
		cmocka_unit_test(the_nearest_name_is_found_if_there_is_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
