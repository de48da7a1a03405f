/* The serial link on pty pairs: the one kind of cable every machine has. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include "common/file.h"
#include "device-link/link.h"
#include "tests/test.h"

static int make_pty(char *path, size_t room)
{
	const int master = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);

	assert_true(master >= 0);
	assert_int_equal(grantpt(master), 0);
	assert_int_equal(unlockpt(master), 0);
	assert_int_equal(ptsname_r(master, path, room), 0);
	return master;
}

/* Wait until the link can be read; a pty passes bytes on from a kernel thread. */
static void await(struct link *link)
{
	struct pollfd fds[2];
	size_t count = 0;

	assert_true(link->kind->poll(link, false, fds, &count, COUNT(fds)));
	assert_int_equal(count, 1);
	assert_int_equal(poll(fds, 1, 10000), 1);
}

static void every_byte_passes_both_ways(void **state)
{
	char path[100];
	CLEANUP(file_close) int master = make_pty(path, sizeof(path));
	CLEANUP(link_cleanup) struct link *link = NULL;
	uint8_t all[256], back[512];
	struct error err = {0};
	size_t done = 0, got = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(all); i++)
		all[i] = (uint8_t)i;
	MUST(link_open(path, &link, &err));
	assert_int_equal(link->kind->rate(link), 11520);
	MUST(link->kind->read(link, back, sizeof(back), &got, &err));
	assert_int_equal(got, 0); /* nothing yet is no error */
	assert_int_equal(write(master, all, sizeof(all)), sizeof(all));
	for (size_t more = 0; got < sizeof(all); got += more) {
		await(link);
		MUST(link->kind->read(link, back + got, sizeof(back) - got, &more, &err));
	}
	assert_memory_equal(all, back, sizeof(all));

	MUST(link->kind->write(link, (struct bytes){all, sizeof(all)}, &done, &err));
	assert_int_equal(done, sizeof(all));

	struct pollfd ready = {master, POLLIN, 0};

	assert_int_equal(poll(&ready, 1, 10000), 1);
	assert_int_equal(read(master, back, sizeof(back)), sizeof(all));
	assert_memory_equal(all, back, sizeof(all)); /* no newline became two */
}

static void two_cannot_share_a_line(void **state)
{
	char path[100], address[120];
	CLEANUP(file_close) int master = make_pty(path, sizeof(path));
	struct link *link = NULL, *other = NULL;
	struct error err = {0};

	(void)state;
	(void)snprintf(address, sizeof(address), "serial:%s,9600", path);
	MUST(link_open(address, &link, &err));
	assert_int_equal(link->kind->rate(link), 960);
	assert_false(link_open(path, &other, &err));
	assert_int_equal(err.code, ERROR_BUSY);
	assert_null(other);
	link_close(link);
	MUST(link_open(path, &other, &err));
	link_close(other);
}

static void a_line_is_left_as_it_was_found(void **state)
{
	char path[100], address[120];
	CLEANUP(file_close) int master = make_pty(path, sizeof(path));
	CLEANUP(file_close) int other = open(path, O_RDWR | O_NOCTTY);
	struct termios before, during, after;
	struct error err = {0};
	struct link *link = NULL;

	(void)state;
	assert_int_equal(tcgetattr(other, &before), 0);
	assert_true(before.c_lflag & ECHO);
	(void)snprintf(address, sizeof(address), "%s,57600", path);
	MUST(link_open(address, &link, &err));
	assert_int_equal(tcgetattr(other, &during), 0);
	assert_int_equal(during.c_lflag & (ECHO | ICANON | ISIG), 0);
	assert_int_equal(during.c_oflag & OPOST, 0);
	assert_int_equal(during.c_cflag & (HUPCL | CRTSCTS | CSTOPB), 0);
	assert_int_equal(during.c_cflag & CLOCAL, CLOCAL);
	assert_int_equal(cfgetospeed(&during), B57600);
	link_close(link);
	assert_int_equal(tcgetattr(other, &after), 0);
	assert_int_equal(after.c_lflag, before.c_lflag);
	assert_int_equal(after.c_iflag, before.c_iflag);
	assert_int_equal(cfgetospeed(&after), cfgetospeed(&before));
}

