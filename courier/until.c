#include <string.h>
#include <time.h>

#include "courier/enrolment.h"
#include "courier/mandate.h"
#include "courier/output.h"
#include "courier/until.h"

enum { DAY_S = 86400 };

bool until_parse(const char *text, int64_t *out, struct error *err)
{
	struct tm tm = {0};
	const char *end = strptime(text, "%Y-%m-%d", &tm);
	const bool is_day = end != NULL && *end == 0;

	if (!is_day) {
		memset(&tm, 0, sizeof(tm));
		end = strptime(text, "%Y-%m-%dT%H:%M:%SZ", &tm);
	}
	if (end == NULL || *end != 0)
		return error_set(err, ERROR_USAGE,
			"%.40s: not a date such as 2026-12-24 or 2026-12-24T18:00:00Z", text);
	*out = (int64_t)timegm(&tm) + (is_day ? DAY_S - 1 : 0);
	return true;
}

/* ---- what repositories say of the parcels ---- */

struct vouching {
	struct mandate_sources sources;
	const struct settings *settings;
	int64_t date;
	size_t ends;          /* parcels that nobody vouches for on that date */
	struct mandate first; /* of them, that which ends first */
};

static bool look_at(void *self, const struct trip_device *trip, struct error *err)
{
	struct vouching *const vouching = self;
	struct mandate mandate;

	if (!trip->has_parcel || trip->parcel.state > PARCEL_OFFERED)
		return true;
	if (!mandate_for(&vouching->sources, trip, &mandate, err))
		return false;
	if (!mandate.found || mandate.until > vouching->date)
		return true;
	if (vouching->ends++ == 0 || mandate.until < vouching->first.until)
		vouching->first = mandate;
	return true;
}

static bool are_vouched(
	struct store *store, const struct settings *settings, int64_t date, struct error *err)
{
	CLEANUP(mandate_close_kept) struct mandate_kept kept = {.count = 0};
	static char *const all[] = {NULL};
	struct vouching vouching = {.settings = settings, .date = date};
	char end[32];

	if (settings->repository_count == 0)
		return true;
	if (!mandate_open_kept(store, settings, &kept, err))
		return false;
	vouching.sources = mandate_sources_kept(&kept);
	if (!trip_each(store, all, true, look_at, &vouching, err))
		return false;
	output_time(vouching.first.until, end);
	return vouching.ends == 0
		|| error_set(err, ERROR_EXPIRED,
			"the trip is not covered: nobody vouches for %zu parcels as long; "
			"first "
			"ends role %s of repository %s, %s; have the operator publish for the "
			"trip (courier-admin trust), then sync --metadata-only",
			vouching.ends, vouching.first.role,
			settings->repositories[vouching.first.source].name, end);
}

static bool are_we_certified(struct store *store, int64_t date, struct error *err)
{
	CLEANUP(control_free) struct control control = {0};
	CLEANUP(certificate_cleanup) struct certificate *chain = NULL;
	struct certificate_holder holder;
	char end[32];

	if (!enrolment_need_head(store, NULL, NULL, &control, err)
		|| !certificate_parse(bytes_of(control.chain), &chain, err)
		|| !certificate_holder(chain, &holder, err))
		return false;
	output_time(holder.not_after, end);
	return holder.not_after >= date
		|| error_set(err, ERROR_EXPIRED,
			"the trip is not covered: the certificate of courier %s ends %s; have "
			"the operator issue a new one before you leave",
			holder.id, end);
}

bool until_covered(
	struct store *store, const struct settings *settings, int64_t date, struct error *err)
{
	return are_we_certified(store, date, err) && are_vouched(store, settings, date, err);
}
