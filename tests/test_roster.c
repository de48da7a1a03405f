#include <stdlib.h>
#include <string.h>

#include "courier/admin/roster.h"
#include "tests/test.h"

#define HEADER "identity,id,type\n"

static bool parse(const char *csv, struct roster *roster, struct roster_mistakes *mistakes)
{
	struct error err = {0};

	return roster_parse(bytes_of(csv), roster, mistakes, &err);
}

static void a_good_file_is_read_whole(void **state)
{
	static const char csv[]
		= "\xef\xbb\xbflabel,type,id,identity,artifact,site,group,tier\r\n"
		  "\"Pump 7, \"\"north\"\"\",pump,pump-7,\"{\"\"serial\"\": \"\"7\"\"}\","
		  "rel-1,mine,north,micro\r\n"
		  ",pump,pump-8,mac=02:00;serial=8;mac=02:01,,,,\r\n\r\n";
	CLEANUP(roster_free) struct roster roster = {0};
	struct roster_mistakes mistakes;
	struct error err = {0};

	(void)state;
	MUST(roster_parse(bytes_of(csv), &roster, &mistakes, &err));
	assert_int_equal(roster.count, 2);
	assert_string_equal(roster.at[0].label, "Pump 7, \"north\"");
	assert_string_equal(roster.at[0].identity, "{\"serial\":\"7\"}");
	assert_string_equal(roster.at[0].tier, "micro");
	assert_int_equal(roster.at[1].line, 3);
	assert_string_equal(
		roster.at[1].identity, "{\"mac\":[\"02:00\",\"02:01\"],\"serial\":\"8\"}");
	assert_null(roster.at[1].label);
	assert_null(roster.at[1].artifact);
}

/* A mistake, its line, and a word of what is said about it. */
static const struct {
	const char *csv;
	size_t line;
	const char *word;
} wrong[] = {
	{"", 1, "must name the columns"},
	{"\n" HEADER, 1, "must name the columns"},
	{HEADER, 1, "no devices"},
	{"identity;id;type\n", 1, "semicolons"},
	{"identity\tid\ttype\n", 1, "tabs"},
	{"\xff\xfei\x01", 1, "UTF-16"},
	{"PK\x03\x04", 1, "spreadsheet"},
	{HEADER "a=b,x,y\nn=\xe4,z,y\n", 3, "UTF-8"},
	{"identity,id\n", 1, "type: this column is missing"},
	{"identity,id,type,Label\n", 1, "did you mean label"},
	{"identity,id,type,colour\n", 1, "no such column"},
	{"identity,id,type,\n", 1, "without a name"},
	{"identity,id,type,id\n", 1, "two columns"},
	{"serial=1,p,t\n", 1, "no such column"},
	{HEADER "a=b,x\n", 2, "2 cells, but 3 columns"},
	{HEADER "a=b,x,y,z\n", 2, "4 cells"},
	{HEADER "a=b,x,y\n,,\n", 3, "an empty row"},
	{HEADER "\na=b,x,y\n", 2, "an empty row"},
	{HEADER "{\"serial\":\"7\"},x,y\n", 2, "write those inside twice"},
	{HEADER "\"a=b\"c,x,y\n", 2, "follows a closing quote"},
	{HEADER "\"a=b\nc\",x,y\n", 2, "line break"},
	{HEADER "a=b,x,y\ra=c,z,y\n", 2, "carriage return"},
	{HEADER "a=b,x,y\tz\n", 2, "control character"},
	{HEADER "a=b, x,y\n", 2, "id: a space"},
	{HEADER "a=b,x,y\xc2\xa0\n", 2, "type: a space"},
	{HEADER "a=b,,y\n", 2, "id: is empty"},
	{HEADER ",x,y\n", 2, "identity: is empty"},
	{HEADER "a=b,pump 7,y\n", 2, "letters, digits"},
	{HEADER "a=b,uncertified,y\n", 2, "nobody's id"},
	{HEADER "a=b,x,#N/A\n", 2, "failed formula"},
	{HEADER "a=b,x,=A1\n", 2, "a formula"},
	{HEADER "a=b,x,1.2E+15\n", 2, "shortened a number"},
	{HEADER "serial=3.5501E+14,x,y\n", 2, "shortened a number"},
	{HEADER "serial,x,y\n", 2, "NAME=VALUE"},
	{HEADER "serial=,x,y\n", 2, "NAME=VALUE"},
	{HEADER "=7,x,y\n", 2, "a formula"},
	{HEADER "serial=7;,x,y\n", 2, "NAME=VALUE"},
	{HEADER "serial=7; mac=8,x,y\n", 2, "a space"},
	{HEADER "\"{\"\"serial\"\":1.5}\",x,y\n", 2, "identity"},
	{HEADER "\"{\"\"a\"\":\"\"1\"\",\"\"a\"\":\"\"2\"\"}\",x,y\n", 2, "identity"},
	{HEADER "{},x,y\n", 2, "at least one member"},
	{HEADER "{\xe2\x80\x9cserial\xe2\x80\x9d:1},x,y\n", 2, "typographic"},
	{HEADER "a=b,x,y\na=c,x,y\n", 3, "id: the same as in line 2"},
	{HEADER "a=b;c=d,x,y\n\"{\"\"c\"\":\"\"d\"\",\"\"a\"\":\"\"b\"\"}\",z,y\n", 3,
		"identity: the same as in line 2"},
	{"identity,id,type,label\na=b,x,y,L\na=c,z,y,L\n", 3, "label: the same"},
	{"identity,id,type,tier\na=b,x,y,large\n", 2, "a tier is"},
	{"identity,id,type,group\na=b,x,y,a b\n", 2, "group"},
};

