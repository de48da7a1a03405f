/*
 * frame.h - message boundaries on a dirty line, and the connection id.
 *
 * On the cable: COBS(type u8, connection u32, sequence u16, payload, CRC-32C u32),
 * then a zero byte; integers big-endian; a zero byte also goes before the first
 * frame after silence.  The CRC (Castagnoli, RFC 3720 B.4) covers all before it.
 * Bit 7 of the type byte is set in what the device's end sends, so that neither end
 * takes its own bytes, echoed by a terminal, for the other's.
 *
 * Bytes that are no frame - boot messages, a login prompt, noise - are skipped up
 * to the next zero byte, and counted.  Every frame carries its connection's id: what
 * a crashed peer left in a buffer never enters a new conversation.  courier-link(7)
 * is the specification; what the payloads hold stands in arq.h (DATA, ACK) and
 * channel.h (the others).
 */
#ifndef DEVICE_LINK_FRAME_H
#define DEVICE_LINK_FRAME_H

#include "common/bytes.h"

enum {
	FRAME_PAYLOAD_MAX = 4096, /* bytes */
	FRAME_OVERHEAD = 1 + 4 + 2 + 4,
	/* bytes on the cable at most: COBS adds one in 254, delimiters at both ends */
	FRAME_WIRE_MAX = FRAME_PAYLOAD_MAX + FRAME_OVERHEAD
		+ (FRAME_PAYLOAD_MAX + FRAME_OVERHEAD) / 254 + 1 + 2,
	FRAME_TEXT_SIZE = 80, /* of a sample of noise, with the NUL */
};

enum frame_type {
	FRAME_BEACON = 1, /* device, connection 0: I am here and nobody talks to me */
	FRAME_OPEN = 2,   /* courier: a new connection with this id begins */
	FRAME_OPENED = 3, /* device: the connection with this id has begun */
	FRAME_DATA = 4,   /* a piece of the stream; sequence numbers it */
	FRAME_ACK = 5,    /* what has come: sequence is the next expected, payload a bitmap */
	FRAME_CLOSE = 6,  /* the connection with this id is over */
};

struct frame {
	enum frame_type type;
	bool device; /* sent by the device's end */
	uint32_t connection;
	uint16_t sequence; /* 0 but in DATA and ACK */
	struct bytes payload;
};

/* Append FRAME as it goes on the cable, with its delimiter, to OUT.  ERROR_USAGE for
 * a payload over FRAME_PAYLOAD_MAX. */
NODISCARD bool frame_encode(const struct frame *, struct buf *out, struct error *);

/* Finds frames in what comes from a link.  Zero-initialise. */
struct frame_reader {
	uint8_t at[FRAME_WIRE_MAX]; /* the run of bytes since the last delimiter */
	size_t len;
	bool overrun;    /* the run is too long for a frame; AT holds the end of it */
	uint64_t frames; /* good ones */
	uint64_t bad;    /* delimited runs that were no frame */
	uint64_t noise;  /* bytes in them */
	char text[FRAME_TEXT_SIZE]; /* the last of them that could be read by a person */
	uint8_t decoded[FRAME_WIRE_MAX];
};

/*
 * Take bytes from FROM (which is advanced) until a whole good frame was seen or
 * FROM is empty.  True: *FRAME is it; its payload lies in the reader, until the
 * next call.  False: give more bytes.
 */
bool frame_read(struct frame_reader *, struct bytes *from, struct frame *);

/* The end of RUN as a line for a person, if most of it is text; else TEXT is
 * untouched and the result false. */
bool frame_text(struct bytes run, char text[static FRAME_TEXT_SIZE]);

uint32_t frame_crc32c(struct bytes);

#endif
