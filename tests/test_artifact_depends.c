#include "common/artifact.h"
#include "tests/test.h"

static void add(struct artifact_pairs *pairs, const char *name, const char *value)
{
	struct error err = {0};

	MUST(artifact_pairs_add(pairs, name, value, &err));
}

static void expect_refusal(
	const struct artifact *artifact, const struct artifact_pairs *provides, const char *why)
{
	struct error err = {0};

	assert_false(artifact_fits(artifact, provides, &err));
	assert_int_equal(err.code, ERROR_WRONG_DEVICE);
	assert_string_equal(err.text, why);
}

static void every_name_must_fit_with_any_of_its_values(void **state)
{
	CLEANUP(artifact_pairs_free) struct artifact_pairs device = {0};
	CLEANUP(artifact_free) struct artifact artifact = {0};
	struct error err = {0};

	(void)state;
	add(&artifact.depends, "device_type", "a");
	add(&artifact.depends, "device_type", "b");
	add(&artifact.depends, "app", "1");
	expect_refusal(&artifact, &device,
		"the artifact needs device_type a or b, the device has none");
	add(&device, "app", "2");
	add(&device, "device_type", "b");
	expect_refusal(&artifact, &device, "the artifact needs app 1, the device has 2");
	add(&artifact.depends, "app", "2");
	MUST(artifact_fits(&artifact, &device, &err));
	add(&artifact.depends, "artifact_group", "lab");
	expect_refusal(&artifact, &device,
		"the artifact needs artifact_group lab, the device has none");
	add(&device, "artifact_group", "laboratory");
	expect_refusal(&artifact, &device,
		"the artifact needs artifact_group lab, the device has laboratory");
}

/* Does GLOB clear NAME? */
static bool clears(char *glob, const char *name)
{
	CLEANUP(artifact_pairs_free) struct artifact_pairs device = {0};
	const struct artifact artifact = {.clears = &glob, .clear_count = 1};
	struct error err = {0};

	add(&device, name, "x");
	MUST(artifact_apply(&artifact, &device, &err));
	return device.count == 0;
}

static void a_star_is_any_run_and_nothing_else_is_special(void **state)
{
	(void)state;
	assert_true(clears((char[]){"app.version"}, "app.version"));
	assert_false(clears((char[]){"app.version"}, "app.versions"));
	assert_false(clears((char[]){"app.version"}, "app.versio"));
	assert_true(clears((char[]){"app.*"}, "app.version"));
	assert_true(clears((char[]){"app.*"}, "app."));
	assert_false(clears((char[]){"app.*"}, "apps.version"));
	assert_true(clears((char[]){"*"}, "anything/at all"));
	assert_true(clears((char[]){"*.version"}, "a.b.version"));
	assert_true(clears((char[]){"a*b*c"}, "abbxbbc"));
	assert_false(clears((char[]){"a*b*c"}, "abbxbb"));
	assert_true(clears((char[]){"a**c"}, "ac"));
	assert_false(clears((char[]){"a?c"}, "abc"));
	assert_false(clears((char[]){"[ab]"}, "a"));
	assert_true(clears((char[]){"[ab]"}, "[ab]"));
}

static void an_artifact_cannot_clear_what_the_device_is(void **state)
{
	(void)state;
	assert_false(clears((char[]){"*"}, "device_type"));
}

static void provides_replace_and_are_added(void **state)
{
	CLEANUP(artifact_pairs_free) struct artifact_pairs device = {0};
	CLEANUP(artifact_pairs_free) struct artifact_pairs provides = {0};
	char clear[] = "app.*", *clear_list[] = {clear};
	struct error err = {0};

	(void)state;
	add(&device, "device_type", "a");
	add(&device, "artifact_name", "one");
	add(&device, "app.old", "1");
	add(&device, "other", "1");
	add(&provides, "artifact_name", "two");
	add(&provides, "app.new", "2");

	const struct artifact artifact
		= {.provides = provides, .clears = clear_list, .clear_count = 1};

	MUST(artifact_apply(&artifact, &device, &err));
	assert_int_equal(device.count, 4);
	assert_string_equal(artifact_pairs_find(&device, "device_type"), "a");
	assert_string_equal(artifact_pairs_find(&device, "artifact_name"), "two");
	assert_string_equal(artifact_pairs_find(&device, "app.new"), "2");
	assert_string_equal(artifact_pairs_find(&device, "other"), "1");
	assert_null(artifact_pairs_find(&device, "app.old"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_name_must_fit_with_any_of_its_values),
		cmocka_unit_test(a_star_is_any_run_and_nothing_else_is_special),
		cmocka_unit_test(an_artifact_cannot_clear_what_the_device_is),
		cmocka_unit_test(provides_replace_and_are_added),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
