/* The courier of the stand: a link over our end of the pty, and one visit at a time. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "common/file.h"
#include "device-link/channel.h"
#include "tests/agent_stand.h"
#include "tests/test.h"

/* ---- the link: the descriptor stays the stand's ---- */

struct end {
	struct link link;
	int fd;
};

static bool end_write(struct link *link, struct bytes bytes, size_t *done, struct error *err)
{
	const ssize_t put = write(((struct end *)link)->fd, bytes.at, bytes.len);

	(void)err;
	*done = put > 0 ? (size_t)put : 0;
	return true;
}

/* EIO: nobody has the other end open now. */
static bool end_read(
	struct link *link, uint8_t *at, size_t room, size_t *got, struct error *err)
{
	const ssize_t had = read(((struct end *)link)->fd, at, room);

	(void)err;
	*got = had > 0 ? (size_t)had : 0;
	return true;
}

static bool end_poll(
	struct link *link, bool writing, struct pollfd *fds, size_t *count, size_t room)
{
	(void)writing;
	if (*count == room)
		return false;
	fds[(*count)++] = (struct pollfd){((struct end *)link)->fd, POLLIN, 0};
	return true;
}

static uint32_t end_rate(const struct link *link)
{
	(void)link;
	return 0;
}

static void end_close(struct link *link)
{
	free(link);
}

static bool end_open(const char *address, struct link **link, struct error *err)
{
	(void)link;
	return error_set(err, ERROR_USAGE, "%s: not opened by name", address);
}

static const struct link_kind end_kind
	= {"end", "", end_open, end_write, end_read, end_poll, end_rate, end_close};

/* ---- the host ---- */

static void take_inventory(struct stand *stand, const struct visit_peer *peer)
{
	CLEANUP(crypto_public_cleanup) struct crypto_public *key = NULL;
	struct error err = {0};

	MUST(certificate_public(peer->chain, &key, &err));
	inventory_free(&stand->inventory);
	MUST(inventory_open(peer->accept->inventory, key, &stand->inventory, &err));
	stand->certified = peer->certified;
	identity_free(&stand->identity);
	if (!peer->certified)
		MUST(identity_open(peer->accept->identity, &stand->identity, &err));
	stand->newest = peer->accept->newest;
}

static bool met(void *self, const struct visit_peer *peer, struct visit_errand *errand,
	struct error *err)
{
	struct stand *const stand = self;

	take_inventory(stand, peer);
	*errand = (struct visit_errand){
		.has_offer = stand->deployment != NULL, .identify = stand->identify};
	if (!errand->has_offer)
		return true;
	errand->offer = (struct message_offer){.deployment = bytes_of(stand->deployment),
		.name = bytes_of("an artifact"),
		.size = stand->artifact.len,
		.unpacked = stand->artifact.len,
		.flags = stand->flags};
	errand->offer.metadata_size = stand->set.len;
	if (!crypto_sha256(buf_bytes(&stand->artifact), &errand->offer.digest, err)
		|| (stand->set.len > 0
			&& !crypto_sha256(
				buf_bytes(&stand->set), &errand->offer.metadata_digest, err)))
		return false;
	if (stand->wrong_digest)
		errand->offer.digest.at[0] ^= 1;
	return true;
}

static bool lacks(void *self, uint64_t sequence)
{
	const struct stand *const stand = self;

	for (size_t i = 0; i < stand->kept_count; i++)
		if (stand->kept[i].sequence == sequence)
			return false;
	return true;
}

static bool keep(
	void *self, const struct message_receipt *message, bool *final, struct error *err)
{
	struct stand *const stand = self;
	CLEANUP(crypto_public_cleanup) struct crypto_public *key = NULL;
	struct receipt receipt;
	struct digest log, inventory;

	if (!crypto_public_of(stand->world->device.key, &key, err)
		|| !receipt_open(message->envelope, key, &receipt, err)
		|| !crypto_sha256(message->log, &log, err)
		|| !crypto_sha256(message->inventory, &inventory, err))
		return false;
	assert_true(message->log.len == 0 || digest_equal(&log, &receipt.log));
	assert_true(
		message->inventory.len == 0 || digest_equal(&inventory, &receipt.inventory));
	assert_int_equal(message->sequence, receipt.sequence);
	*final = stand->deployment != NULL && strcmp(receipt.deployment, stand->deployment) == 0
		&& outcome_terminal(receipt.outcome)
		&& ((stand->flags & MESSAGE_OFFER_RETRY) == 0
			|| receipt.sequence > stand->newest);
	if (!lacks(stand, message->sequence))
		return true;
	assert_true(stand->kept_count < STAND_KEPT);
	stand->kept[stand->kept_count] = receipt;
	stand->inventories[stand->kept_count] = message->inventory.len;
	stand->logs[stand->kept_count].len = 0;
	return buf_append(&stand->logs[stand->kept_count++], message->log, err);
}

