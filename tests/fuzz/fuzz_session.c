/*
 * Whatever a stranger sends to a device: no session opens, the answer stays small, and
 * what ended stays ended.  Bytes come in pieces of the size the first one says.
 */
#include <stdlib.h>

#include "device-link/session.h"
#include "tests/fleet.h"
#include "tests/fuzz/fuzz.h"

enum { ANSWER_MAX = 32 * 1024 /* bytes: a flight of the handshake, and alerts */ };

struct stage {
	struct fleet fleet;
	struct party device;
};

static const struct stage *set_stage(void)
{
	static struct stage stage;
	static bool ready;
	struct error err = {0};

	if (!ready
		&& (!fleet_make(&stage.fleet, "fleet", &err)
			|| !fleet_member(&stage.fleet, CERTIFICATE_DEVICE, CRYPTO_ED25519, "d1",
				NULL, INT32_MAX, &stage.device, &err)))
		abort();
	ready = true;
	return &stage;
}

static void feed(struct session *session, struct bytes rest, size_t piece)
{
	CLEANUP(buf_free) struct buf out = {0};
	bool ended = false;

	while (rest.len > 0) {
		const size_t len = rest.len < piece ? rest.len : piece;
		struct bytes message = {0};
		struct error err = {0};
		const bool ok
			= session_receive(session, (struct bytes){rest.at, len}, &out, &err);

		if ((ok && ended) || ok != (session_state(session) == SESSION_GREETING)
			|| (!ok && err.text[0] == 0) || session_message(session, &message)
			|| out.len > ANSWER_MAX)
			abort();
		ended = !ok;
		rest = (struct bytes){rest.at + len, rest.len - len};
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t len)
{
	const struct stage *const stage = set_stage();
	const struct session_identity who = fleet_identity(&stage->fleet, &stage->device);
	CLEANUP(session_cleanup) struct session *session = NULL;
	CLEANUP(buf_free) struct buf out = {0};
	struct error err = {0};

	if (len == 0)
		return 0;
	if (!session_new(SESSION_DEVICE, &who, &session, &out, &err) || out.len > 0)
		abort();
	feed(session, (struct bytes){at + 1, len - 1}, at[0] == 0 ? len : at[0]);
	return 0;
}
