#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <termios.h>
#include <unistd.h>

#include "device-link/link.h"

enum {
	DEFAULT_BAUD = 115200,
	BITS_PER_BYTE = 10, /* start, eight, stop */
	PTY_MAJOR_FIRST = 136,
	PTY_MAJOR_LAST = 143, /* Documentation/admin-guide/devices.txt */
};

struct serial {
	struct link link;
	int fd;
	uint32_t baud;
	bool pty, found; /* found: FORMER is how the line was found */
	struct termios former;
	char path[PATH_MAX];
};

static const struct baud {
	uint32_t rate;
	speed_t code;
} bauds[] = {
	{1200, B1200},
	{1800, B1800},
	{2400, B2400},
	{4800, B4800},
	{9600, B9600},
	{19200, B19200},
	{38400, B38400},
	{57600, B57600},
	{115200, B115200},
	{230400, B230400},
	{460800, B460800},
	{500000, B500000},
	{576000, B576000},
	{921600, B921600},
	{1000000, B1000000},
	{1152000, B1152000},
	{1500000, B1500000},
	{2000000, B2000000},
	{2500000, B2500000},
	{3000000, B3000000},
	{3500000, B3500000},
	{4000000, B4000000},
};

/* "PATH" or "PATH,BAUD" */
static bool parse_address(
	const char *address, struct serial *serial, const struct baud **baud, struct error *err)
{
	const char *const comma = strrchr(address, ',');
	const bool rated = comma != NULL && comma[1] != 0
		&& strspn(comma + 1, "0123456789") == strlen(comma + 1);
	const size_t len = rated ? (size_t)(comma - address) : strlen(address);
	const unsigned long rate = rated ? strtoul(comma + 1, NULL, 10) : DEFAULT_BAUD;

	if (len == 0 || len >= sizeof(serial->path))
		return error_set(err, ERROR_USAGE, "%.200s: no path of a serial line", address);
	for (size_t i = 0; i < COUNT(bauds); i++) {
		if (bauds[i].rate != rate)
			continue;
		memcpy(serial->path, address, len);
		serial->path[len] = 0;
		serial->baud = bauds[i].rate;
		*baud = &bauds[i];
		return true;
	}
	return error_set(err, ERROR_USAGE, "%.200s: %lu is no baud rate of a serial line",
		address, rate);
}

static bool fail(const struct serial *serial, const char *what, struct error *err)
{
	return error_set(
		err, ERROR_LINK, "%.200s: %s: %s", serial->path, what, strerror(errno));
}

static bool unplugged(const struct serial *serial, struct error *err)
{
	return error_set(err, ERROR_LINK, "%.200s: unplugged", serial->path);
}

/* Nobody else may read or write the line while we do: the lock keeps other couriers
 * and agents away, root's too; TIOCEXCL everything else. */
static bool claim(struct serial *serial, struct error *err)
{
	struct stat status;

	if (flock(serial->fd, LOCK_EX | LOCK_NB) != 0)
		return errno == EWOULDBLOCK ? error_set(err, ERROR_BUSY,
			       "%.200s: in use by another program", serial->path)
					    : fail(serial, "cannot lock", err);
	if (fstat(serial->fd, &status) != 0)
		return fail(serial, "cannot look at it", err);

	const unsigned type = major(status.st_rdev);

	/* The flag outlives us where the maker of a pty keeps its own descriptor of our
	 * end: the next of us would be locked out after a crash. */
	serial->pty
		= S_ISCHR(status.st_mode) && type >= PTY_MAJOR_FIRST && type <= PTY_MAJOR_LAST;
	if (!serial->pty && ioctl(serial->fd, TIOCEXCL) != 0)
		return fail(serial, "cannot claim", err);
	return true;
}

/* Raw, 8N1, no flow control.  CLOCAL and no HUPCL: modem lines say nothing, and are
 * not changed by closing; on many boards they reset the device. */
