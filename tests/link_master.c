#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/link_master.h"

struct master {
	struct link link;
	int fd;
};

static bool master_open(const char *address, struct link **out, struct error *err)
{
	(void)address;
	(void)out;
	return error_set(err, ERROR_USAGE, "a master is not opened by name");
}

static bool master_write(struct link *link, struct bytes bytes, size_t *done, struct error *err)
{
	const struct master *const master = (const struct master *)link;
	const ssize_t sent = write(master->fd, bytes.at, bytes.len);

	if (sent < 0 && errno != EAGAIN && errno != EINTR)
		return error_set(err, ERROR_LINK, "unplugged");
	*done = sent < 0 ? 0 : (size_t)sent;
	return true;
}

static bool master_read(
	struct link *link, uint8_t *at, size_t room, size_t *got, struct error *err)
{
	const struct master *const master = (const struct master *)link;
	const ssize_t came = read(master->fd, at, room);

	if (came < 0 && errno != EAGAIN && errno != EINTR)
		return error_set(err, ERROR_LINK, "unplugged");
	*got = came < 0 ? 0 : (size_t)came;
	return true;
}

static bool master_poll(
	struct link *link, bool writing, struct pollfd *fds, size_t *count, size_t room)
{
	const struct master *const master = (const struct master *)link;

	if (*count >= room)
		return false;
	fds[(*count)++]
		= (struct pollfd){master->fd, (short)(POLLIN | (writing ? POLLOUT : 0)), 0};
	return true;
}

static uint32_t master_rate(const struct link *link)
{
	(void)link;
	return 0;
}

static void master_close(struct link *link)
{
	free(link);
}

static const struct link_kind link_master = {
	.name = "master",
	.address = "",
	.open = master_open,
	.write = master_write,
	.read = master_read,
	.poll = master_poll,
	.rate = master_rate,
	.close = master_close,
};

bool link_master_new(int fd, struct link **out, struct error *err)
{
	struct master *const master = calloc(1, sizeof(*master));

	if (master == NULL)
		return error_errno(err, "cannot allocate a link");
	master->link.kind = &link_master;
	master->fd = fd;
	*out = &master->link;
	return true;
}
