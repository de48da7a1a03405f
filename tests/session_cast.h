/*
 * session_cast.h - two fleets, somebody of every kind, and pairs of sessions between
 * them.
 */
#ifndef TESTS_SESSION_CAST_H
#define TESTS_SESSION_CAST_H

#include "tests/fleet.h"

/* Made once, for all tests of a program. */
struct cast {
	struct fleet ours, theirs;
	struct party courier, stranger_courier, expired_courier;
	struct party device, stranger_device, tpm_device, newcomer;
	struct party impostor; /* a device of ours that plays the courier */
	struct party forged;   /* a courier that the device issuer made */
};

/* cmocka's set-up and tear-down of a group. */
int make_cast(void **state);
int end_cast(void **state);

enum { COURIER, DEVICE, ENDS };

/* Both ends of a conversation, the bytes on their way, and how each end fared. */
struct pair {
	struct session *end[ENDS];
	struct buf to[ENDS];
	struct error why[ENDS];
	bool failed[ENDS];
	size_t carried; /* bytes so far, both ways */
	size_t spoil;   /* flip a bit of the byte that is carried after so many */
	uint8_t bit;
};

void pair_done(struct pair *);

/* Let a courier and a device begin; each has the root of the fleet before it. */
void start(struct pair *, const struct fleet *, const struct party *courier,
	const struct fleet *, const struct party *device);
/* Carry bytes until none are left. */
void talk(struct pair *);
bool both_open(const struct pair *);
/* Send TEXT from END, and carry it. */
void say(struct pair *, int end, const char *text);
/* The next message at END is TEXT. */
void assert_heard(struct pair *, int end, const char *text);

#endif