static bool set_raw(struct serial *serial, const struct baud *baud, struct error *err)
{
	struct termios tty;

	if (tcgetattr(serial->fd, &serial->former) != 0)
		return fail(serial, "cannot read the line's settings", err);
	serial->found = true;
	tty = serial->former;
	cfmakeraw(&tty);
	tty.c_iflag &= ~(tcflag_t)(IXOFF | IXANY);
	tty.c_cflag &= ~(tcflag_t)(CSTOPB | CRTSCTS | HUPCL);
	tty.c_cflag |= CLOCAL | CREAD;
	tty.c_cc[VMIN] = 1; /* so that a read of nothing means the end, not "not yet" */
	tty.c_cc[VTIME] = 0;
	if (cfsetispeed(&tty, baud->code) != 0 || cfsetospeed(&tty, baud->code) != 0
		|| tcsetattr(serial->fd, TCSANOW, &tty) != 0)
		return fail(serial, "cannot set the line", err);
	/* tcsetattr() succeeds if it could do any of it. */
	if (tcgetattr(serial->fd, &tty) != 0 || cfgetospeed(&tty) != baud->code
		|| (tty.c_cflag & CSIZE) != CS8 || (tty.c_lflag & (ICANON | ECHO)) != 0)
		return error_set(err, ERROR_LINK, "%.200s: the line cannot be set to %u baud",
			serial->path, (unsigned)baud->rate);
	return true;
}

static void serial_close(struct link *link)
{
	struct serial *const serial = (struct serial *)link;

	if (serial->fd >= 0 && serial->found) {
		/* Without this, close() waits half a minute for output nobody reads. */
		(void)tcflush(serial->fd, TCIOFLUSH);
		serial->former.c_cflag &= ~(tcflag_t)HUPCL;
		if (cfgetospeed(&serial->former) != B0)
			(void)tcsetattr(serial->fd, TCSANOW, &serial->former);
	}
	if (serial->fd >= 0 && serial->found && !serial->pty)
		(void)ioctl(serial->fd, TIOCNXCL);
	if (serial->fd >= 0)
		(void)close(serial->fd);
	free(serial);
}

static bool serial_open(const char *address, struct link **out, struct error *err)
{
	CLEANUP(link_cleanup) struct link *link = NULL;
	const struct baud *baud = NULL;
	struct serial *const serial = calloc(1, sizeof(*serial));

	if (serial == NULL)
		return error_errno(err, "cannot allocate a link");
	serial->link.kind = &link_serial;
	serial->fd = -1;
	link = &serial->link;
	if (!parse_address(address, serial, &baud, err))
		return false;
	serial->fd = open(serial->path, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	if (serial->fd < 0 && errno == EBUSY)
		return error_set(
			err, ERROR_BUSY, "%.200s: in use by another program", serial->path);
	if (serial->fd < 0 && (errno == EACCES || errno == EPERM)) /* waiting does not help */
		return error_set(err, ERROR_FAILED,
			"%.200s: not permitted: is this user in the group of the device?",
			serial->path);
	if (serial->fd < 0)
		return fail(serial, "cannot open", err);
	if (isatty(serial->fd) == 0)
		return fail(serial, "no serial line", err);
	if (!claim(serial, err) || !set_raw(serial, baud, err))
		return false;
	(void)tcflush(serial->fd, TCIOFLUSH); /* what others said before us */
	*out = link;
	link = NULL;
	return true;
}

static bool serial_write(struct link *link, struct bytes bytes, size_t *done, struct error *err)
{
	const struct serial *const serial = (const struct serial *)link;
	const ssize_t sent = write(serial->fd, bytes.at, bytes.len);

	if (sent < 0 && errno != EAGAIN && errno != EINTR)
		return unplugged(serial, err);
	*done = sent < 0 ? 0 : (size_t)sent;
	return true;
}

static bool serial_read(
	struct link *link, uint8_t *at, size_t room, size_t *got, struct error *err)
{
	const struct serial *const serial = (const struct serial *)link;
	const ssize_t came = read(serial->fd, at, room);

	if ((came == 0 && room > 0) || (came < 0 && errno != EAGAIN && errno != EINTR))
		return unplugged(serial, err);
	*got = came < 0 ? 0 : (size_t)came;
	return true;
}

static bool serial_poll(
	struct link *link, bool writing, struct pollfd *fds, size_t *count, size_t room)
{
	const struct serial *const serial = (const struct serial *)link;

	if (*count >= room)
		return false;
	fds[(*count)++]
		= (struct pollfd){serial->fd, (short)(POLLIN | (writing ? POLLOUT : 0)), 0};
	return true;
}

static uint32_t serial_rate(const struct link *link)
{
	return ((const struct serial *)link)->baud / BITS_PER_BYTE;
}

const struct link_kind link_serial = {
	.name = "serial",
	.address = "PATH[,BAUD]",
	.open = serial_open,
	.write = serial_write,
	.read = serial_read,
	.poll = serial_poll,
	.rate = serial_rate,
	.close = serial_close,
};
