#include <stdlib.h>
#include <string.h>

#include "tests/link_faulty.h"
#include "tests/random.h"

enum { WAITING_MAX = 8192, LATE_MAX = 3 };

struct faulty {
	struct link link;
	struct link *inner;
	struct faults faults;
	struct random random;
	uint64_t written;
	struct buf piece; /* not yet complete */
	struct buf late;  /* to come after LATENESS more pieces */
	unsigned lateness;
	struct buf out; /* for the inner link, when it has room */
};

static const struct link_kind link_faulty;

bool link_faulty_new(
	struct link *inner, const struct faults *faults, struct link **out, struct error *err)
{
	struct faulty *const faulty = calloc(1, sizeof(*faulty));

	if (faulty == NULL) {
		link_close(inner);
		return error_errno(err, "cannot allocate a link");
	}
	faulty->link.kind = &link_faulty;
	faulty->inner = inner;
	faulty->faults = *faults;
	faulty->random.seed = faults->seed;
	*out = &faulty->link;
	return true;
}

static bool one_in(struct faulty *faulty, uint32_t ten_million)
{
	return ten_million > 0 && random_below(&faulty->random, 10000000) < ten_million;
}

/* Damage a piece byte by byte. */
static void wear(struct faulty *faulty, struct buf *piece)
{
	size_t len = 0;

	for (size_t i = 0; i < piece->len; i++) {
		if (one_in(faulty, faulty->faults.dropped))
			continue;
		piece->at[len] = piece->at[i];
		if (one_in(faulty, faulty->faults.damaged))
			piece->at[len] ^= (uint8_t)(1U << random_below(&faulty->random, 8));
		len++;
	}
	piece->len = len;
}

static bool pass(struct faulty *faulty, struct error *err)
{
	const struct faults *const faults = &faulty->faults;
	struct random *const random = &faulty->random;
	struct buf *to = &faulty->out;

	if (faulty->lateness > 0 && --faulty->lateness == 0) {
		if (!buf_append(&faulty->out, buf_bytes(&faulty->late), err))
			return false;
		faulty->late.len = 0;
	}
	if (random_chance(random, faults->late) && faulty->lateness == 0) {
		faulty->lateness = 1 + (unsigned)random_below(random, LATE_MAX);
		to = &faulty->late;
	}
	wear(faulty, &faulty->piece);
	if (!random_chance(random, faults->lost)
		&& !buf_append(to, buf_bytes(&faulty->piece), err))
		return false;
	if (random_chance(random, faults->twice)
		&& !buf_append(to, buf_bytes(&faulty->piece), err))
		return false;
	faulty->piece.len = 0;
	return true;
}

static bool flush(struct faulty *faulty, struct error *err)
{
	size_t done = 0;

	if (faulty->out.len == 0)
		return true;
	if (!faulty->inner->kind->write(faulty->inner, buf_bytes(&faulty->out), &done, err))
		return false;
	buf_drop(&faulty->out, done);
	return true;
}

/* How many of LEN bytes are written before the cable is cut. */
static size_t until_cut(const struct faulty *faulty, size_t len)
{
	const uint64_t left = faulty->faults.cut_after - faulty->written;

	return faulty->faults.cut_after == 0 || len < left ? len : (size_t)left;
}

static bool faulty_write(struct link *link, struct bytes bytes, size_t *done, struct error *err)
{
	struct faulty *const faulty = (struct faulty *)link;

	if (!flush(faulty, err))
		return false;
	bytes.len = faulty->out.len < WAITING_MAX ? until_cut(faulty, bytes.len) : 0;
	faulty->written += bytes.len;
	*done = bytes.len;
	while (bytes.len > 0) {
		const uint8_t *const zero = memchr(bytes.at, 0, bytes.len);
		const size_t len = zero == NULL ? bytes.len : (size_t)(zero + 1 - bytes.at);

		if (!buf_append(&faulty->piece, (struct bytes){bytes.at, len}, err))
			return false;
		if (zero != NULL && !pass(faulty, err))
			return false;
		bytes = (struct bytes){bytes.at + len, bytes.len - len};
	}
	if (!flush(faulty, err))
		return false;
	if (faulty->faults.cut_after != 0 && faulty->written == faulty->faults.cut_after) {
		faulty->faults.cut_after = 0;
		faulty->faults.cut(faulty->faults.self);
	}
	return true;
}

static bool faulty_read(
	struct link *link, uint8_t *at, size_t room, size_t *got, struct error *err)
{
	struct faulty *const faulty = (struct faulty *)link;

	return flush(faulty, err)
		&& faulty->inner->kind->read(faulty->inner, at, room, got, err);
}

static bool faulty_poll(
	struct link *link, bool writing, struct pollfd *fds, size_t *count, size_t room)
{
	const struct faulty *const faulty = (const struct faulty *)link;

	return faulty->inner->kind->poll(
		faulty->inner, writing || faulty->out.len > 0, fds, count, room);
}

static uint32_t faulty_rate(const struct link *link)
{
	const struct faulty *const faulty = (const struct faulty *)link;

	return faulty->inner->kind->rate(faulty->inner);
}

static void faulty_close(struct link *link)
{
	struct faulty *const faulty = (struct faulty *)link;

	link_close(faulty->inner);
	buf_free(&faulty->piece);
	buf_free(&faulty->late);
	buf_free(&faulty->out);
	free(faulty);
}

static const struct link_kind link_faulty = {
	.name = "faulty",
	.address = "",
	.write = faulty_write,
	.read = faulty_read,
	.poll = faulty_poll,
	.rate = faulty_rate,
	.close = faulty_close,
};
