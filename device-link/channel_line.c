#include <string.h>

#include "device-link/channel_line.h"

enum { READS_MAX = 16 /* of noise in a row, before others get their turn */ };

/* Does what came last look like something a person should read?  A boot loader or a
 * login then listens at the other end, not the device. */
static bool ends_in_text(struct bytes run)
{
	size_t len = 0;

	while (len < run.len && len < CHANNEL_LINE_TEXT) {
		const uint8_t c = run.at[run.len - 1 - len];

		if ((c < ' ' || c > '~') && c != '\r' && c != '\n' && c != '\t')
			break;
		len++;
	}
	return len == CHANNEL_LINE_TEXT;
}

bool channel_line_read(
	struct channel_line *line, struct frame *frame, bool *some, struct error *err)
{
	for (unsigned reads = 0; reads < READS_MAX; reads++) {
		size_t got = 0;

		while (frame_read(&line->reader, &line->rest, frame)) {
			if (frame->device == line->device)
				continue; /* our own, echoed */
			line->text = false;
			*some = true;
			return true;
		}
		line->text = line->text
			|| ends_in_text((struct bytes){line->reader.at, line->reader.len});
		if (!line->link->kind->read(line->link, line->in, sizeof(line->in), &got, err))
			return false;
		line->rest = (struct bytes){line->in, got};
		if (got == 0)
			break;
	}
	*some = false;
	return true;
}

static size_t waiting(const struct channel_line *line)
{
	return line->out.len - line->gone;
}

bool channel_line_waiting(const struct channel_line *line)
{
	return waiting(line) > 0;
}

bool channel_line_has_room(const struct channel_line *line)
{
	const uint32_t rate = line->link->kind->rate(line->link);
	const bool slow = rate != 0 && rate < CHANNEL_LINE_SLOW;

	return waiting(line) < (slow ? CHANNEL_LINE_WAITING : CHANNEL_LINE_WAITING_FAST);
}

bool channel_line_put(struct channel_line *line, const struct frame *frame, struct error *err)
{
	static const uint8_t delimiter = 0;
	struct frame ours = *frame;

	/* After silence: what noise left at the other end is not part of the frame. */
	if (waiting(line) == 0) {
		channel_line_drop(line);
		if (!buf_append(&line->out, (struct bytes){&delimiter, 1}, err))
			return false;
	}
	ours.device = line->device;
	return frame_encode(&ours, &line->out, err);
}

bool channel_line_flush(struct channel_line *line, struct error *err)
{
	size_t done = 1;

	while (waiting(line) > 0 && done > 0) {
		const struct bytes rest = {line->out.at + line->gone, waiting(line)};

		done = 0;
		if (!line->link->kind->write(line->link, rest, &done, err))
			return false;
		line->gone += done;
	}
	if (line->gone >= CHANNEL_LINE_WAITING_FAST) {
		buf_drop(&line->out, line->gone);
		line->gone = 0;
	}
	return true;
}

void channel_line_drop(struct channel_line *line)
{
	line->out.len = 0;
	line->gone = 0;
}

void channel_line_close(struct channel_line *line)
{
	link_close(line->link);
	line->link = NULL;
	buf_free(&line->out);
}
