#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "tests/deliver_device.h"
#include "tests/link_master.h"
#include "tests/test.h"

enum { WANT_LEN = 32 * 1024, STEP_MS = 20, RESTART_MS = 500, SLOW_MS = 100 };

/* In the device's thread nothing asserts: what cannot fail ends the process. */
static void need(bool ok, const struct error *err)
{
	if (ok)
		return;
	fprintf(stderr, "device: %s\n", err->text);
	abort();
}

static void refill(struct buf *buf, struct bytes with)
{
	struct error err = {0};

	buf->len = 0;
	need(buf_append(buf, with, &err), &err);
}

/* ---- what it signs ---- */

static void fingerprint(const struct device *device, struct digest *digest)
{
	CLEANUP(crypto_public_cleanup) struct crypto_public *key = NULL;
	struct error err = {0};

	need(crypto_public_of(device->party.key, &key, &err)
			&& crypto_public_fingerprint(key, digest, &err),
		&err);
}

static void print_identity(const struct device *device, char text[64])
{
	(void)snprintf(text, 64, "{\"serial\":\"%s\"}", device->serial);
}

static void sign_inventory(const struct device *device, struct buf *envelope)
{
	char identity[64];
	struct inventory inventory = {
		.time = {10, 20, 30, "boot"},
		.identity = identity,
		.attributes = json_new_array(),
		.counter_name = "courier.counter",
		.has_anchor = true,
		.report = "full",
		.newest = device->receipt_count,
		.software = "courier-agent test",
	};
	struct error err = {0};

	print_identity(device, identity);
	fingerprint(device, &inventory.key);
	memcpy(inventory.device, device->id, sizeof(inventory.device));
	need(artifact_pairs_add(&inventory.provides, "artifact_name", "release-1", &err), &err);
	need(inventory_sign(&inventory, device->party.key, envelope, &err), &err);
	inventory.identity = NULL;
	inventory_free(&inventory);
}

static void sign_identity(const struct device *device, struct buf *envelope)
{
	CLEANUP(buf_free) struct buf request = {0};
	char text[64];
	const char *pem = NULL;
	struct identity identity = {.identity = text, .device_type = "pump"};
	struct error err = {0};

	print_identity(device, text);
	fingerprint(device, &identity.key);
	need(certificate_request_make(
		     device->party.key, CERTIFICATE_UNCERTIFIED, &request, &err)
			&& buf_text(&request, &pem, &err),
		&err);
	identity.request = strdup(pem);
	need(identity_sign(&identity, device->party.key, envelope, &err), &err);
	free(identity.request);
}

static void sign_receipt(struct device *device, struct device_receipt *out)
{
	struct receipt receipt = {
		.sequence = device->receipt_count + 1,
		.artifact = "release-2",
		.digest = device->digest,
		.before = "release-1",
		.outcome = device->outcome,
		.code = device->outcome == OUTCOME_REFUSED ? ERROR_SIGNATURE : ERROR_NONE,
		.time = {10, 20, 30, "boot"},
		.courier = "anna",
		.technician = "anna",
	};
	struct error err = {0};

	memcpy(receipt.device, device->id, sizeof(receipt.device));
	memcpy(receipt.deployment, device->deployment, sizeof(receipt.deployment));
	(void)snprintf(receipt.after, sizeof(receipt.after), "%s",
		device->outcome == OUTCOME_CONFIRMED ? "release-2" : "release-1");
	(void)snprintf(receipt.reason, sizeof(receipt.reason), "%s",
		device->outcome == OUTCOME_CONFIRMED ? "" : "as the test says");
	fingerprint(device, &receipt.key);
	refill(&out->log, bytes_of("10:00 installed\n"));
	sign_inventory(device, &out->inventory);
	need(crypto_sha256(buf_bytes(&out->log), &receipt.log, &err)
			&& crypto_sha256(buf_bytes(&out->inventory), &receipt.inventory, &err)
			&& receipt_sign(&receipt, device->party.key, &out->envelope, &err),
		&err);
	memcpy(out->deployment, device->deployment, sizeof(out->deployment));
	out->digest = device->digest;
}

void device_sign(struct device *device, const char *deployment, enum outcome outcome)
{
	const enum outcome usual = device->outcome;

	(void)snprintf(device->deployment, sizeof(device->deployment), "%s", deployment);
	device->outcome = outcome;
	assert_true(device->receipt_count < DEVICE_RECEIPTS);
	sign_receipt(device, &device->receipts[device->receipt_count]);
	device->receipt_count++;
	device->outcome = usual;
}

/* ---- what it says ---- */

static void say(struct device *device, const struct message *message)
{
	if (device->say_count < DEVICE_SAYINGS)
		device->says[device->say_count++] = *message;
}