static void read_set(struct stand *stand, uint64_t offset, uint8_t *at, size_t len)
{
	assert_true(offset + len <= stand->set.len);
	memcpy(at, stand->set.at + offset, len);
	if (stand->wrong_set)
		at[0] ^= 1;
	stand->sent_set += len;
}

static bool read_object(void *self, enum message_object object, uint64_t offset, uint8_t *at,
	size_t len, struct error *err)
{
	struct stand *const stand = self;

	(void)err;
	if (object == MESSAGE_METADATA) {
		read_set(stand, offset, at, len);
		return true;
	}
	assert_true(offset + len <= stand->artifact.len);
	memcpy(at, stand->artifact.at + offset, len);
	if (stand->wrong_bytes)
		at[0] ^= 1;
	if (stand->sent == 0)
		stand->first = offset;
	stand->sent += len;
	return true;
}

static void progress(
	void *self, const struct message_state *state, uint64_t sent, uint64_t size)
{
	struct stand *const stand = self;

	(void)sent;
	(void)size;
	(void)snprintf(stand->text, sizeof(stand->text), "%.*s", (int)state->text.len,
		state->text.len == 0 ? "" : (const char *)state->text.at);
	stand->code = state->code;
	if (stand->phase_count > 0 && stand->phases[stand->phase_count - 1] == state->phase)
		return;
	assert_true(stand->phase_count < STAND_PHASES);
	stand->phases[stand->phase_count++] = state->phase;
}

/* ---- one visit ---- */

static int64_t clock_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

struct call {
	struct stand *stand;
	struct channel *channel;
	struct visit_courier *visit;
	struct visit_courier_host host;
	struct message_hello hello;
	bool greeted;     /* HELLO was sent */
	struct buf hoard; /* a DATA message of which a byte is given now and then */
	size_t given;     /* bytes of it */
	int64_t gave_ms;
};

static void begin(struct call *call, struct stand *stand, const struct session_identity *who)
{
	struct end *const end = calloc(1, sizeof(*end));
	struct error err = {0};

	assert_non_null(end);
	end->link.kind = &end_kind;
	end->fd = stand->cable;
	*call = (struct call){.stand = stand,
		.host = {stand, met, lacks, keep, read_object, progress},
		.hello = {MESSAGE_VERSION, bytes_of("courier test"), buf_bytes(&stand->crl),
			buf_bytes(&stand->chain), buf_bytes(&stand->time)}};
	MUST(channel_new(SESSION_COURIER, &end->link, who, &call->channel, &err));
}

/* The next byte of what is hoarded, when a second has gone by; true: there is some left. */
static bool trickle(struct call *call)
{
	CLEANUP(buf_free) struct buf out = {0};
	struct message message = {0};
	struct error err = {0};

	if (call->hoard.len == 0)
		return false;
	if (clock_ms() < call->gave_ms + 1000)
		return true;
	MUST(message_decode(buf_bytes(&call->hoard), &message, &err));
	message.data.offset += call->given;
	message.data.bytes = (struct bytes){message.data.bytes.at + call->given, 1};
	MUST(message_encode(&message, &out, &err));
	MUST(channel_send(call->channel, buf_bytes(&out), &err));
	call->gave_ms = clock_ms();
	call->given++;
	return true;
}

/* Instead of sending it. */
static void hoard(struct call *call, struct bytes message)
{
	struct error err = {0};

	MUST(buf_append(&call->hoard, message, &err));
}

static bool exchange(struct call *call, struct error *err)
{
	struct bytes message;
	bool some = true;

	while (channel_receive(call->channel, &message))
		if (!visit_courier_take(call->visit, message, err))
			return false;
	while (some && channel_state(call->channel) == CHANNEL_OPEN
		&& !(call->stand->lame && call->greeted) && !trickle(call)) {
		CLEANUP(buf_free) struct buf out = {0};

		if (!visit_courier_give(
			    call->visit, channel_room(call->channel), &out, &some, err))
			return false;
		if (some && call->stand->trickle && out.at[0] == MESSAGE_DATA)
			hoard(call, buf_bytes(&out));
		else if (some && !channel_send(call->channel, buf_bytes(&out), err))
			return false;
		call->greeted = call->greeted || some;
	}
	return true;
}