static void every_mistake_is_told_with_its_line(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(wrong); i++) {
		struct roster roster = {0};
		struct roster_mistakes mistakes;

		assert_false(parse(wrong[i].csv, &roster, &mistakes));
		assert_null(roster.at);
		if (mistakes.at[0].line != wrong[i].line
			|| strstr(mistakes.at[0].text, wrong[i].word) == NULL)
			fail_msg("%s: line %zu: %s, not line %zu: %s", wrong[i].csv,
				mistakes.at[0].line, mistakes.at[0].text, wrong[i].line,
				wrong[i].word);
	}
}

static void all_mistakes_are_found_in_one_go(void **state)
{
	static const char csv[] = HEADER "a=b,x y,\n"
					 "good=1,good,t\n"
					 "a=1,\"b,t\n"
					 "serial,#REF!,t\n";
	struct roster roster = {0};
	struct roster_mistakes mistakes;
	static const size_t lines[] = {2, 2, 4, 5, 5};

	(void)state;
	assert_false(parse(csv, &roster, &mistakes));
	assert_int_equal(mistakes.count, COUNT(lines));
	for (size_t i = 0; i < COUNT(lines); i++)
		assert_int_equal(mistakes.at[i].line, lines[i]);
}

static void a_flood_of_mistakes_is_counted(void **state)
{
	CLEANUP(buf_free) struct buf csv = {0};
	struct roster roster = {0};
	struct roster_mistakes mistakes;
	struct error err = {0};

	(void)state;
	MUST(buf_append(&csv, bytes_of(HEADER), &err));
	for (int i = 0; i < 1000; i++)
		MUST(buf_append(&csv, bytes_of("a,b c,\n"), &err));
	assert_false(roster_parse(buf_bytes(&csv), &roster, &mistakes, &err));
	assert_int_equal(mistakes.count, 3000);
	assert_int_equal(err.code, ERROR_USAGE);
}

static void a_file_has_its_limits(void **state)
{
	CLEANUP(buf_free) struct buf csv = {0};
	CLEANUP(roster_free) struct roster roster = {0};
	struct roster_mistakes mistakes;
	struct error err = {0};

	(void)state;
	MUST(buf_append(&csv, bytes_of(HEADER), &err));
	for (int i = 0; i < ROSTER_DEVICES_MAX; i++)
		MUST(buf_print(&csv, &err, "serial=%d,p%d,t\n", i, i));
	MUST(roster_parse(buf_bytes(&csv), &roster, &mistakes, &err));
	assert_int_equal(roster.count, ROSTER_DEVICES_MAX);
	MUST(buf_append(&csv, bytes_of("serial=x,x,t\n"), &err));
	roster_free(&roster);
	assert_false(roster_parse(buf_bytes(&csv), &roster, &mistakes, &err));
	assert_int_equal(mistakes.at[0].line, ROSTER_DEVICES_MAX + 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_good_file_is_read_whole),
		cmocka_unit_test(every_mistake_is_told_with_its_line),
		cmocka_unit_test(all_mistakes_are_found_in_one_go),
		cmocka_unit_test(a_flood_of_mistakes_is_counted),
		cmocka_unit_test(a_file_has_its_limits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
