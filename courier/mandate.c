#include <stdio.h>
#include <string.h>

#include "courier/mandate.h"

#define ARTIFACT_PATH "artifacts/%s.mender" /* of one that no direction names */

static void refuse(struct mandate *mandate, const struct error *why)
{
	if (mandate->why.code == ERROR_NONE)
		mandate->why = *why;
}

static void note_until(struct mandate *mandate, const struct repository_target *target)
{
	if (mandate->until != 0 && target->until >= mandate->until)
		return;
	mandate->until = target->until;
	memcpy(mandate->role, target->role, sizeof(mandate->role));
}

/* Is WHY what a device would say, too?  Then it is said of the mandate, and is success.
 * Without a network there is no other trouble than of the store. */
static bool is_refusal(
	const struct mandate_sources *sources, struct mandate *mandate, const struct error *why)
{
	const bool is_trouble = why->code == ERROR_FAILED || why->code == ERROR_TIMEOUT
		|| why->code == ERROR_DEFERRED || why->code == ERROR_SPACE;

	if (why->code == ERROR_DAMAGED || why->code == ERROR_UNAUTHORISED
		|| (is_trouble && sources->http != NULL))
		return false;
	refuse(mandate, why);
	mandate->found = true;
	return true;
}

static bool look(const struct mandate_sources *sources, const char *path,
	struct mandate *mandate, struct repository_target *target, bool *found,
	struct error *err)
{
	if (repository_find(sources->at[mandate->source], path, target, found, err))
		return true;
	*found = false;
	return is_refusal(sources, mandate, err);
}

/* ---- the artifact ---- */

void mandate_compare(struct mandate *mandate, const struct digest *digest, uint64_t size)
{
	struct error why = {0};

	if (!mandate->found
		|| (size == mandate->size && digest_equal(digest, &mandate->digest)))
		return;
	(void)error_set(&why, ERROR_SIGNATURE,
		"the server's artifact is not the one that is vouched for as %s",
		mandate->path);
	refuse(mandate, &why);
}

/* All vouch for the same bytes?  The repository's word is in TARGET. */
static void compare_all(struct mandate *mandate, const struct mandate_errand *errand,
	const struct repository_target *target)
{
	const struct tuf_hashes *const hashes = &target->facts.hashes;
	struct error why = {0};

	if ((uint64_t)target->facts.length != mandate->size
		|| (hashes->has_sha256 && !digest_equal(&hashes->sha256, &mandate->digest))) {
		(void)error_set(&why, ERROR_SIGNATURE,
			"its direction and the repository disagree on %s", mandate->path);
		refuse(mandate, &why);
	}
	if (errand->digest != NULL)
		mandate_compare(mandate, errand->digest, errand->size);
}

static bool find_artifact(const struct mandate_sources *sources,
	const struct mandate_errand *errand, struct mandate *mandate, struct error *err)
{
	struct repository_target target;
	struct error why = {0};
	bool found = false;

	if (!look(sources, mandate->path, mandate, &target, &found, err))
		return false;
	if (!found) {
		(void)error_set(&why, ERROR_SIGNATURE,
			"it is directed to %s, for which nobody vouches", mandate->path);
		refuse(mandate, &why);
		return true;
	}
	note_until(mandate, &target);
	compare_all(mandate, errand, &target);
	return true;
}

/* ---- with a direction ---- */

static void judge_direction(const struct direction *direction,
	const struct mandate_errand *errand, struct mandate *mandate)
{
	const struct direction_artifact *chosen = NULL;
	struct error why = {0};

	mandate->sequence = direction->sequence;
	if (strcmp(direction->device, errand->device) != 0)
		(void)error_set(&why, ERROR_WRONG_DEVICE, "its direction names device %s",
			direction->device);
	else if (strcmp(direction->deployment, errand->deployment) != 0)
		(void)error_set(&why, ERROR_CONTACT,
			"its direction (number %llu) is for deployment %s, the server's is %s: "
			"have the operator publish a direction, then sync",
			(unsigned long long)direction->sequence, direction->deployment,
			errand->deployment);
	else if (errand->device_type[0] == 0 && direction->count == 1)
		chosen = &direction->artifacts[0];
	else if (!direction_choose(direction, errand->device_type, &chosen, &why))
		chosen = NULL;
	if (chosen == NULL) {
		refuse(mandate, &why);
		return;
	}
	memcpy(mandate->path, chosen->path, sizeof(mandate->path));
	mandate->digest = chosen->sha256;
	mandate->size = chosen->length;
}

