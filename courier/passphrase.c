#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "common/file.h"
#include "courier/passphrase.h"

/* Keys at a terminal. */
enum { CANCEL = 3, END = 4, ERASE = 8, DELETE = 127, KILL = 21 };

static bool add(struct passphrase *out, size_t *len, char c, struct error *err)
{
	if (*len == sizeof(out->at) - 1)
		return error_set(err, ERROR_USAGE, "the passphrase is longer than %zu bytes",
			sizeof(out->at) - 1);
	out->at[(*len)++] = c;
	out->at[*len] = 0;
	return true;
}

/* Byte by byte: whatever comes after the line is somebody else's. */
static bool read_byte(int fd, char *c, bool *end, struct error *err)
{
	for (;;) {
		const ssize_t got = read(fd, c, 1);

		if (got < 0 && errno == EINTR)
			continue;
		*end = got == 0;
		return got >= 0 || error_errno(err, "cannot read the passphrase");
	}
}

static bool not_empty(const struct passphrase *passphrase, struct error *err)
{
	return passphrase->at[0] != 0 || error_set(err, ERROR_USAGE, "the passphrase is empty");
}

static bool read_line(int fd, struct passphrase *out, struct error *err)
{
	size_t len = 0;
	char c = 0;
	bool end = false;

	for (;;) {
		if (!read_byte(fd, &c, &end, err))
			return false;
		if (end || c == '\n')
			break;
		if (c == 0)
			return error_set(err, ERROR_USAGE, "the passphrase contains a NUL");
		if (!add(out, &len, c, err))
			return false;
	}
	if (len > 0 && out->at[len - 1] == '\r')
		out->at[len - 1] = 0;
	return not_empty(out, err);
}

/* ---- at a terminal ---- */

static void say(int tty, const char *text)
{
	const ssize_t done = write(tty, text, strlen(text));

	(void)done; /* a terminal that is gone is noticed when it is read */
}

/* One key; *DONE when the line is at its end. */
static bool take_key(
	struct passphrase *out, size_t *len, char key, bool *done, struct error *err)
{
	switch (key) {
	case '\r':
	case '\n':
	case END:
		*done = true;
		return true;
	case CANCEL:
		return error_set(err, ERROR_USAGE, "interrupted");
	case ERASE:
	case DELETE:
		*len -= *len > 0;
		out->at[*len] = 0;
		return true;
	case KILL:
		*len = 0;
		out->at[0] = 0;
		return true;
	default:
		return add(out, len, key, err);
	}
}

/* We handle the keys ourselves, so that no signal leaves the terminal without echo. */
static bool ask(int tty, const char *question, struct passphrase *out, struct error *err)
{
	struct termios former, quiet;
	size_t len = 0;
	bool end = false, ok = true;
	char key = 0;

	if (tcgetattr(tty, &former) != 0)
		return error_errno(err, "the terminal");
	quiet = former;
	quiet.c_lflag &= (tcflag_t) ~(ECHO | ICANON | ISIG);
	quiet.c_cc[VMIN] = 1;
	quiet.c_cc[VTIME] = 0;
	if (tcsetattr(tty, TCSAFLUSH, &quiet) != 0)
		return error_errno(err, "the terminal");
	say(tty, question);
	say(tty, ": ");
	while (ok && !end) {
		ok = read_byte(tty, &key, &end, err);
		if (ok && !end)
			ok = take_key(out, &len, key, &end, err);
	}
	(void)tcsetattr(tty, TCSAFLUSH, &former);
	say(tty, "\n");
	return ok && not_empty(out, err);
}

static bool open_terminal(int *out, struct error *err)
{
	const int tty = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);

	if (tty < 0)
		return error_set(err, ERROR_USAGE,
			"no terminal to ask for the passphrase at: give it in a file or on a "
			"descriptor (--passphrase-file, --passphrase-fd)");
	*out = tty;
	return true;
}

/* ---- from wherever ---- */

static bool get(const struct unlock *unlock, const char *question, bool twice,
	struct passphrase *out, struct error *err)
{
	PASSPHRASE first = {{0}}, second = {{0}};
	CLEANUP(file_close) int fd = -1;

	if (unlock->descriptor >= 0) {
		if (!read_line(unlock->descriptor, &first, err))
			return error_while(err, "descriptor %d", unlock->descriptor);
	} else if (unlock->file != NULL) {
		fd = open(unlock->file, O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			return error_errno(err, "%s: cannot open", unlock->file);
		if (!read_line(fd, &first, err))
			return error_while(err, "%s", unlock->file);
	} else if (!open_terminal(&fd, err) || !ask(fd, question, &first, err)
		|| (twice && !ask(fd, "the same again", &second, err))) {
		return false;
	} else if (twice && strcmp(first.at, second.at) != 0) {
		return error_set(err, ERROR_USAGE, "the two passphrases differ");
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
