/* What the device should run: asked with the frozen request, kept as a parcel, claimed. */
#include <stdio.h>
#include <string.h>

#include "common/text.h"
#include "courier/sync_parts.h"

/* ---- asking ---- */

/* A deployment that a colleague began is asked for with his words, unless it ended. */
static bool colleagues_request(
	const struct sync_talk *talk, const char **out, struct error *err)
{
	const struct sync_job *const job = talk->job;
	CLEANUP(store_parcel_free) struct store_parcel parcel = {0};
	bool found = false;

	*out = NULL;
	if (job->next_deployment == NULL || job->next_request == NULL)
		return true;
	if (!store_get_parcel(
		    talk->sync->store, job->device, job->next_deployment, &parcel, &found, err))
		return false;
	if (!found || parcel.state == PARCEL_DROPPED)
		*out = job->next_request;
	return true;
}

/* With what to ask: OPEN's request, a colleague's, or *PROVIDES.  *CAN false: with
 * nothing. */
static bool prepare(const struct sync_talk *talk, const struct store_parcel *open,
	const char **frozen, struct artifact_pairs *provides, bool *can, struct error *err)
{
	struct receipt newest;
	bool has_newest = false;

	*can = true;
	if (open != NULL && open->request == NULL)
		return error_set(err, ERROR_FAILED,
			"the request with which deployment %s was first asked for is missing: "
			"asking otherwise would make the server fail it",
			open->deployment);
	if (open != NULL) {
		*frozen = open->request;
		return true;
	}
	if (!colleagues_request(talk, frozen, err) || *frozen != NULL)
		return *frozen != NULL;
	return sync_newest(talk, &newest, &has_newest, err)
		&& sync_provides(talk, has_newest ? &newest : NULL, provides, can, err);
}

static void say_cannot_ask(struct sync_job *job)
{
	sync_problem(job, ERROR_NOTHING,
		"not asked for updates: never visited, and the operator did not say which type "
		"and artifact were shipped");
}

/* ---- parcels ---- */

struct leaving {
	struct sync_talk *talk;
	const char *deployment; /* the only one that stays; NULL: none does */
};

/* No device finished these; should one have, its receipt brings the parcel back. */
static bool leave(void *self, const struct store_parcel *parcel, struct error *err)
{
	const struct leaving *const leaving = self;
	struct sync_talk *const talk = leaving->talk;

	if (parcel->state > PARCEL_OFFERED
		|| (leaving->deployment != NULL
			&& strcmp(parcel->deployment, leaving->deployment) == 0))
		return true;
	talk->job->result.changed = true;
	return store_move_parcel(talk->sync->store, parcel->device, parcel->deployment,
		PARCEL_WITHDRAWN, "the server no longer wants it", err);
}

static bool withdraw_others(struct sync_talk *talk, const char *deployment, struct error *err)
{
	struct leaving leaving = {.talk = talk, .deployment = deployment};

	return store_each_parcel(talk->sync->store, talk->job->device, leave, &leaving, err);
}

static bool fill(struct store_parcel *parcel, const struct server_assignment *assignment,
	struct error *err)
{
	parcel->url_expires = assignment->expires;
	return text_set(&parcel->artifact_id, assignment->artifact_id, err)
		&& text_set(&parcel->artifact_name, assignment->artifact_name, err)
		&& text_set(&parcel->url, assignment->url, err)
		&& text_set(&parcel->request, assignment->request, err);
}

/* Keep the assignment.  PARCEL is as the store then has it. */
static bool keep(struct sync_talk *talk, const struct server_assignment *assignment,
	struct store_parcel *parcel, struct error *err)
{
	struct store *const store = talk->sync->store;
	bool found = false;

	if (!store_get_parcel(
		    store, talk->job->device, assignment->deployment, parcel, &found, err))
		return false;
	if (!found) {
		(void)snprintf(parcel->device, sizeof(parcel->device), "%s", talk->job->device);
		(void)snprintf(parcel->deployment, sizeof(parcel->deployment), "%s",
			assignment->deployment);
		parcel->attempt = 1;
	}

	const bool is_again = found && parcel->state == PARCEL_DROPPED;

	/* Colleagues must learn of the request. */
	if (!found || is_again || !text_same(parcel->request, assignment->request))
		talk->device.inventory_sent = false;
	talk->job->result.changed |= !found || is_again;
	if (!fill(parcel, assignment, err)
		|| !store_put_parcel(store, parcel, found ? "fresh URL" : "assigned", err))
		return false;
	if (is_again
		&& !store_move_parcel(store, parcel->device, parcel->deployment, PARCEL_LOST,
			"assigned again", err))
		return false;
	if (is_again)
		parcel->state = PARCEL_WANTED;
	return true;
}

/* *STAYS false: the server says that it was withdrawn meanwhile. */
static bool claim_once(struct sync_talk *talk, const struct store_parcel *parcel, bool *stays,
	struct error *err)
{
	const struct server_kind *const kind = talk->server->kind;

