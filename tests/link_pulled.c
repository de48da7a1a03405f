#include <stdlib.h>

#include "tests/link_pulled.h"

struct pulled {
	struct link link;
	struct link *inner;
	struct pull *pull;
	int end;
	bool before; /* plugged in before the cable failed */
};

static const struct link_kind link_pulled;

bool link_pulled_new(struct pull *pull, int end, struct link **out, struct error *err)
{
	struct pulled *const pulled = calloc(1, sizeof(*pulled));

	if (pulled == NULL)
		return error_errno(err, "cannot allocate a link");
	if (!cable_plug(pull->cable, end, &pulled->inner, err)) {
		free(pulled);
		return false;
	}
	pulled->link.kind = &link_pulled;
	pulled->pull = pull;
	pulled->end = end;
	pulled->before = !pull->struck;
	pull->plugs[end] += pull->struck;
	*out = &pulled->link;
	return true;
}

static bool is_gone(const struct pulled *pulled, struct error *err)
{
	const struct pull *const pull = pulled->pull;

	return pull->way == PULL_END && pull->struck && pulled->before
		&& pulled->end == pull->gone && !error_set(err, ERROR_LINK, "cable: unplugged");
}

/* Does what is written now go nowhere? */
static bool is_lost(const struct pull *pull)
{
	if (!pull->struck)
		return false;
	return pull->way == PULL_SILENCE ? cable_now_ms(pull->cable) < pull->silent_until_ms
					 : pull->plugs[pull->gone] == 0;
}

static void strike(struct pull *pull)
{
	pull->struck = true;
	pull->silent_until_ms = cable_now_ms(pull->cable) + pull->silent_ms;
}

static bool pulled_write(struct link *link, struct bytes bytes, size_t *done, struct error *err)
{
	struct pulled *const pulled = (struct pulled *)link;
	struct pull *const pull = pulled->pull;
	const bool counts = pulled->end == pull->end && pull->after != 0 && !pull->struck;

	if (is_gone(pulled, err))
		return false;
	if (is_lost(pull)) {
		*done = bytes.len;
		return true;
	}
	if (counts && bytes.len > pull->after - pull->written)
		bytes.len = (size_t)(pull->after - pull->written);
	if (!pulled->inner->kind->write(pulled->inner, bytes, done, err))
		return false;
	if (counts && (pull->written += *done) == pull->after)
		strike(pull);
	return true;
}

static bool pulled_read(
	struct link *link, uint8_t *at, size_t room, size_t *got, struct error *err)
{
	const struct pulled *const pulled = (const struct pulled *)link;

	return !is_gone(pulled, err)
		&& pulled->inner->kind->read(pulled->inner, at, room, got, err);
}

static bool pulled_poll(
	struct link *link, bool writing, struct pollfd *fds, size_t *count, size_t room)
{
	const struct pulled *const pulled = (const struct pulled *)link;

	return pulled->inner->kind->poll(pulled->inner, writing, fds, count, room);
}

static uint32_t pulled_rate(const struct link *link)
{
	const struct pulled *const pulled = (const struct pulled *)link;

	return pulled->inner->kind->rate(pulled->inner);
}

static void pulled_close(struct link *link)
{
	struct pulled *const pulled = (struct pulled *)link;

	link_close(pulled->inner);
	free(pulled);
}

static const struct link_kind link_pulled = {
	.name = "pulled",
	.address = "",
	.write = pulled_write,
	.read = pulled_read,
	.poll = pulled_poll,
	.rate = pulled_rate,
	.close = pulled_close,
};
