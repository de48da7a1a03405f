#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "courier/passphrase.h"
#include "tests/test.h"

/* What passphrase_get() makes of a file with CONTENT. */
static bool get_from(const char *content, size_t len, struct passphrase *out, struct error *err)
{
	char path[] = "/tmp/courier-passphrase-XXXXXX";
	const int fd = mkstemp(path);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, content, len), len);
	assert_int_equal(close(fd), 0);

	const struct unlock unlock = {.file = path, .descriptor = -1};
	const bool ok = passphrase_get(&unlock, "passphrase", out, err);

	assert_int_equal(unlink(path), 0);
	return ok;
}

static void the_first_line_is_the_passphrase(void **state)
{
	static const char *const contents[] = {
		"correct horse", "correct horse\n", "correct horse\r\n", "correct horse\nno\n"};

	(void)state;
	for (size_t i = 0; i < COUNT(contents); i++) {
		PASSPHRASE passphrase = {{0}};
		struct error err = {0};

		MUST(get_from(contents[i], strlen(contents[i]), &passphrase, &err));
		assert_string_equal(passphrase.at, "correct horse");
	}
}

static void nothing_and_too_much_are_refused(void **state)
{
	char longest[PASSPHRASE_MAX + 1];
	PASSPHRASE passphrase = {"untouched"};
	struct error err = {0};

	(void)state;
	memset(longest, 'a', sizeof(longest));
	assert_false(get_from("", 0, &passphrase, &err));
	assert_false(get_from("\n", 1, &passphrase, &err));
	assert_false(get_from("a\0b\n", 4, &passphrase, &err));
	assert_false(get_from(longest, PASSPHRASE_MAX, &passphrase, &err));
	assert_int_equal(err.code, ERROR_USAGE);
	assert_null(strstr(err.text, "aaaa"));
	assert_string_equal(passphrase.at, "untouched");
	MUST(get_from(longest, PASSPHRASE_MAX - 1, &passphrase, &err));
}

static void a_descriptor_gives_one_line_and_keeps_the_rest(void **state)
{
	PASSPHRASE first = {{0}}, second = {{0}};
	struct error err = {0};
	int ends[2];

	(void)state;
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	assert_int_equal(write(ends[1], "one\ntwo\n", 8), 8);
	assert_int_equal(close(ends[1]), 0);

	const struct unlock unlock = {.descriptor = ends[0]};

	MUST(passphrase_get(&unlock, "passphrase", &first, &err));
	MUST(passphrase_get_new(&unlock, "passphrase", &second, &err));
	assert_string_equal(first.at, "one");
	assert_string_equal(second.at, "two");
	assert_int_equal(close(ends[0]), 0);
}

static void a_file_that_others_may_read_is_refused(void **state)
{
	static const mode_t modes[] = {0640, 0604, 0620, 0602, 0610, 0777};
	char path[] = "/tmp/courier-passphrase-XXXXXX";
	const struct unlock unlock = {.file = path, .descriptor = -1};
	const struct unlock device = {.file = "/dev/zero", .descriptor = -1};
	const int fd = mkstemp(path);
	PASSPHRASE got = {{0}};
	struct error err = {0};

	(void)state;
	assert_int_equal(write(fd, "x", 1), 1);
	for (size_t i = 0; i < COUNT(modes); i++) {
		assert_int_equal(fchmod(fd, modes[i]), 0);
		assert_false(passphrase_get(&unlock, "passphrase", &got, &err));
		assert_int_equal(err.code, ERROR_USAGE);
	}
	assert_int_equal(fchmod(fd, 0400), 0);
	MUST(passphrase_get(&unlock, "passphrase", &got, &err));
	assert_false(passphrase_get(&device, "passphrase", &got, &err));
	assert_int_equal(err.code, ERROR_USAGE);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(close(fd), 0);
	assert_false(passphrase_get(&unlock, "passphrase", &got, &err));
	assert_int_equal(err.code, ERROR_FAILED);
}

/* ---- a terminal ---- */

static const struct unlock nothing_given = {.file = NULL, .descriptor = -1};

enum { FOUND_IT = 42, NO_TERMINAL = 43 };

/* A child whose controlling terminal is a pty of which the parent holds the other end. */
struct person {
	int fd;
	pid_t child;
	char heard[1024];
};

/* In the child: exits with FOUND_IT when "open sesame" was given. */
static _Noreturn void be_asked(const char *terminal, bool new)
{
	struct passphrase got = {{0}};
	struct error err = {0};
	int fd = -1;

	if (setsid() < 0 || (fd = open(terminal, O_RDWR)) < 0 || ioctl(fd, TIOCSCTTY, 0) != 0)
		_exit(NO_TERMINAL);

	const bool done = new ? passphrase_get_new(&nothing_given, "new passphrase", &got, &err)
			      : passphrase_get(&nothing_given, "passphrase", &got, &err);

	_exit(done && strcmp(got.at, "open sesame") == 0 ? FOUND_IT : (int)err.code);
}