static void say_why(
	struct device *device, enum message_phase phase, enum error_code code, const char *text)
{
	const bool idle = phase == MESSAGE_PHASE_IDLE;

	say(device,
		&(struct message){MESSAGE_STATE,
			.state = {.phase = phase,
				.percent = 255,
				.wait_s = phase == MESSAGE_PHASE_REBOOTING ? 30 : 0,
				.code = (uint8_t)code,
				.deployment = bytes_of(idle ? "" : device->deployment),
				.text = bytes_of(text)}});
}

static void say_phase(struct device *device, enum message_phase phase, const char *text)
{
	say_why(device, phase, ERROR_NONE, text);
}

static void fill_receipt(
	const struct device *device, size_t index, struct message_receipt *message)
{
	const struct device_receipt *const receipt = &device->receipts[index];

	*message = (struct message_receipt){
		.sequence = index + 1,
		.envelope = buf_bytes(&receipt->envelope),
		.log = device->garbles_logs ? bytes_of("nothing happened\n")
					    : buf_bytes(&receipt->log),
		.inventory = buf_bytes(&receipt->inventory),
	};
}

static void say_receipt(struct device *device, size_t index)
{
	struct message message = {.type = MESSAGE_RECEIPT};

	fill_receipt(device, index, &message.receipt);
	say(device, &message);
	say_phase(device, MESSAGE_PHASE_IDLE, "");
}

static void finish(struct device *device)
{
	sign_receipt(device, &device->receipts[device->receipt_count]);
	device->receipt_count++;
	device->due = false;
}

/* All of the artifact is there. */
static void complete(struct device *device)
{
	struct digest own;
	struct error err = {0};

	need(crypto_sha256(buf_bytes(&device->artifact), &own, &err), &err);
	device->authentic = digest_equal(&own, &device->digest);
	if (device->manner == DEVICE_STAGES) {
		say_phase(device, MESSAGE_PHASE_STAGED, "tonight");
	} else if (device->manner == DEVICE_LINGERS) {
		say_phase(device, MESSAGE_PHASE_INSTALLING, "");
	} else if (device->manner == DEVICE_RESTARTS) {
		device->due = true;
		say_phase(device, MESSAGE_PHASE_REBOOTING, "");
	} else {
		say_phase(device, MESSAGE_PHASE_INSTALLING, "");
		finish(device);
		say_receipt(device, device->receipt_count - 1);
	}
}

/* ---- its host ---- */

static bool host_judge(void *self, const struct certificate *courier,
	const struct message_hello *hello, bool *refused, struct message_refused *why,
	struct error *err)
{
	const struct device *const device = self;

	(void)courier;
	(void)hello;
	(void)err;
	*refused = device->refuses != 0;
	if (*refused)
		*why = (struct message_refused){device->refuses, bytes_of("as the test says")};
	return true;
}

static bool host_describe(void *self, struct message_accept *accept, struct error *err)
{
	struct device *const device = self;

	(void)err;
	device->accept_inventory.len = device->accept_identity.len = 0;
	sign_inventory(device, &device->accept_inventory);
	if (!device->certified)
		sign_identity(device, &device->accept_identity);
	*accept = (struct message_accept){
		.software = bytes_of("courier-agent test"),
		.identity = buf_bytes(&device->accept_identity),
		.inventory = buf_bytes(&device->accept_inventory),
		.oldest = device->receipt_count > 0 ? 1 : 0,
		.newest = device->receipt_count,
	};
	return true;
}

static bool host_receipt(
	void *self, uint64_t sequence, struct message_receipt *receipt, struct error *err)
{
	const struct device *const device = self;

	(void)err;
	if (sequence >= 1 && sequence <= device->receipt_count)
		fill_receipt(device, sequence - 1, receipt);
	return true;
}

static bool host_kept(void *self, uint64_t sequence, struct error *err)
{
	struct device *const device = self;
	const bool hangs_up = device->hangs_up;

	if (sequence >= 1 && sequence <= device->receipt_count)
		device->receipts[sequence - 1].kept = true;
	device->hangs_up = false;
	return !hangs_up || error_set(err, ERROR_FAILED, "as the test says");
}

/* The receipt that answers the offer; receipt_count: there is none. */
static size_t answered(const struct device *device, const struct message_offer *offer)
{
	size_t i = device->receipt_count;

	if ((offer->flags & MESSAGE_OFFER_RETRY) != 0)
		return i;
	while (i > 0
		&& !(bytes_equal(
			     offer->deployment, bytes_of(device->receipts[i - 1].deployment))
			&& digest_equal(&offer->digest, &device->receipts[i - 1].digest)))
		i--;
	return i > 0 ? i - 1 : device->receipt_count;
}