	*stays = sync_keep_token(
		talk, kind->claim(talk->server, &talk->who, parcel->deployment, err), err);
	return *stays || err->code == ERROR_ABORTED || err->code == ERROR_GONE;
}

/* Tell the server that it is on its way.  That it was withdrawn must be said twice: it may be
 * the mistake of a moment, and without the parcel the frozen request is forgotten. */
static bool claim(struct sync_talk *talk, const struct store_parcel *parcel, bool *stays,
	struct error *err)
{
	if (!claim_once(talk, parcel, stays, err)
		|| (!*stays && !claim_once(talk, parcel, stays, err)))
		return false;
	if (*stays)
		return true;
	talk->job->result.changed = true;
	return store_move_parcel(talk->sync->store, parcel->device, parcel->deployment,
		PARCEL_WITHDRAWN, "the server has withdrawn it", err);
}

/* ---- what is carried, and what must be fetched ---- */

static bool look_at_blob(struct sync_talk *talk, struct store_parcel *parcel, struct error *err)
{
	struct sync_job *const job = talk->job;
	struct store *const store = talk->sync->store;
	char blob[STORE_BLOB_NAME_MAX];
	uint64_t size = 0;
	bool whole = false;

	store_blob_name(talk->device.server, parcel->artifact_id, blob);
	if (!store_blob_size(store, blob, &size, &whole, err)
		|| !text_set(&job->blob, blob, err)
		|| !text_set(&job->artifact, parcel->artifact_name, err)
		|| !text_set(&job->deployment, parcel->deployment, err))
		return false;
	job->result.artifact = job->artifact;
	job->result.size = parcel->size;
	if (parcel->state != PARCEL_WANTED && whole) {
		job->result.carrying = true;
		return true;
	}
	job->wants_fetch = true;
	return parcel->state == PARCEL_WANTED
		|| store_move_parcel(store, parcel->device, parcel->deployment, PARCEL_LOST,
			"its artifact is not here any more", err);
}

static bool take(
	struct sync_talk *talk, const struct server_assignment *assignment, struct error *err)
{
	CLEANUP(store_parcel_free) struct store_parcel parcel = {0};
	bool stays = false;

	if (!withdraw_others(talk, assignment->deployment, err)
		|| !keep(talk, assignment, &parcel, err))
		return false;
	if (parcel.state == PARCEL_REPORTED || parcel.state == PARCEL_KEPT)
		return error_set(err, ERROR_FAILED,
			"the server asks again for deployment %s, whose outcome it was told",
			parcel.deployment);
	/* What a device has answered is not claimed: that would go back in time. */
	if (parcel.state > PARCEL_OFFERED)
		return true;
	return claim(talk, &parcel, &stays, err)
		&& (!stays || (look_at_blob(talk, &parcel, err) && sync_inventory(talk, err)));
}

/* ---- the whole ---- */

static bool ask(struct sync_talk *talk, const struct store_parcel *open, struct error *err)
{
	CLEANUP(server_assignment_free) struct server_assignment assignment = {0};
	CLEANUP(artifact_pairs_free) struct artifact_pairs provides = {0};
	const struct server_kind *const kind = talk->server->kind;
	const char *frozen = NULL;
	bool can = false, found = false;

	if (!prepare(talk, open, &frozen, &provides, &can, err))
		return false;
	if (!can) {
		say_cannot_ask(talk->job);
		return true;
	}
	if (!sync_keep_token(talk,
		    kind->next(talk->server, &talk->who, &provides, frozen, &assignment, &found,
			    err),
		    err))
		return false;
	return found ? take(talk, &assignment, err) : withdraw_others(talk, NULL, err);
}

bool sync_want(struct sync_talk *talk, struct error *err)
{
	CLEANUP(store_parcel_free) struct store_parcel open = {0};
	bool is_open = false;

	return store_open_parcel(talk->sync->store, talk->job->device, &open, &is_open, err)
		&& ask(talk, is_open ? &open : NULL, err);
}

bool sync_want_again(struct sync_talk *talk, const struct store_parcel *parcel,
	struct server_assignment *out, struct error *err)
{
	CLEANUP(server_assignment_free) struct server_assignment assignment = {0};
	CLEANUP(store_parcel_free) struct store_parcel kept = {0};
	const struct artifact_pairs none = {0};
	bool found = false;

	if (!sync_keep_token(talk,
		    talk->server->kind->next(talk->server, &talk->who, &none, parcel->request,
			    &assignment, &found, err),
		    err))
		return false;
	if (!found || strcmp(assignment.deployment, parcel->deployment) != 0
		|| !text_same(assignment.artifact_id, parcel->artifact_id))
		return error_set(err, ERROR_FAILED,
			"the server no longer wants this artifact: sync again");
	if (!keep(talk, &assignment, &kept, err))
		return false;
	*out = assignment;
	assignment = (struct server_assignment){0};
	return true;
}
