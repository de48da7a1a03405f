/* trust freshen: metadata that outlive a trip. */
#include <string.h>
#include <time.h>

#include "courier/admin/trust.h"

struct freshen_options {
	const char *until, *passphrase_file;
};

#define AT(member) offsetof(struct freshen_options, member)

static const struct argument options_table[] = {
	{"until", ARGUMENT_TEXT, AT(until), "DATE",
		"2026-12-24, all of that day in UTC, or 2026-12-24T18:00:00Z; else 30 days"},
	{"online-passphrase-file", ARGUMENT_TEXT, AT(passphrase_file), "FILE",
		"passphrase of the online keys; else it is asked for"},
};

static bool parse_until(const char *text, int64_t *out, struct error *err)
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
			"--until %.40s: not a date such as 2026-12-24 or 2026-12-24T18:00:00Z",
			text);
	*out = (int64_t)timegm(&tm) + (is_day ? TRUST_DAY : 0);
	return true;
}

/* Who expires next after the timestamp: how far another freshen can go. */
static bool say_limit(const struct trust *trust, struct error *err)
{
	CLEANUP(json_cleanup) struct json *fact = json_new_object();
	const char *role = NULL;
	const int64_t limit
		= trust_limit(trust_top(trust, TUF_ROOT), trust_top(trust, TUF_TARGETS), &role);
	char text[TUF_TIME_TEXT];

	if (!tuf_write_time(limit, text, err))
		return false;
	json_add_string(fact, "limit", role);
	json_add_integer(fact, "until", limit);
	return trust_say(trust, fact, err, "the limit is %s: %s", role, text);
}

static bool run_freshen(struct admin_call *call, const void *given,
	const struct argument_list *words, struct error *err)
{
	const struct freshen_options *const options = given;
	CLEANUP(trust_close) struct trust trust = {.authority = {.lock = -1}};
	CLEANUP(json_cleanup) struct json *members = json_new_object();
	struct trust_change change = {.exact = true};

	if (words->count > 0)
		return error_set(err, ERROR_USAGE, "%s: not understood", words->at[0]);
	if (options->until != NULL && !parse_until(options->until, &change.until, err))
		return false;
	if (!trust_open_live(call, &trust, err))
		return false;
	trust.unlock.file = options->passphrase_file;
	json_add_integer(members, "until", change.until);
	return trust_roles_load(&trust, err)
		&& trust_log(&trust, "trust freshened", members, err)
		&& trust_mint(&trust, &change, err) && trust_say_minted(&trust, err)
		&& say_limit(&trust, err);
}

const struct admin_command trust_verb_freshen = {
	.name = "freshen",
	.arguments = "[--until DATE]",
	.summary = "sign anew, so that nothing expires during a trip",
	.options = options_table,
	.option_count = COUNT(options_table),
	.options_size = sizeof(struct freshen_options),
	.run = run_freshen,
};
