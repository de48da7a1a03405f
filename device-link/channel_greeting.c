#include "device-link/channel_greeting.h"
#include "device-link/channel.h"
#include "device-link/wire.h"

enum { BUSY = 1 /* bit 0 of the flags */ };

bool channel_greeting_parse(const struct frame *frame, struct channel_greeting *out)
{
	struct wire_reader reader = {.rest = frame->payload};
	struct channel_greeting greeting = {0};

	greeting.version = (uint8_t)wire_read_integer(&reader, 1);
	if (!reader.failed && greeting.version != CHANNEL_VERSION) {
		*out = greeting; /* whatever the rest means there */
		return true;
	}
	greeting.payload_max = (uint16_t)wire_read_integer(&reader, 2);
	if (frame->type == FRAME_BEACON)
		greeting.busy = (wire_read_integer(&reader, 1) & BUSY) != 0;
	else
		greeting.rate = (uint32_t)wire_read_integer(&reader, 4);
	if (reader.failed || greeting.payload_max < ARQ_PAYLOAD_MIN)
		return false;
	*out = greeting;
	return true;
}

void channel_greeting_frame(const struct channel_greeting *greeting, enum frame_type type,
	uint32_t connection, uint8_t at[static CHANNEL_GREETING_MAX], struct frame *frame)
{
	size_t len = 0;

	at[len++] = greeting->version;
	at[len++] = (uint8_t)(greeting->payload_max >> 8);
	at[len++] = (uint8_t)greeting->payload_max;
	if (type == FRAME_BEACON)
		at[len++] = greeting->busy ? BUSY : 0;
	for (int shift = 24; type != FRAME_BEACON && shift >= 0; shift -= 8)
		at[len++] = (uint8_t)(greeting->rate >> shift);
	*frame = (struct frame){.type = type, .connection = connection, .payload = {at, len}};
}