/* True: it is over, *END says how. */
static bool step(struct call *call, enum stand_end *end)
{
	struct stand *const stand = call->stand;
	const enum channel_state state = channel_state(call->channel);

	if (state == CHANNEL_OPEN && call->visit == NULL && !stand->mute)
		assert_true(visit_courier_new(&call->host, &call->hello,
			channel_session(call->channel), &call->visit, &stand->why));
	*end = STAND_FAILED;
	if (call->visit != NULL && !exchange(call, &stand->why))
		return true;
	if ((stand->cut_at > 0 && stand->sent >= stand->cut_at)
		|| (stand->cut_set_at > 0 && stand->sent_set >= stand->cut_set_at)) {
		*end = STAND_CUT;
		return true;
	}
	if (call->visit != NULL && visit_courier_state(call->visit) != VISIT_GOING) {
		*end = visit_courier_state(call->visit) == VISIT_DONE ? STAND_DONE
								      : STAND_REBOOTING;
		return true;
	}
	if (state != CHANNEL_OVER)
		return false;
	if (channel_why(call->channel) != NULL)
		stand->why = *channel_why(call->channel);
	else
		(void)error_set(&stand->why, ERROR_LINK, "hung up");
	return true;
}

/* What was said is still delivered. */
static void part(struct call *call, enum stand_end end)
{
	const int64_t until = clock_ms() + 3000;
	struct error err = {0};

	if (end == STAND_REBOOTING || end == STAND_CUT || end == STAND_KILLED)
		channel_drop(call->channel);
	else
		channel_close(call->channel);
	while (!channel_flushed(call->channel) && clock_ms() < until) {
		struct pollfd fds[2];
		size_t count = 0;

		MUST(channel_step(call->channel, clock_ms(), &err));
		(void)channel_poll(call->channel, fds, &count, 2);
		(void)poll(fds, (nfds_t)count, 10);
	}
	visit_courier_free(call->visit);
	channel_free(call->channel);
	buf_free(&call->hoard);
}

static bool has_died(struct stand *stand)
{
	if (waitpid(stand->agent, NULL, WNOHANG) != stand->agent)
		return false;
	stand->agent = stand->world->agent = 0;
	return true;
}

enum stand_end stand_visit(struct stand *stand, int seconds)
{
	const struct session_identity who
		= fleet_identity(&stand->world->fleet, stand->courier);
	const int64_t until = clock_ms() + 1000LL * seconds;
	enum stand_end end = STAND_LATE;
	struct error err = {0};
	struct call call;
	bool over = false;

	stand->phase_count = 0;
	stand->sent = stand->first = stand->sent_set = 0;
	stand->why = (struct error){0};
	begin(&call, stand, &who);
	while (!over && clock_ms() < until) {
		struct pollfd fds[2];
		size_t count = 0;

		MUST(channel_step(call.channel, clock_ms(), &err));
		over = step(&call, &end);
		if (!over && stand->mortal && has_died(stand)) {
			end = STAND_KILLED;
			over = true;
		}
		if (!over && stand->kill_ms > 0
			&& clock_ms() > until - 1000LL * seconds + stand->kill_ms) {
			stand_kill(stand);
			end = STAND_KILLED;
			over = true;
		}
		(void)channel_poll(call.channel, fds, &count, 2);
		if (!over)
			(void)poll(fds, (nfds_t)count, 10);
	}
	if (!over)
		end = STAND_LATE;
	part(&call, end);
	return end;
}

void stand_expect(struct stand *stand, enum stand_end expected)
{
	const enum stand_end end = stand_visit(stand, 30);
	char log[8192];

	if (end == expected)
		return;
	stand_read(stand, "agent.log", log, sizeof(log));
	fail_msg("the visit ended %d, not %d: %s\n%s", end, expected, stand->why.text, log);
}

void stand_load(struct stand *stand, const char *artifact, const char *deployment)
{
	struct error err = {0};
	char path[PATH_MAX];

	(void)snprintf(path, sizeof(path), "%s/%s.mender", stand->world->artifacts, artifact);
	stand->artifact.len = 0;
	stand->deployment = deployment;
	MUST(file_read(path, 64 << 20, &stand->artifact, NULL, &err));
}
