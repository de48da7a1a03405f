#include <string.h>
#include <time.h>

#include "courier/enrolment.h"
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

bool until_covered(struct store *store, int64_t date, struct error *err)
{
	CLEANUP(control_free) struct control control = {0};
	CLEANUP(certificate_cleanup) struct certificate *chain = NULL;
	struct certificate_holder holder;
	char end[32];

	if (!enrolment_need(store, &control, err)
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
