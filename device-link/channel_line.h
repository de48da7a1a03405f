/*
 * channel_line.h - frames over a link: what came and is not yet parsed, what is to go
 * and not yet taken.  Part of a channel.
 */
#ifndef DEVICE_LINK_CHANNEL_LINE_H
#define DEVICE_LINK_CHANNEL_LINE_H

#include "device-link/frame.h"
#include "device-link/link.h"

enum {
	/* A frame is written only while fewer bytes wait, so that what is sent again
	 * does not stand in a queue; more where waiting costs nothing. */
	CHANNEL_LINE_WAITING = 2048,
	CHANNEL_LINE_WAITING_FAST = 16384,
	CHANNEL_LINE_SLOW = 1000000, /* bytes per second */
	CHANNEL_LINE_TEXT = 24,      /* characters in a row that no frame holds */
};

struct channel_line {
	struct link *link;
	bool device; /* which end we are */
	bool text;   /* text came since the last frame */
	struct frame_reader reader;
	uint8_t in[4096];
	struct bytes rest; /* of IN, not yet parsed */
	struct buf out;
	size_t gone; /* of OUT, taken by the link */
};

/* The next frame of the other end, if one has come; its payload borrowed until the
 * next call. */
NODISCARD bool channel_line_read(
	struct channel_line *, struct frame *, bool *some, struct error *);

bool channel_line_has_room(const struct channel_line *);
bool channel_line_waiting(const struct channel_line *);
/* Queue a frame, as sent by our end. */
NODISCARD bool channel_line_put(struct channel_line *, const struct frame *, struct error *);
/* Write what the link takes. */
NODISCARD bool channel_line_flush(struct channel_line *, struct error *);
/* Forget what waits. */
void channel_line_drop(struct channel_line *);

void channel_line_close(struct channel_line *);

#endif
