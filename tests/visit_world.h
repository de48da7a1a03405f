/*
 * visit_world.h - whole visits over whole channels over a cable in virtual time: both
 * ends plug in, meet, speak and take leave as often as it takes, from the first beacon
 * to a receipt that both have.
 */
#ifndef TESTS_VISIT_WORLD_H
#define TESTS_VISIT_WORLD_H

#include "device-link/channel.h"
#include "tests/link_faulty.h"
#include "tests/link_pulled.h"
#include "tests/visit_scene.h"

enum { COURIER, DEVICE, WORLD_RECEIPT = 101 };

/* One end: its channel and, while that is open, its visit. */
struct side {
	struct channel *channel;
	bool visiting, left; /* the visit is there; it is over and BYE on its way */
};

struct world {
	struct scene *scene; /* the caller's */
	struct session_identity identity[2];
	struct cable *cable;
	struct side sides[2];
	struct faults faults; /* of the next link, when PULL is not set */
	struct pull pull;
	uint64_t served; /* bytes of the artifact that the courier sent */
	unsigned visits; /* begun, at either end */
	bool done, cut;
};

/* SCENE, from make_scene(), with an artifact of SIZE bytes that nobody asked for yet. */
void world_begin(struct world *, struct scene *, const struct cable_settings *, uint64_t size);
/* Plug END in. */
void world_plug(struct world *, int end);
/* Until the courier has the receipt and has taken leave; fails after an hour. */
void world_run(struct world *);
/* The cable only; not the scene. */
void world_done(struct world *);
/* For faults.cut: both ends are unplugged. */
void world_cut(void *world);

#endif