static void take_offer(struct device *device, const struct message_offer *offer)
{
	if ((offer->flags & MESSAGE_OFFER_RETRY) != 0 && device->authentic)
		device->artifact.len = 0;
	(void)snprintf(device->deployment, sizeof(device->deployment), "%.*s",
		(int)offer->deployment.len, (const char *)offer->deployment.at);
	device->digest = offer->digest;
	device->size = offer->size;
	device->flags = offer->flags;
	device->asked = device->artifact.len;
	if (device->offers < DEVICE_CUTS)
		device->began[device->offers] = device->asked;
	device->offers++;
}

static bool host_offered(void *self, const struct message_offer *offer, struct error *err)
{
	struct device *const device = self;

	(void)err;
	if (offer == NULL) {
		say_phase(device, MESSAGE_PHASE_IDLE, "");
		return true;
	}

	const size_t old = answered(device, offer);

	if (old < device->receipt_count) {
		device->offers++;
		say_receipt(device, old);
		return true;
	}
	take_offer(device, offer);
	if (device->manner == DEVICE_WAITS)
		say_phase(device, MESSAGE_PHASE_WAITING, "the pump is running");
	else if (device->manner == DEVICE_EXPIRED)
		say_why(device, MESSAGE_PHASE_WAITING, ERROR_EXPIRED,
			"timestamp: authentic, but it has expired");
	else if (device->asked < device->size)
		say_phase(device, MESSAGE_PHASE_RECEIVING, "");
	else
		complete(device);
	return true;
}

static bool host_data(void *self, const struct message_data *data, struct error *err)
{
	struct device *const device = self;

	if (device->slow)
		(void)poll(NULL, 0, SLOW_MS);
	if (!buf_append(&device->artifact, data->bytes, err))
		return false;
	if (device->artifact.len == device->size)
		complete(device);
	return true;
}

static bool host_identify(void *self, struct error *err)
{
	(void)self;
	(void)err;
	return true;
}

static bool host_next(void *self, struct message *message, bool *some, struct error *err)
{
	struct device *const device = self;
	const uint64_t left = device->size - device->asked;

	(void)err;
	*some = true;
	if (device->say_count > 0) {
		*message = device->says[0];
		memmove(device->says, device->says + 1,
			--device->say_count * sizeof(device->says[0]));
	} else if (left > 0 && device->manner != DEVICE_WAITS) {
		const uint32_t length = left < WANT_LEN ? (uint32_t)left : WANT_LEN;

		*message = (struct message){
			MESSAGE_WANT, .want = {MESSAGE_ARTIFACT, device->asked, length}};
		device->asked += length;
	} else {
		*some = false;
	}
	return true;
}

static bool host_busy(void *self)
{
	const struct device *const device = self;

	return device->say_count > 0
		|| (device->manner == DEVICE_LINGERS && device->size > 0
			&& device->artifact.len == device->size);
}

/* ---- its cable ---- */

static bool plug_in(struct device *device, struct error *err)
{
	char name[PATH_MAX], fresh[PATH_MAX + 96];
	struct termios raw = {0};

	cfmakeraw(&raw);
	if (openpty(&device->master, &device->slave, name, &raw, NULL) != 0
		|| fcntl(device->master, F_SETFL, O_NONBLOCK) != 0)
		return error_errno(err, "cannot open a pty");
	(void)snprintf(fresh, sizeof(fresh), "%s.new", device->path);
	if (symlink(name, fresh) != 0 || rename(fresh, device->path) != 0)
		return error_errno(err, "%s: cannot link", fresh);
	return true;
}

static void end_visit(struct device *device)
{
	visit_device_free(device->visit);
	device->visit = NULL;
	device->say_count = 0;
	device->size = device->asked = 0;
	if (device->forgets)
		device->artifact.len = 0;
}

static void switch_off(struct device *device)
{
	end_visit(device);
	channel_free(device->channel);
	device->channel = NULL;
}

static void switch_on(struct device *device)
{
	struct link *link = NULL;
	struct error err = {0};

	need(link_master_new(device->master, &link, &err)
			&& channel_new(SESSION_DEVICE, link, &device->identity,
				&device->channel, &err),
		&err);
	channel_set_busy(device->channel, device->busy);
}

static void hand_over(struct device *device)
{
	const struct party own = device->party;

	device->party = *device->heir;
	*device->heir = own;
	device->heir = NULL;
	(void)snprintf(device->id, sizeof(device->id), "%s", device->heir_id);
	device->identity = fleet_identity(device->fleet, &device->party);
	device->artifact.len = 0;
}

static void pull_cable(struct device *device)
{
	struct error err = {0};

	switch_off(device);
	(void)unlink(device->path); /* before its number is given to somebody else */
	(void)close(device->master);
	(void)close(device->slave);
	device->master = device->slave = -1;
	device->cut_at = 0;
	if (device->cut_for_good)
		return;
	if (device->heir != NULL)
		hand_over(device);
	need(plug_in(device, &err), &err);
	switch_on(device);
}

