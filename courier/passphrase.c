#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include "common/bytes.h"
#include "common/file.h"
#include "courier/passphrase.h"

/* ---- a line ---- */

/* One byte; *got false at the end. */
static bool read_byte(int fd, char *byte, bool *got, struct error *err)
{
	ssize_t done = 0;

	do
		done = read(fd, byte, 1);
	while (done < 0 && errno == EINTR);
	if (done < 0)
		return error_errno(err, "cannot read the passphrase");
	*got = done == 1;
	return true;
}

static bool read_line(int fd, struct passphrase *out, struct error *err)
{
	PASSPHRASE line = {{0}};
	size_t len = 0;

	for (;;) {
		bool got = false;
		char byte = 0;

		if (!read_byte(fd, &byte, &got, err))
			return false;
		if (!got || byte == '\n')
			break;
		if (byte == 0)
			return error_set(err, ERROR_USAGE, "a passphrase cannot have a NUL");
		if (len == PASSPHRASE_MAX - 1)
			return error_set(err, ERROR_USAGE, "a passphrase has at most %d bytes",
				PASSPHRASE_MAX - 1);
		line.at[len++] = byte;
		secret_wipe_bytes(&byte, 1);
	}
	if (len > 0 && line.at[len - 1] == '\r')
		line.at[--len] = 0;
	if (len == 0)
		return error_set(err, ERROR_USAGE, "the passphrase is empty");
	*out = line;
	return true;
}

/* ---- a file ---- */

static bool check_file(int fd, struct error *err)
{
	struct stat is;

	if (fstat(fd, &is) != 0)
		return error_errno(err, "cannot look at it");
	if (!S_ISREG(is.st_mode))
		return error_set(
			err, ERROR_USAGE, "not a file: use a descriptor for pipes and devices");
	return (is.st_mode & (S_IRWXG | S_IRWXO)) == 0
		|| error_set(err, ERROR_USAGE,
			"others may read or change it: chmod go= it, and choose a new "
			"passphrase if they did");
}

static bool read_file(const char *path, struct passphrase *out, struct error *err)
{
	CLEANUP(file_close) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);

	if (fd < 0)
		return error_errno(err, "cannot open");
	return check_file(fd, err) && read_line(fd, out, err);
}

/* ---- a terminal ---- */

/*
 * Signals are held back while the echo is off: a signalfd says that one has come, the
 * terminal is put in order, and then they are let through, so that whatever a signal
 * does, it does it to a terminal that is as it was.
 */
struct terminal {
	int fd, signals;
	bool quiet; /* the echo is off */
	struct termios before;
	sigset_t held, mask; /* the signals; the process's mask before */
};

/* What a person or a session sends.  SIGTTIN and SIGTTOU are let through: they stop a
 * process in the background before it has touched the terminal. */
static const int held_signals[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP};

/* Echo as it was, then signals as they were: what is pending happens here. */
static void terminal_restore(struct terminal *terminal)
{
	if (!terminal->quiet)
		return;
	(void)tcsetattr(terminal->fd, TCSAFLUSH, &terminal->before);
	terminal->quiet = false;
	(void)pthread_sigmask(SIG_SETMASK, &terminal->mask, NULL);
}

static void terminal_done(struct terminal *terminal)
{
	terminal_restore(terminal);
	file_close(&terminal->signals);
	file_close(&terminal->fd);
}

/* Those that would do something now: not what is blocked or ignored anyway. */
static void hold(sigset_t *held)
{
	sigset_t mask;

	(void)sigemptyset(held);
	(void)pthread_sigmask(SIG_BLOCK, NULL, &mask);
	for (size_t i = 0; i < COUNT(held_signals); i++) {
		struct sigaction does;

		if (sigaction(held_signals[i], NULL, &does) == 0 && does.sa_handler != SIG_IGN
			&& sigismember(&mask, held_signals[i]) == 0)
			(void)sigaddset(held, held_signals[i]);
	}
}

static bool terminal_open(struct terminal *terminal, struct error *err)
{
	terminal->signals = -1;
	terminal->fd = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (terminal->fd < 0)
		return error_set(err, ERROR_USAGE,
			"no terminal to ask for the passphrase at: give it in a file or on a "
			"descriptor (--passphrase-file, --passphrase-fd)");
	hold(&terminal->held);
	terminal->signals = signalfd(-1, &terminal->held, SFD_CLOEXEC | SFD_NONBLOCK);
	return terminal->signals >= 0 || error_errno(err, "cannot wait for signals");
}