static void what_was_said_before_is_not_heard(void **state)
{
	char path[100];
	CLEANUP(file_close) int master = make_pty(path, sizeof(path));
	CLEANUP(file_close) int other = open(path, O_RDWR | O_NOCTTY | O_NONBLOCK);
	CLEANUP(link_cleanup) struct link *link = NULL;
	struct pollfd ready = {other, POLLIN, 0};
	struct error err = {0};
	uint8_t byte = 0;
	size_t got = 1;

	(void)state;
	assert_int_equal(write(master, "stale\n", 6), 6);
	assert_int_equal(poll(&ready, 1, 10000), 1); /* it has come across */
	MUST(link_open(path, &link, &err));
	MUST(link->kind->read(link, &byte, 1, &got, &err));
	assert_int_equal(got, 0);
}

static void closing_with_output_nobody_reads_returns(void **state)
{
	static const uint8_t bytes[65536];
	char path[100];
	CLEANUP(file_close) int master = make_pty(path, sizeof(path));
	struct error err = {0};
	struct link *link = NULL;
	size_t done = 1, total = 0;

	(void)state;
	MUST(link_open(path, &link, &err));
	for (; done > 0; total += done) /* until the line takes no more */
		MUST(link->kind->write(
			link, (struct bytes){bytes, sizeof(bytes)}, &done, &err));
	assert_true(total > 0 && total < sizeof(bytes));
	(void)alarm(20); /* a close that waits takes 30 s, and ends us here */
	link_close(link);
	(void)alarm(0);
}

static void a_hangup_is_a_pulled_cable(void **state)
{
	char path[100];
	int master = make_pty(path, sizeof(path));
	CLEANUP(link_cleanup) struct link *link = NULL;
	struct error err = {0};
	uint8_t byte = 0;
	size_t count = 0;

	(void)state;
	MUST(link_open(path, &link, &err));
	file_close(&master);
	await(link); /* poll() tells */
	assert_false(link->kind->read(link, &byte, 1, &count, &err));
	assert_int_equal(err.code, ERROR_LINK);
	assert_non_null(strstr(err.text, path));
	assert_non_null(strstr(err.text, "unplugged"));
	err = (struct error){0};
	assert_false(link->kind->write(link, bytes_of("x"), &count, &err));
	assert_int_equal(err.code, ERROR_LINK);
	assert_int_equal(count, 0);
}

static void what_is_no_serial_line_is_refused(void **state)
{
	static const struct {
		const char *address;
		enum error_code code;
	} wrong[] = {
		{"/dev/no-such-line", ERROR_LINK},
		{"/dev/null", ERROR_LINK},
		{"/dev/null,12345", ERROR_USAGE},
		{"serial:", ERROR_USAGE},
		{"serial:,9600", ERROR_USAGE},
		{"carrier-pigeon:coo", ERROR_USAGE},
		{"", ERROR_USAGE},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(wrong); i++) {
		struct link *link = NULL;
		struct error err = {0};

		assert_false(link_open(wrong[i].address, &link, &err));
		assert_int_equal(err.code, wrong[i].code);
		assert_null(link);
	}
	link_close(NULL);
}

static void a_line_that_is_not_ours_to_open_is_not_waited_for(void **state)
{
	char path[100];
	CLEANUP(file_close) int master = make_pty(path, sizeof(path));
	const uid_t self = geteuid();
	struct link *link = NULL;
	struct error err = {0};

	(void)state;
	assert_int_equal(chmod(path, 0), 0);
	assert_int_equal(seteuid(self == 0 ? 65534 : self), 0);

	const bool opened = link_open(path, &link, &err);

	assert_int_equal(seteuid(self), 0);
	assert_false(opened);
	assert_int_equal(err.code, ERROR_FAILED); /* ERROR_LINK would be tried again */
	assert_non_null(strstr(err.text, "group"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_byte_passes_both_ways),
		cmocka_unit_test(two_cannot_share_a_line),
		cmocka_unit_test(a_line_is_left_as_it_was_found),
		cmocka_unit_test(what_was_said_before_is_not_heard),
		cmocka_unit_test(closing_with_output_nobody_reads_returns),
		cmocka_unit_test(a_hangup_is_a_pulled_cable),
		cmocka_unit_test(what_is_no_serial_line_is_refused),
		cmocka_unit_test(a_line_that_is_not_ours_to_open_is_not_waited_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
