#include <stdio.h>
#include <string.h>

#include "common/text.h"
#include "courier/sync_parts.h"
#include "courier/trip.h"

/* ---- beginning and end ---- */

bool sync_server(
	struct sync_hand *hand, const char *name, struct server **out, struct error *err)
{
	const struct settings *const settings = hand->sync->settings;
	const struct server_settings *wanted = NULL;
	const struct server_kind *kind = NULL;

	if (!settings_server(settings, name, &wanted, err)
		|| !server_kind_find(wanted->kind, &kind, err))
		return false;

	struct server **const slot = &hand->servers[wanted - settings->servers];

	if (*slot == NULL && !kind->open(wanted, hand->sync->key, slot, err))
		return false;
	*out = *slot;
	return true;
}

static bool load_inventory(struct sync_talk *talk, struct error *err)
{
	if (talk->device.key_pem != NULL
		&& !crypto_public_parse(bytes_of(talk->device.key_pem), &talk->key, err))
		return false;
	return trip_inventory(talk->sync->store, &talk->device, talk->key, &talk->inventory,
		&talk->has_inventory, err);
}

static bool begin(struct sync_hand *hand, struct sync_talk *talk, struct error *err)
{
	struct store *const store = hand->sync->store;
	const char *const id = talk->job->device;
	bool found = false;

	if (!store_get_device(store, id, &talk->device, &found, err))
		return false;
	if (!found)
		return error_set(err, ERROR_DAMAGED, "%s is not in the store any more", id);
	talk->who.id_data = talk->device.id_data;
	talk->who.tier = talk->device.tier;
	return store_get_token(store, id, &talk->who.token, &found, err)
		&& buf_append(&talk->token_kept, buf_bytes(&talk->who.token), err)
		&& load_inventory(talk, err)
		&& sync_server(hand, talk->device.server, &talk->server, err);
}

bool sync_talk_begin(
	struct sync_hand *hand, struct sync_job *job, struct sync_talk *out, struct error *err)
{
	CLEANUP(sync_talk_done) struct sync_talk talk = {.sync = hand->sync, .job = job};

	if (!begin(hand, &talk, err))
		return false;
	*out = talk;
	out->who.id_data = out->device.id_data;
	talk = (struct sync_talk){0};
	return true;
}

static void wipe(struct buf *token)
{
	if (token->at != NULL)
		secret_wipe_bytes(token->at, token->room);
	buf_free(token);
}

void sync_talk_done(struct sync_talk *talk)
{
	wipe(&talk->who.token);
	wipe(&talk->token_kept);
	store_device_free(&talk->device);
	crypto_public_free(talk->key);
	inventory_free(&talk->inventory);
	*talk = (struct sync_talk){0};
}

bool sync_keep_token(struct sync_talk *talk, bool result, struct error *err)
{
	struct buf *const token = &talk->who.token;
	struct error why = {0};
	const char *text = NULL;

	if (bytes_equal(buf_bytes(token), buf_bytes(&talk->token_kept)))
		return result;
	wipe(&talk->token_kept);
	if (buf_text(token, &text, &why)
		&& store_put_token(talk->sync->store, talk->job->device, text, &why)
		&& buf_append(&talk->token_kept, buf_bytes(token), &why))
		return result;
	if (result)
		*err = why;
	return false;
}

/* ---- a talk ---- */

void sync_problem(struct sync_job *job, enum error_code code, const char *text)
{
	struct error ignored = {0};

	job->result.code = code;
	job->result.problem
		= text_set(&job->problem, text, &ignored) ? job->problem : "out of memory";
}

void sync_note(struct sync_talk *talk, const struct error *why)
{
	sync_problem(talk->job, why->code, why->text);
	if (why->code == ERROR_DEFERRED && talk->server != NULL)
		talk->device.not_before
			= talk->sync->now + talk->server->kind->retry_s(talk->server);
}

/* The whole of it; false: it ended early. */
static bool talk_through(struct sync_talk *talk, struct error *err)
{
	const struct server_kind *const kind = talk->server->kind;

	if (talk->device.not_before > talk->sync->now) {
		char until[32];

		output_time(talk->device.not_before, until);
		return error_set(err, ERROR_DEFERRED,
			"the server asked to be left alone until %s", until);
	}
	return sync_keep_token(talk, kind->login(talk->server, &talk->who, err), err)
		&& sync_report(talk, err) && sync_inventory(talk, err)
		&& (!talk->job->listed || sync_want(talk, err));
}

/* How it went is kept with the device. */
static bool keep(struct sync_talk *talk, bool ok, struct error *err)
{
	struct store_device *const device = &talk->device;
	const struct sync_job *const job = talk->job;
	char event[320];

	if (ok) {
		device->synced = talk->sync->now;
		device->not_before = 0;
	}
	(void)snprintf(event, sizeof(event), "sync: %u reported, %u kept%s%.200s",
		job->result.reported, job->result.kept, job->problem == NULL ? "" : ": ",
		job->problem == NULL ? "" : job->problem);
	return text_set(&device->problem, job->problem, err)
		&& store_put_device(talk->sync->store, device, event, err);
}

void sync_talk(struct sync_hand *hand, struct sync_job *job)
{
	CLEANUP(sync_talk_done) struct sync_talk talk = {.job = job, .sync = hand->sync};
	struct error err = {0};
	bool ok = false;

	if (!sync_talk_begin(hand, job, &talk, &err)) {
		talk.job = job;
		sync_note(&talk, &err);
		return;
	}

	const bool waits = talk.device.not_before > hand->sync->now;
	const int64_t not_before = talk.device.not_before;

	ok = talk_through(&talk, &err);
	if (!ok)
		sync_note(&talk, &err);
	if (waits)
		talk.device.not_before = not_before;
	if (!waits && !keep(&talk, ok, &err))
		sync_note(&talk, &err);
}
