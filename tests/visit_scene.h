/*
 * visit_scene.h - a courier's visit and a device's, joined in memory: two hosts that do
 * as they are told, real sessions between them, and an observer of the cable.
 */
#ifndef TESTS_VISIT_SCENE_H
#define TESTS_VISIT_SCENE_H

#include "device-link/visit.h"
#include "tests/fleet.h"

enum { ARTIFACT_SIZE = 300 * 1000, METADATA_SIZE = 5000, ROOM = SESSION_MESSAGE_MAX };

#define RUN(text)                                                                              \
	{                                                                                      \
		(const uint8_t *)(text), sizeof(text) - 1                                      \
	}

#define STATE(what, id)                                                                        \
	{                                                                                      \
		MESSAGE_STATE,                                                                 \
			.state                                                                 \
			= {.phase = MESSAGE_PHASE_##what,                                      \
				  .percent = 255,                                              \
				  .deployment = id }                                           \
	}
#define RECEIPT(number)                                                                        \
	{                                                                                      \
		MESSAGE_RECEIPT, .receipt = {.sequence = number, .envelope = RUN("envelope") } \
	}

/* A courier's host: what it brings, and what it was given. */
struct desk {
	struct visit_errand errand;
	bool lacks_all;
	uint64_t final;              /* the sequence of the receipt that ends the errand */
	uint64_t kept[MESSAGE_RING]; /* sequences */
	size_t kept_count;
	char met[80];
	bool certified;
	enum error_code failing; /* of keep(), when not ERROR_NONE */
	enum message_phase phases[32];
	size_t phase_count;
	uint64_t sent;
};

struct visit_courier_host desk_host(struct desk *);

/* A device's host: what it is, what it was told, and what it will say. */
struct unit {
	struct message_accept accept;
	bool refuse;
	struct message_refused why;
	struct message_offer offer; /* size 0: none came */
	bool nothing, identified;
	uint64_t metadata;        /* bytes of it received */
	uint64_t asked, received; /* bytes of the artifact; begin where we left off */
	uint32_t piece;           /* bytes to ask for at once; 0: never asks */
	uint64_t kept[MESSAGE_RING];
	size_t kept_count;
	const struct message *before, *after; /* the offer came; all of it came */
	size_t before_count, after_count;
	bool stays; /* has something to do until all is said */
	char judged[80];
};

struct visit_device_host unit_host(struct unit *);

struct scene {
	struct fleet fleet;
	struct party courier, device;
	struct session *session[2];
	struct message_hello hello;
	struct desk desk;
	struct unit unit;
	struct visit_courier_host desk_host;
	struct visit_device_host unit_host;
	struct visit_courier *up;
	struct visit_device *down;
	size_t room;
	struct error why[2]; /* of the courier's visit, of the device's */
	bool failed[2];
	size_t outstanding, most_outstanding; /* COLLECTs */
	size_t wanted, most_wanted;           /* bytes of WANTs */
	size_t largest_data;
};

/* cmocka's set-up and tear-down of a scene: an offer, and a device that asks for all of
 * it and then says what UNIT.AFTER holds. */
int make_scene(void **state);
int end_scene(void **state);
/* Begin another visit over the same sessions. */
void begin_visit(struct scene *);

/* One message of the one to the other; false when there is none. */
bool courier_speaks(struct scene *);
bool device_speaks(struct scene *);
/* Both, until neither has more to say. */
void converse(struct scene *);

void assert_well(const struct scene *);
void assert_over(const struct scene *, enum visit_state);

#endif
