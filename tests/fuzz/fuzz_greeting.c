/*
 * A greeting that is understood, made anew, is understood as the same; what a console says
 * becomes one line that a terminal may be shown.  The first byte is the frame's type.
 */
#include <stdlib.h>
#include <string.h>

#include "device-link/channel.h"
#include "device-link/channel_greeting.h"
#include "tests/fuzz/fuzz.h"

static void must(bool ok)
{
	if (!ok)
		abort();
}

static void check_greeting(enum frame_type type, struct bytes payload)
{
	const struct frame frame = {.type = type, .connection = 7, .payload = payload};
	struct channel_greeting one, two;
	struct frame made;
	uint8_t at[CHANNEL_GREETING_MAX];

	if (!channel_greeting_parse(&frame, &one) || one.version != CHANNEL_VERSION)
		return;
	channel_greeting_frame(&one, type, frame.connection, at, &made);
	must(made.payload.len <= payload.len && made.type == type);
	must(channel_greeting_parse(&made, &two));
	must(two.version == one.version && two.payload_max == one.payload_max);
	must(two.busy == one.busy && two.rate == one.rate);
	must(made.payload.len < payload.len || type == FRAME_BEACON
		|| bytes_equal(made.payload, payload));
}

static void check_text(struct bytes run)
{
	char text[FRAME_TEXT_SIZE] = "untouched";

	if (!frame_text(run, text)) {
		must(strcmp(text, "untouched") == 0);
		return;
	}
	must(text[0] != 0 && text[0] != ' ' && strlen(text) < FRAME_TEXT_SIZE);
	for (const char *c = text; *c != 0; c++)
		must(*c >= ' ' && *c <= '~' && (c[0] != ' ' || c[1] != ' '));
}

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t len)
{
	static const enum frame_type types[] = {FRAME_BEACON, FRAME_OPEN, FRAME_OPENED};

	if (len > 0)
		check_greeting(types[at[0] % COUNT(types)], (struct bytes){at + 1, len - 1});
	check_text((struct bytes){at, len});
	return 0;
}
