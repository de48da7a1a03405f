/*
 * channel_greeting.h - the payloads with which two ends meet: BEACON, OPEN and OPENED.
 * channel.h describes them.  Part of a channel.
 */
#ifndef DEVICE_LINK_CHANNEL_GREETING_H
#define DEVICE_LINK_CHANNEL_GREETING_H

#include "device-link/frame.h"

enum { CHANNEL_GREETING_MAX = 7 /* bytes */ };

struct channel_greeting {
	uint8_t version;
	uint16_t payload_max; /* bytes, in a frame of data */
	bool busy;            /* BEACON */
	uint32_t rate;        /* OPEN, OPENED: bytes per second, 0 unknown */
};

/* False for what is too short, or of our version and nonsense. */
bool channel_greeting_parse(const struct frame *, struct channel_greeting *);
/* Make *FRAME of TYPE with a payload that lies in AT. */
void channel_greeting_frame(const struct channel_greeting *, enum frame_type,
	uint32_t connection, uint8_t at[static CHANNEL_GREETING_MAX], struct frame *);

#endif
