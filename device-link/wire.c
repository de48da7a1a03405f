#include "device-link/wire.h"
#include "common/utf8.h"

struct bytes wire_read_run(struct wire_reader *reader, size_t len)
{
	const struct bytes run = {reader->rest.at, len};

	if (reader->failed || len > reader->rest.len) {
		reader->failed = true;
		return (struct bytes){NULL, 0};
	}
	reader->rest.at += len;
	reader->rest.len -= len;
	return run;
}

uint64_t wire_read_integer(struct wire_reader *reader, size_t size)
{
	const struct bytes run = wire_read_run(reader, size);
	uint64_t value = 0;

	for (size_t i = 0; i < run.len; i++)
		value = value << 8 | run.at[i];
	return value;
}

static struct bytes read_counted(struct wire_reader *reader, size_t size, size_t max)
{
	const uint64_t len = wire_read_integer(reader, size);

	if (len > max) {
		reader->failed = true;
		return (struct bytes){NULL, 0};
	}
	return wire_read_run(reader, (size_t)len);
}

struct bytes wire_read_text(struct wire_reader *reader, size_t max)
{
	const struct bytes text = read_counted(reader, 2, max);

	if (wire_is_text(text))
		return text;
	reader->failed = true;
	return (struct bytes){NULL, 0};
}

struct bytes wire_read_block(struct wire_reader *reader, size_t max)
{
	return read_counted(reader, 4, max);
}

void wire_write_run(struct wire_writer *writer, struct bytes run)
{
	if (!writer->failed)
		writer->failed = !buf_append(writer->out, run, &writer->err);
}

void wire_write_integer(struct wire_writer *writer, uint64_t value, size_t size)
{
	uint8_t at[8];

	for (size_t i = 0; i < size; i++)
		at[i] = (uint8_t)(value >> 8 * (size - 1 - i));
	wire_write_run(writer, (struct bytes){at, size});
}

static void write_counted(struct wire_writer *writer, struct bytes run, size_t size, size_t max)
{
	if (run.len > max && !writer->failed)
		writer->failed = !error_set(&writer->err, ERROR_USAGE,
			"%zu bytes where %zu are allowed", run.len, max);
	wire_write_integer(writer, run.len, size);
	wire_write_run(writer, run);
}

void wire_write_text(struct wire_writer *writer, struct bytes text, size_t max)
{
	if (!wire_is_text(text) && !writer->failed)
		writer->failed = !error_set(&writer->err, ERROR_USAGE, "not printable UTF-8");
	write_counted(writer, text, 2, max);
}

void wire_write_block(struct wire_writer *writer, struct bytes block, size_t max)
{
	write_counted(writer, block, 4, max);
}

/* C0, DEL, and C1, which UTF-8 writes as C2 80 to C2 9F. */
static bool is_control(struct bytes text)
{
	return text.at[0] < 0x20 || text.at[0] == 0x7f
		|| (text.at[0] == 0xc2 && text.at[1] < 0xa0);
}

bool wire_is_text(struct bytes text)
{
	while (text.len > 0) {
		const size_t len = utf8_length(text);

		if (len == 0 || is_control(text))
			return false;
		text.at += len;
		text.len -= len;
	}
	return true;
}