/* ---- its life ---- */

static bool converse(struct device *device, struct error *err)
{
	struct bytes message;
	bool some = true;

	if (device->visit == NULL) {
		device->conversations++;
		if (!visit_device_new(&device->host, channel_session(device->channel),
			    &device->visit, err))
			return false;
	}
	while (channel_receive(device->channel, &message))
		if (!visit_device_take(device->visit, message, err))
			return false;
	while (some && channel_state(device->channel) == CHANNEL_OPEN) {
		CLEANUP(buf_free) struct buf out = {0};

		if (!visit_device_give(
			    device->visit, channel_room(device->channel), &out, &some, err)
			|| (some && !channel_send(device->channel, buf_bytes(&out), err)))
			return false;
	}
	return true;
}

static void talk(struct device *device)
{
	struct error err = {0};

	if (!converse(device, &err)) {
		device->why = err;
		channel_close(device->channel);
	} else if (visit_device_state(device->visit) == VISIT_DONE) {
		channel_close(device->channel);
	}
}

/* The courier hears that it restarts, and says no more: not even that it heard. */
static void restart(struct device *device, int64_t now_ms)
{
	const bool told
		= device->visit != NULL && visit_device_state(device->visit) == VISIT_REBOOTING;

	if (device->restart_ms == 0 && told)
		device->restart_ms = now_ms + RESTART_MS;
	if (device->restart_ms == 0 || now_ms < device->restart_ms)
		return;
	device->restart_ms = 0;
	switch_off(device);
	finish(device);
	switch_on(device);
}

static void step(struct device *device, int64_t now_ms)
{
	struct error err = {0};

	need(channel_step(device->channel, now_ms, &err), &err);
	if (channel_state(device->channel) == CHANNEL_OPEN)
		talk(device);
	if (device->due)
		restart(device, now_ms);
	if (channel_state(device->channel) == CHANNEL_OVER) {
		if (channel_why(device->channel) != NULL)
			device->why = *channel_why(device->channel);
		end_visit(device);
		channel_again(device->channel);
	}
	if (device->cut_at > 0 && device->artifact.len >= device->cut_at)
		pull_cable(device);
}

static int64_t clock_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* A login prompt, again and again. */
static void prompt(const struct device *device)
{
	const struct bytes text = bytes_of(device->prompt);

	if (write(device->master, text.at, text.len) < 0)
		return;
	(void)poll(NULL, 0, 10 * STEP_MS);
}

static void *live(void *self)
{
	struct device *const device = self;

	while (!atomic_load(&device->stop)) {
		struct pollfd fds[2];
		size_t count = 0;

		if (device->prompt != NULL) {
			prompt(device);
		} else if (device->silent || device->channel == NULL) {
			(void)poll(NULL, 0, STEP_MS);
		} else {
			step(device, clock_ms());
			if (device->channel == NULL)
				continue;
			(void)channel_poll(device->channel, fds, &count, COUNT(fds));
			(void)poll(fds, (nfds_t)count, STEP_MS);
		}
	}
	return NULL;
}

void device_init(struct device *device)
{
	struct error err = {0};

	device->master = device->slave = -1;
	if (device->certified)
		MUST(fleet_member(device->fleet, CERTIFICATE_DEVICE, CRYPTO_ED25519, device->id,
			NULL, FLEET_BORN + 86400, &device->party, &err));
	else
		MUST(fleet_newcomer(CRYPTO_ED25519, &device->party, &err));
	device->identity = fleet_identity(device->fleet, &device->party);
	device->host = (struct visit_device_host){device, host_judge, host_describe,
		host_receipt, host_kept, host_offered, host_data, host_identify, host_next,
		host_busy};
}

void device_start(struct device *device)
{
	struct error err = {0};

	if (device->master < 0)
		MUST(plug_in(device, &err));
	switch_on(device);
	atomic_store(&device->stop, false);
	assert_int_equal(pthread_create(&device->thread, NULL, live, device), 0);
	device->started = true;
}

void device_stop(struct device *device)
{
	if (!device->started)
		return;
	atomic_store(&device->stop, true);
	assert_int_equal(pthread_join(device->thread, NULL), 0);
	device->started = false;
	switch_off(device);
}

void device_done(struct device *device)
{
	device_stop(device);
	(void)unlink(device->path);
	if (device->master >= 0)
		(void)close(device->master);
	if (device->slave >= 0)
		(void)close(device->slave);
	buf_free(&device->artifact);
	buf_free(&device->accept_inventory);
	buf_free(&device->accept_identity);
	for (size_t i = 0; i < COUNT(device->receipts); i++) {
		buf_free(&device->receipts[i].envelope);
		buf_free(&device->receipts[i].log);
		buf_free(&device->receipts[i].inventory);
	}
	party_done(&device->party);
}
