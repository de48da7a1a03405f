/*
 * visit.h - what is said, and in which order: one conversation from HELLO to BYE,
 * seen from either end.
 *
 * A visit does no I/O and has no clock.  Messages that came go in at _take();
 * messages to send come out of _give(), one at a time, as the channel has room.
 * What must be known or done outside is asked of the host.  A host function that
 * fails ends the visit with its error, except where it says otherwise.
 */
#ifndef DEVICE_LINK_VISIT_H
#define DEVICE_LINK_VISIT_H

#include "device-link/message.h"

enum visit_state {
	VISIT_GOING,
	VISIT_REBOOTING, /* the device restarts: be silent, wait for a beacon, visit again */
	VISIT_DONE,      /* both said BYE */
};

/* ---- the courier's end ---- */

/* The device at the other end, as ACCEPT and its certificate show it. */
struct visit_peer {
	const struct certificate
		*chain; /* as TLS verified it; self-signed when not certified */
	bool certified;
	const struct message_accept *accept;
};

/* What the courier brings to one device. */
struct visit_errand {
	bool has_offer;
	struct message_offer offer; /* its runs borrowed from the host for the visit */
	bool identify;              /* only ask it to blink */
};

struct visit_courier_host {
	void *self;

	/* Who it is and what it says, once it accepted us: verify the statements, keep
	 * the inventory, say what the errand is. */
	bool (*met)(
		void *self, const struct visit_peer *, struct visit_errand *, struct error *);

	/* Is this receipt, of the device met, not yet in the store? */
	bool (*lacks)(void *self, uint64_t sequence);

	/* Verify and keep durably; the visit answers KEPT when this returns true.
	 * *FINAL says that it ends the errand's deployment. */
	bool (*keep)(void *self, const struct message_receipt *, bool *final, struct error *);

	/* Exactly LEN bytes of the object at OFFSET. */
	bool (*read)(void *self, enum message_object, uint64_t offset, uint8_t *at, size_t len,
		struct error *);

	/* For the person: the device's phase, and how far the transfer is. */
	void (*progress)(
		void *self, const struct message_state *, uint64_t sent, uint64_t size);
};

struct visit_courier;

/* HELLO is given first; whoever carries must sooner or later have room for
 * SESSION_MESSAGE_MAX bytes.  Its runs and HOST are borrowed for the life of the visit;
 * SESSION, for the peer's certificate, until the visit is freed. */
NODISCARD bool visit_courier_new(const struct visit_courier_host *,
	const struct message_hello *, const struct session *, struct visit_courier **,
	struct error *);
void visit_courier_free(struct visit_courier *);
void visit_courier_cleanup(struct visit_courier **);

NODISCARD bool visit_courier_take(struct visit_courier *, struct bytes message, struct error *);
/* The next message to send, of at most ROOM bytes, appended to MESSAGE.  *SOME is
 * false when there is nothing to say now. */
NODISCARD bool visit_courier_give(
	struct visit_courier *, size_t room, struct buf *message, bool *some, struct error *);
enum visit_state visit_courier_state(const struct visit_courier *);
/* The last STATE the device sent; its text is owned by the visit. */
const struct message_state *visit_courier_phase(const struct visit_courier *);
/* After VISIT_DONE or VISIT_REBOOTING: did a receipt end the errand's deployment? */
bool visit_courier_final(const struct visit_courier *);

/* ---- the device's end ---- */

struct visit_device_host {
	void *self;

	/* May this courier, whose certificate TLS verified, visit?  Take its CRL and our
	 * new chain from HELLO first.  A refusal is *REFUSED = true with *WHY filled
	 * (its text owned by the host), and success. */
	bool (*judge)(void *self, const struct certificate *courier,
		const struct message_hello *, bool *refused, struct message_refused *why,
		struct error *);

	/* Fill ACCEPT; its runs owned by the host, valid until the next call. */
	bool (*describe)(void *self, struct message_accept *, struct error *);

	/* The receipt of that sequence; empty envelope when the ring no longer has it. */
	bool (*receipt)(
		void *self, uint64_t sequence, struct message_receipt *, struct error *);

	/* The courier has it on its disk. */
	bool (*kept)(void *self, uint64_t sequence, struct error *);

	/* An offer came, or NULL for NOTHING.  What the device makes of it shows in
	 * next(), which after an offer says at least one thing. */
	bool (*offered)(void *self, const struct message_offer *, struct error *);

	/* Bytes we wanted came, in the order they were asked for; the visit has checked
	 * that.  May still come after the host changed its mind. */
	bool (*data)(void *self, const struct message_data *, struct error *);

	/* Blink. */
	bool (*identify)(void *self, struct error *);

	/*
	 * The next thing the device has to say on its own: a WANT, a STATE or a RECEIPT
	 * it has not said yet.  *SOME false: nothing now.  Runs are owned by the host,
	 * valid until the next call.  Every change of phase is said, IDLE after the
	 * receipt that ends a deployment included: the courier waits for it.  A WANT
	 * only once an offer came; the visit holds it back, and everything after it,
	 * while MESSAGE_WANTS are unanswered.
	 */
	bool (*next)(void *self, struct message *, bool *some, struct error *);

	/* Does the device still have something to do for which the courier should stay?
	 * BYE is answered when it has not, and every receipt is KEPT.  Receiving, waiting and
	 * staged are no such thing. */
	bool (*busy)(void *self);
};

struct visit_device;

NODISCARD bool visit_device_new(const struct visit_device_host *, const struct session *,
	struct visit_device **, struct error *);
void visit_device_free(struct visit_device *);
void visit_device_cleanup(struct visit_device **);

NODISCARD bool visit_device_take(struct visit_device *, struct bytes message, struct error *);
NODISCARD bool visit_device_give(
	struct visit_device *, size_t room, struct buf *message, bool *some, struct error *);
enum visit_state visit_device_state(const struct visit_device *);

#endif