static bool read_direction(const struct mandate_sources *sources,
	const struct repository_target *target, const struct mandate_errand *errand,
	struct mandate *mandate, struct error *err)
{
	const size_t source = mandate->source;
	struct http *const http = sources->http == NULL ? NULL : sources->http[source];
	CLEANUP(buf_free) struct buf content = {0};
	struct direction direction;
	struct error why = {0};

	if (!repository_content(
		    sources->at[source], http, target, DIRECTION_MAX, &content, err))
		return is_refusal(sources, mandate, err);
	if (!direction_parse(buf_bytes(&content), &direction, &why)) {
		refuse(mandate, &why);
		return true;
	}
	judge_direction(&direction, errand, mandate);
	return mandate->path[0] == 0 || find_artifact(sources, errand, mandate, err);
}

static bool find_directed(const struct mandate_sources *sources,
	const struct mandate_errand *errand, struct mandate *mandate, struct error *err)
{
	char path[DIRECTION_PATH_ROOM];

	direction_path(errand->device, path);
	for (size_t i = 0; i < sources->count && !mandate->found; i++) {
		struct repository_target target;
		bool here = false;

		if (sources->at[i] == NULL)
			continue;
		mandate->source = i;
		if (!look(sources, path, mandate, &target, &here, err))
			return false;
		if (!here)
			continue;
		mandate->found = true;
		mandate->is_directed = true;
		note_until(mandate, &target);
		return read_direction(sources, &target, errand, mandate, err);
	}
	return true;
}

/* ---- without ---- */

static bool find_undirected(const struct mandate_sources *sources,
	const struct mandate_errand *errand, struct mandate *mandate, struct error *err)
{
	char path[sizeof(mandate->path)];

	if ((size_t)snprintf(path, sizeof(path), ARTIFACT_PATH, errand->artifact_name)
		>= sizeof(path))
		return true;
	for (size_t i = 0; i < sources->count && !mandate->found; i++) {
		struct repository_target target;
		bool here = false;

		if (sources->at[i] == NULL)
			continue;
		mandate->source = i;
		if (!look(sources, path, mandate, &target, &here, err))
			return false;
		if (!here)
			continue;
		mandate->found = true;
		memcpy(mandate->path, path, sizeof(path));
		mandate->digest = target.facts.hashes.sha256;
		mandate->size = (uint64_t)target.facts.length;
		note_until(mandate, &target);
		if (target.facts.hashes.has_sha256)
			compare_all(mandate, errand, &target);
	}
	return true;
}

bool mandate_find(const struct mandate_sources *sources, const struct mandate_errand *errand,
	struct mandate *out, struct error *err)
{
	struct mandate mandate = {.found = false};

	if (!find_directed(sources, errand, &mandate, err)
		|| (!mandate.found && !find_undirected(sources, errand, &mandate, err)))
		return false;
	*out = mandate;
	return true;
}

bool mandate_for(const struct mandate_sources *sources, const struct trip_device *trip,
	struct mandate *out, struct error *err)
{
	const struct store_parcel *const parcel = &trip->parcel;
	const struct mandate_errand errand = {
		.device = trip->device->id,
		.device_type = trip_device_type(trip),
		.deployment = parcel->deployment,
		.artifact_name = parcel->artifact_name == NULL ? "" : parcel->artifact_name,
		.digest
		= parcel->has_digest && parcel->state != PARCEL_WANTED ? &parcel->digest : NULL,
		.size = parcel->size,
	};

	return mandate_find(sources, &errand, out, err);
}

/* ---- what is kept ---- */

bool mandate_open_kept(struct store *store, const struct settings *settings,
	struct mandate_kept *out, struct error *err)
{
	struct mandate_kept kept = {.count = settings->repository_count};

	for (size_t i = 0; i < kept.count; i++) {
		struct error why = {0};
		bool found = false;

		if (repository_open_kept(
			    store, settings->repositories[i].name, &kept.at[i], &found, &why))
			continue;
		if (why.code == ERROR_DAMAGED) {
			mandate_close_kept(&kept);
			*err = why;
			return false;
		}
		kept.why = why;
	}
	*out = kept;
	return true;
}

void mandate_close_kept(struct mandate_kept *kept)
{
	for (size_t i = 0; i < kept->count; i++)
		repository_close(kept->at[i]);
	*kept = (struct mandate_kept){.count = 0};
}

struct mandate_sources mandate_sources_kept(const struct mandate_kept *kept)
{
	return (struct mandate_sources){.at = kept->at, .count = kept->count};
}