static void person_init(struct person *person, bool new)
{
	*person = (struct person){.fd = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC)};
	assert_true(person->fd >= 0);
	assert_int_equal(grantpt(person->fd), 0);
	assert_int_equal(unlockpt(person->fd), 0);

	const char *const terminal = ptsname(person->fd);

	assert_non_null(terminal);
	person->child = fork();
	if (person->child == 0)
		be_asked(terminal, new);
}

/* Until TEXT was heard. */
static void hear(struct person *person, const char *text)
{
	while (strstr(person->heard, text) == NULL) {
		const size_t len = strlen(person->heard);
		const ssize_t got = read(
			person->fd, person->heard + len, sizeof(person->heard) - 1 - len);

		if (got <= 0)
			fail_msg("never heard \"%s\" but \"%s\"", text, person->heard);
	}
}

static void type(struct person *person, const char *text)
{
	assert_int_equal(write(person->fd, text, strlen(text)), strlen(text));
}

static bool echoes(const struct person *person)
{
	struct termios is;

	assert_int_equal(tcgetattr(person->fd, &is), 0);
	return (is.c_lflag & ECHO) != 0;
}

/* Hears what comes until the child is gone. */
static int person_end(struct person *person)
{
	int status = 0;
	ssize_t got = 0;

	do {
		const size_t len = strlen(person->heard);

		got = read(person->fd, person->heard + len, sizeof(person->heard) - 1 - len);
	} while (got > 0);
	assert_int_equal(waitpid(person->child, &status, 0), person->child);
	assert_int_equal(close(person->fd), 0);
	return status;
}

static void a_terminal_is_asked_without_echo(void **state)
{
	struct person person;

	(void)state;
	person_init(&person, false);
	hear(&person, "passphrase: ");
	assert_false(echoes(&person));
	type(&person, "open sesame\n");

	const int status = person_end(&person);

	assert_null(strstr(person.heard, "sesame"));

	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), FOUND_IT);
}

static void a_new_passphrase_is_asked_twice(void **state)
{
	static const struct {
		const char *again;
		int status;
	} cases[] = {{"open sesame\n", FOUND_IT}, {"open sesamf\n", ERROR_USAGE}};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct person person;

		person_init(&person, true);
		hear(&person, "new passphrase: ");
		type(&person, "open sesame\n");
		hear(&person, "the same again: ");
		type(&person, cases[i].again);
		assert_int_equal(WEXITSTATUS(person_end(&person)), cases[i].status);
	}
}

static void a_signal_finds_the_terminal_as_it_was(void **state)
{
	static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};

	(void)state;
	for (size_t i = 0; i < COUNT(signals); i++) {
		struct person person;
		/* Holds the terminal, so that it can be looked at when the child is gone. */
		int held = -1;

		person_init(&person, false);
		hear(&person, "passphrase: ");
		held = open(ptsname(person.fd), O_RDWR | O_NOCTTY | O_CLOEXEC);
		assert_true(held >= 0);
		if (signals[i] == SIGINT)
			type(&person, "open\003"); /* as a person does it */
		else
			assert_int_equal(kill(person.child, signals[i]), 0);

		int status = 0;

		assert_int_equal(waitpid(person.child, &status, 0), person.child);
		assert_true(WIFSIGNALED(status));
		assert_int_equal(WTERMSIG(status), signals[i]);
		assert_true(echoes(&person));
		assert_int_equal(close(held), 0);
		assert_int_equal(close(person.fd), 0);
	}
}

static void without_a_terminal_nobody_is_asked(void **state)
{
	struct passphrase got = {{0}};
	struct error err = {0};
	int status = 0;

	(void)state;

	const pid_t child = fork();

	if (child == 0)
		_exit(setsid() > 0 && !passphrase_get(&nothing_given, "?", &got, &err)
				? (int)err.code
				: 1);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(WEXITSTATUS(status), ERROR_USAGE);
}

int main(void)
{
	/* Whoever started us in the background may have had these ignored. */
	static const int signals[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM};

	for (size_t i = 0; i < COUNT(signals); i++)
		(void)signal(signals[i], SIG_DFL);

	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_line_is_the_passphrase),
		cmocka_unit_test(nothing_and_too_much_are_refused),
		cmocka_unit_test(a_descriptor_gives_one_line_and_keeps_the_rest),
		cmocka_unit_test(a_file_that_others_may_read_is_refused),
		cmocka_unit_test(a_terminal_is_asked_without_echo),
		cmocka_unit_test(a_new_passphrase_is_asked_twice),
		cmocka_unit_test(a_signal_finds_the_terminal_as_it_was),
		cmocka_unit_test(without_a_terminal_nobody_is_asked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
