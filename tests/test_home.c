#include <limits.h>
#include <stdlib.h>

#include "courier/home.h"
#include "tests/test.h"

static void set(const char *name, const char *value)
{
	if (value == NULL)
		assert_int_equal(unsetenv(name), 0);
	else
		assert_int_equal(setenv(name, value, 1), 0);
}

static void assert_places(const char *directory, const char *settings)
{
	struct error err = {0};
	char path[PATH_MAX];

	MUST(home_directory(path, sizeof(path), &err));
	assert_string_equal(path, directory);
	MUST(home_settings(path, sizeof(path), &err));
	assert_string_equal(path, settings);
}

static void things_are_where_xdg_says(void **state)
{
	struct error err = {0};
	char path[PATH_MAX], small[8];

	(void)state;
	set("COURIER_HOME", NULL);
	set("XDG_STATE_HOME", NULL);
	set("XDG_CONFIG_HOME", NULL);
	set("HOME", "/home/ann");
	assert_places(
		"/home/ann/.local/state/courier", "/home/ann/.config/courier/courier.conf");
	set("XDG_STATE_HOME", "/var/s");
	set("XDG_CONFIG_HOME", "/etc/c");
	assert_places("/var/s/courier", "/etc/c/courier/courier.conf");
	set("XDG_STATE_HOME", "not/absolute");
	set("XDG_CONFIG_HOME", "");
	assert_places(
		"/home/ann/.local/state/courier", "/home/ann/.config/courier/courier.conf");
	set("COURIER_HOME", "/srv/courier");
	assert_places("/srv/courier", "/srv/courier/courier.conf");
	set("COURIER_HOME", "");
	set("HOME", NULL); /* the password database knows */
	MUST(home_directory(path, sizeof(path), &err));
	assert_int_equal(path[0], '/');
	assert_false(home_directory(small, sizeof(small), &err));
	assert_int_equal(err.code, ERROR_USAGE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(things_are_where_xdg_says)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
