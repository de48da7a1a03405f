#include <stdlib.h>
#include <string.h>

#include "tests/link_memory.h"

enum { ROOM = 4096, LONG_US = 1000000 };

/* Bytes written together: the first arrives at ARRIVES_US, the others as the rate
 * lets them. */
struct chunk {
	int64_t arrives_us;
	size_t len;
};

struct way {
	struct buf bytes;  /* on the way */
	struct buf chunks; /* of struct chunk */
	struct buf written;
	int64_t free_us; /* the line takes the next byte then */
};

struct cable {
	struct cable_settings settings;
	int64_t now_us;
	unsigned cuts;
	struct way ways[2]; /* by the end that writes */
};

struct memory {
	struct link link;
	struct cable *cable;
	int end;
	unsigned cuts; /* of the cable when we were plugged */
};

static const struct link_kind link_memory;

bool cable_new(const struct cable_settings *settings, struct cable **out, struct error *err)
{
	struct cable *const cable = calloc(1, sizeof(*cable));

	if (cable == NULL)
		return error_errno(err, "cannot allocate a cable");
	cable->settings = *settings;
	if (cable->settings.room == 0)
		cable->settings.room = ROOM;
	*out = cable;
	return true;
}

void cable_free(struct cable *cable)
{
	if (cable == NULL)
		return;
	for (int end = 0; end < 2; end++) {
		buf_free(&cable->ways[end].bytes);
		buf_free(&cable->ways[end].chunks);
		buf_free(&cable->ways[end].written);
	}
	free(cable);
}

void cable_cleanup(struct cable **cable)
{
	cable_free(*cable);
}

bool cable_plug(struct cable *cable, int end, struct link **out, struct error *err)
{
	struct memory *const memory = malloc(sizeof(*memory));

	if (memory == NULL)
		return error_errno(err, "cannot allocate a link");
	*memory = (struct memory){{&link_memory}, cable, end, cable->cuts};
	*out = &memory->link;
	return true;
}

void cable_cut(struct cable *cable)
{
	cable->cuts++;
	for (int end = 0; end < 2; end++) {
		cable->ways[end].bytes.len = 0;
		cable->ways[end].chunks.len = 0;
		cable->ways[end].free_us = 0;
	}
}

int64_t cable_now_ms(const struct cable *cable)
{
	return cable->now_us / 1000;
}

void cable_advance(struct cable *cable, int64_t to_ms)
{
	if (1000 * to_ms > cable->now_us)
		cable->now_us = 1000 * to_ms;
}

struct buf *cable_written(struct cable *cable, int end)
{
	return &cable->ways[end].written;
}

/* What LEN bytes take of the line. */
static int64_t line_us(const struct cable *cable, size_t len)
{
	return cable->settings.rate == 0 ? 0 : (int64_t)(1000000 * len / cable->settings.rate);
}

static size_t first_chunk(const struct way *way, struct chunk *chunk)
{
	if (way->chunks.len == 0)
		return 0;
	memcpy(chunk, way->chunks.at, sizeof(*chunk));
	return chunk->len;
}

int64_t cable_next_ms(const struct cable *cable)
{
	int64_t next_us = INT64_MAX - LONG_US;

	for (int end = 0; end < 2; end++) {
		const struct way *const way = &cable->ways[end];
		const int64_t room_us = way->free_us - line_us(cable, cable->settings.room / 2);
		struct chunk chunk;

		if (first_chunk(way, &chunk) > 0 && chunk.arrives_us < next_us)
			next_us = chunk.arrives_us;
		if (room_us > cable->now_us && room_us < next_us)
			next_us = room_us;
	}
	return next_us == INT64_MAX - LONG_US ? INT64_MAX : (next_us + 999) / 1000;
}

static bool send(struct cable *cable, int end, struct bytes bytes, struct error *err)
{
	struct way *const way = &cable->ways[end];

	if (way->free_us < cable->now_us)
		way->free_us = cable->now_us;

	const struct chunk chunk
		= {way->free_us + line_us(cable, 1) + 1000LL * cable->settings.delay_ms,
			bytes.len};

	way->free_us += line_us(cable, bytes.len);
	return bytes.len == 0
		|| (buf_append(&way->bytes, bytes, err)
			&& buf_append(&way->chunks,
				(struct bytes){(const uint8_t *)&chunk, sizeof(chunk)}, err));
}

bool cable_inject(struct cable *cable, int end, struct bytes bytes, struct error *err)
{
	return send(cable, end, bytes, err);
}

static bool is_gone(const struct memory *memory, struct error *err)
{
	return memory->cuts != memory->cable->cuts
		&& !error_set(err, ERROR_LINK, "memory: unplugged");
}

static bool memory_write(struct link *link, struct bytes bytes, size_t *done, struct error *err)
{
	const struct memory *const memory = (const struct memory *)link;
	struct cable *const cable = memory->cable;
	const struct way *const way = &cable->ways[memory->end];
	const int64_t behind_us = way->free_us - cable->now_us;
	size_t room = cable->settings.room;

	if (is_gone(memory, err))
		return false;
	if (behind_us > 0 && cable->settings.rate != 0) {
		const size_t waiting = (size_t)(behind_us * cable->settings.rate / 1000000);

		room = waiting < room ? room - waiting : 0;
	}
	if (bytes.len > room && cable->settings.rate != 0)
		bytes.len = room;
	if (!send(cable, memory->end, bytes, err)
		|| !buf_append(&cable->ways[memory->end].written, bytes, err))
		return false;
	*done = bytes.len;
	return true;
}

/* How many of the first chunk's bytes have arrived. */
static size_t arrived(const struct cable *cable, const struct chunk *chunk)
{
	const int64_t since_us = cable->now_us - chunk->arrives_us;

	if (since_us < 0)
		return 0;
	if (cable->settings.rate == 0 || since_us > 1000LL * LONG_US)
		return chunk->len;

	const size_t len = 1 + (size_t)(since_us * cable->settings.rate / 1000000);

	return len < chunk->len ? len : chunk->len;
}

static bool memory_read(
	struct link *link, uint8_t *at, size_t room, size_t *got, struct error *err)
{
	const struct memory *const memory = (const struct memory *)link;
	struct cable *const cable = memory->cable;
	struct way *const way = &cable->ways[1 - memory->end];
	struct chunk chunk;
	size_t done = 0;

	if (is_gone(memory, err))
		return false;
	while (done < room && first_chunk(way, &chunk) > 0) {
		size_t len = arrived(cable, &chunk);

		if (len > room - done)
			len = room - done;
		if (len == 0)
			break;
		memcpy(at + done, way->bytes.at, len);
		buf_drop(&way->bytes, len);
		done += len;
		chunk.len -= len;
		chunk.arrives_us += line_us(cable, len);
		if (chunk.len == 0)
			buf_drop(&way->chunks, sizeof(chunk));
		else
			memcpy(way->chunks.at, &chunk, sizeof(chunk));
	}
	*got = done;
	return true;
}

/* Virtual time needs no descriptor. */
static bool memory_poll(
	struct link *link, bool writing, struct pollfd *fds, size_t *count, size_t room)
{
	(void)link;
	(void)writing;
	(void)fds;
	(void)count;
	(void)room;
	return true;
}

static uint32_t memory_rate(const struct link *link)
{
	return ((const struct memory *)link)->cable->settings.rate;
}

static void memory_close(struct link *link)
{
	free(link);
}

static const struct link_kind link_memory = {
	.name = "memory",
	.address = "",
	.write = memory_write,
	.read = memory_read,
	.poll = memory_poll,
	.rate = memory_rate,
	.close = memory_close,
};
