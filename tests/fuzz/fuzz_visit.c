/*
 * Whatever the other end says, in whatever order: the visit takes it or ends; what it
 * says itself decodes, fits the room, and stops when the visit is over.
 *
 * The first byte says which end is played and how much room there is; then messages,
 * each after a u16 length.
 */
#include <stdlib.h>
#include <string.h>

#include "device-link/visit.h"
#include "tests/fleet.h"
#include "tests/fuzz/fuzz.h"

#define RUN(text)                                                                              \
	{                                                                                      \
		(const uint8_t *)(text), sizeof(text) - 1                                      \
	}

enum { SIZE = 100000 /* bytes of the artifact */ };

/* ---- hosts that say yes to everything ---- */

struct host {
	uint64_t asked, received;
	size_t says;
};

static bool met(void *self, const struct visit_peer *peer, struct visit_errand *errand,
	struct error *err)
{
	(void)self;
	(void)err;
	if (peer->chain == NULL)
		abort();
	*errand = (struct visit_errand){.has_offer = true,
		.offer = {.deployment = RUN("dep-1"), .name = RUN("a"), .size = SIZE}};
	return true;
}

static bool lacks(void *self, uint64_t sequence)
{
	(void)self;
	return sequence % 3 != 0;
}

static bool keep(
	void *self, const struct message_receipt *receipt, bool *final, struct error *err)
{
	(void)self;
	(void)err;
	*final = receipt->sequence % 7 == 0;
	return receipt->envelope.len > 0;
}

static bool read_object(void *self, enum message_object object, uint64_t offset, uint8_t *at,
	size_t len, struct error *err)
{
	(void)self;
	(void)err;
	if (object != MESSAGE_ARTIFACT || len == 0 || offset + len > SIZE)
		abort();
	memset(at, 'a', len);
	return true;
}

static void progress(
	void *self, const struct message_state *state, uint64_t sent, uint64_t size)
{
	(void)self;
	(void)state;
	if (sent > size)
		abort();
}

static bool judge(void *self, const struct certificate *courier,
	const struct message_hello *hello, bool *refused, struct message_refused *why,
	struct error *err)
{
	(void)self;
	(void)err;
	if (courier == NULL)
		abort();
	*refused = hello->crl.len == 1;
	*why = (struct message_refused){MESSAGE_REFUSED_GROUP, RUN("not here")};
	return true;
}

static bool describe(void *self, struct message_accept *accept, struct error *err)
{
	(void)self;
	(void)err;
	accept->oldest = 1;
	accept->newest = 9;
	return true;
}

static bool receipt(
	void *self, uint64_t sequence, struct message_receipt *out, struct error *err)
{
	(void)self;
	(void)err;
	if (sequence <= 9)
		out->envelope = bytes_of("envelope");
	return true;
}

static bool kept(void *self, uint64_t sequence, struct error *err)
{
	(void)self;
	(void)sequence;
	(void)err;
	return true;
}

static bool offered(void *self, const struct message_offer *offer, struct error *err)
{
	struct host *const host = self;

	(void)err;
	host->says = offer != NULL ? 20 : 0;
	return true;
}

static bool data(void *self, const struct message_data *piece, struct error *err)
{
	struct host *const host = self;

	(void)err;
	if (piece->offset != host->received || host->received + piece->bytes.len > host->asked)
		abort(); /* what was not asked for got through */
	host->received += piece->bytes.len;
	return true;
}

static bool identify(void *self, struct error *err)
{
	(void)self;
	(void)err;
	return true;
}

static bool next(void *self, struct message *message, bool *some, struct error *err)
{
	struct host *const host = self;

	(void)err;
	*some = host->says > 0;
	if (!*some)
		return true;
	*message
		= (struct message){MESSAGE_WANT, .want = {MESSAGE_ARTIFACT, host->asked, 1000}};
	host->asked += 1000;
	host->says--;
	return true;
}

static bool busy(void *self)
{
	(void)self;
	return false;
}

/* ---- either end, behind one face ---- */

struct end {
	struct visit_courier *courier; /* or */
	struct visit_device *device;
};

static bool take(const struct end *end, struct bytes message, struct error *err)
{
	return end->courier != NULL ? visit_courier_take(end->courier, message, err)
				    : visit_device_take(end->device, message, err);
}

static bool give(const struct end *end, size_t room, struct buf *message, bool *some)
{
	struct error err = {0};

	return end->courier != NULL
		? visit_courier_give(end->courier, room, message, some, &err)
		: visit_device_give(end->device, room, message, some, &err);
}

/* Let it say all it has to say, at most so much at a time. */
static void listen(const struct end *end, size_t room, bool over)
{
	for (int i = 0; i < 1000; i++) {
		CLEANUP(buf_free) struct buf bytes = {0};
		struct message message;
		struct error err = {0};
		bool some = false;

		if (!give(end, room, &bytes, &some) || !some)
			return;
		if (over || bytes.len > room
			|| !message_decode(buf_bytes(&bytes), &message, &err))
			abort();
	}
	abort(); /* it never stops */
}

static void play(const struct end *end, size_t room, struct bytes rest)
{
	bool over = false;

	listen(end, room, over);
	while (rest.len >= 2) {
		const size_t claimed = (size_t)rest.at[0] << 8 | rest.at[1];
		const size_t len = claimed < rest.len - 2 ? claimed : rest.len - 2;
		struct error err = {0};

		if (!take(end, (struct bytes){rest.at + 2, len}, &err)) {
			if (err.text[0] == 0)
				abort();
			over = true;
		}
		listen(end, room, over);
		rest = (struct bytes){rest.at + 2 + len, rest.len - 2 - len};
	}
}

static struct session *const *open_sessions(void)
{
	static struct session *ends[2];
	static struct fleet fleet;
	static struct party courier, device;
	struct error err = {0};

	if (ends[0] != NULL)
		return ends;
	if (!fleet_make(&fleet, "fleet", &err)
		|| !fleet_member(&fleet, CERTIFICATE_COURIER, CRYPTO_ED25519, "c1", NULL,
			INT32_MAX, &courier, &err)
		|| !fleet_member(&fleet, CERTIFICATE_DEVICE, CRYPTO_ED25519, "d1", NULL,
			INT32_MAX, &device, &err))
		abort();

	const struct session_identity who[]
		= {fleet_identity(&fleet, &courier), fleet_identity(&fleet, &device)};

	if (!fleet_meet(&who[0], &who[1], ends, &err))
		abort();
	return ends;
}

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t len)
{
	static const struct message_hello hello = {.software = RUN("courier")};
	struct session *const *const sessions = open_sessions();
	struct host host = {0};
	const struct visit_courier_host above
		= {&host, met, lacks, keep, read_object, progress};
	const struct visit_device_host below
		= {&host, judge, describe, receipt, kept, offered, data, identify, next, busy};
	struct end end = {NULL, NULL};
	struct error err = {0};

	if (len == 0)
		return 0;

	const bool ok = at[0] % 2 == 0
		? visit_courier_new(&above, &hello, sessions[0], &end.courier, &err)
		: visit_device_new(&below, sessions[1], &end.device, &err);

	if (!ok)
		abort();
	play(&end, at[0] < 2 ? SESSION_MESSAGE_MAX : (size_t)at[0] * 10,
		(struct bytes){at + 1, len - 1});
	visit_courier_free(end.courier);
	visit_device_free(end.device);
	return 0;
}