static bool terminal_quiet(struct terminal *terminal, struct error *err)
{
	struct termios quiet;

	if (tcgetattr(terminal->fd, &terminal->before) != 0)
		return error_errno(err, "cannot use the terminal");
	quiet = terminal->before;
	quiet.c_lflag &= (tcflag_t) ~(ECHO | ECHOE | ECHOK | ECHONL);
	quiet.c_lflag |= ICANON | ISIG;
	(void)pthread_sigmask(SIG_BLOCK, &terminal->held, &terminal->mask);
	terminal->quiet = true;
	return tcsetattr(terminal->fd, TCSAFLUSH, &quiet) == 0
		|| error_errno(err, "cannot turn off the echo");
}

static bool say(const struct terminal *terminal, const char *text, struct error *err)
{
	int fd = terminal->fd;
	const struct sink sink = file_sink(&fd);

	return sink.write(sink.self, bytes_of(text), err);
}

/* *INTERRUPTED: a signal came before a line. */
static bool wait_for_line(const struct terminal *terminal, bool *interrupted, struct error *err)
{
	struct pollfd polled[] = {{terminal->fd, POLLIN, 0}, {terminal->signals, POLLIN, 0}};

	while (poll(polled, COUNT(polled), -1) < 0)
		if (errno != EINTR)
			return error_errno(err, "cannot wait for the passphrase");
	*interrupted = polled[1].revents != 0;
	return true;
}

/* Is the only one that has come that after which a person goes on? */
static bool only_stopped(const struct terminal *terminal)
{
	sigset_t pending;

	(void)sigpending(&pending);
	for (size_t i = 0; i < COUNT(held_signals); i++)
		if (held_signals[i] != SIGTSTP && sigismember(&pending, held_signals[i]) == 1
			&& sigismember(&terminal->held, held_signals[i]) == 1)
			return false;
	return true;
}

/* Ask once; *AGAIN when the process was stopped meanwhile. */
static bool ask_once(struct terminal *terminal, const char *question, struct passphrase *out,
	bool *again, struct error *err)
{
	bool interrupted = false;

	if (!terminal_quiet(terminal, err) || !say(terminal, question, err)
		|| !say(terminal, ": ", err) || !wait_for_line(terminal, &interrupted, err))
		return false;
	*again = interrupted && only_stopped(terminal);
	if (!interrupted && !read_line(terminal->fd, out, err))
		return false;
	(void)say(terminal, "\n", err);
	terminal_restore(terminal);
	return !interrupted || *again
		|| error_set(err, ERROR_USAGE, "interrupted while asking for the passphrase");
}

static bool ask(const char *question, struct passphrase *out, struct error *err)
{
	CLEANUP(terminal_done) struct terminal terminal = {.fd = -1, .signals = -1};
	bool again = true;

	if (!terminal_open(&terminal, err))
		return false;
	while (again)
		if (!ask_once(&terminal, question, out, &again, err))
			return false;
	return true;
}

/* ---- from wherever ---- */

static bool get(const struct unlock *unlock, const char *question, bool twice,
	struct passphrase *out, struct error *err)
{
	PASSPHRASE first = {{0}};
	PASSPHRASE second = {{0}};

	if (unlock->descriptor >= 0) {
		if (!read_line(unlock->descriptor, &first, err))
			return error_while(err, "descriptor %d", unlock->descriptor);
	} else if (unlock->file != NULL) {
		if (!read_file(unlock->file, &first, err))
			return error_while(err, "%s", unlock->file);
	} else if (!ask(question, &first, err)
		|| (twice && !ask("the same again", &second, err))) {
		return false;
	} else if (twice && strcmp(first.at, second.at) != 0) {
		return error_set(err, ERROR_USAGE, "the two passphrases are not the same");
	}
	*out = first;
	return true;
}

bool passphrase_get(const struct unlock *unlock, const char *question, struct passphrase *out,
	struct error *err)
{
	return get(unlock, question, false, out, err);
}

bool passphrase_get_new(const struct unlock *unlock, const char *question,
	struct passphrase *out, struct error *err)
{
	return get(unlock, question, true, out, err);
}
