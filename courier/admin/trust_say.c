/* What the verbs answer. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/text.h"
#include "courier/admin/trust.h"

bool trust_say(
	const struct trust *trust, struct json *fact, struct error *err, const char *fmt, ...)
{
	char text[1024];
	va_list args;

	va_start(args, fmt);

	const int len = vsnprintf(text, sizeof(text), fmt, args);

	va_end(args);
	if (len < 0)
		return error_set(err, ERROR_FAILED, "cannot print an answer");
	output_fact(trust->output, fact, text);
	return true;
}

/* Each line for itself: a fact has one. */
static void say_lines(const struct trust *trust, const struct json *fact, char *text)
{
	char *rest = text;

	if (trust->output->json) {
		output_fact(trust->output, fact, "");
		return;
	}
	for (char *line = strsep(&rest, "\n"); line != NULL; line = strsep(&rest, "\n"))
		if (line[0] != 0)
			output_fact(trust->output, fact, line);
}

static bool say_kind(const struct trust *trust, const struct trust_stage *stage,
	enum tuf_kind kind, struct error *err)
{
	CLEANUP(json_cleanup) struct json *fact = json_new_object();
	CLEANUP(buf_free) struct buf text = {0};
	CLEANUP(text_cleanup) char *lines = NULL;
	char digest[DIGEST_TEXT];
	const char *description = NULL;

	if (!stage->has[kind])
		return true;
	if (!trust_stage_describe(stage, kind, &text, err)
		|| !trust_stage_digest(stage, kind, digest, err)
		|| !buf_text(&text, &description, err) || !text_set(&lines, description, err))
		return false;
	json_add_string(fact, "staged", tuf_kind_name(kind));
	json_add_integer(fact, "version", stage->metadata[kind]->version);
	json_add_integer(fact, "expires", stage->metadata[kind]->expires);
	json_add_string(fact, "digest", digest);
	say_lines(trust, fact, lines);
	return true;
}

bool trust_say_staged(
	const struct trust *trust, const struct trust_stage *stage, struct error *err)
{
	return say_kind(trust, stage, TUF_ROOT, err)
		&& say_kind(trust, stage, TUF_TARGETS, err);
}

/* ---- a ceremony begins ---- */

static void log_digest(
	struct json *members, const struct trust_stage *stage, enum tuf_kind kind)
{
	struct error err = {0};
	char digest[DIGEST_TEXT];

	if (stage->has[kind] && trust_stage_digest(stage, kind, digest, &err))
		json_add_string(members, tuf_kind_name(kind), digest);
}

bool trust_stage_announce(struct trust *trust, struct trust_stage *stage, struct error *err)
{
	CLEANUP(json_cleanup) struct json *members = json_new_object();
	char directory[PATH_MAX];

	log_digest(members, stage, TUF_ROOT);
	log_digest(members, stage, TUF_TARGETS);
	if (!trust_path(trust, directory, err, "staged")
		|| !trust_log(trust, "trust staged", members, err)
		|| !trust_stage_set(trust, stage, err) || !trust_say_staged(trust, stage, err))
		return false;
	output_say(trust->output,
		"carry %s to each holder, who runs courier-admin trust sign; then "
		"courier-admin "
		"trust accept",
		directory);
	return true;
}

/* ---- metadata were minted ---- */

bool trust_say_minted(const struct trust *trust, struct error *err)
{
	CLEANUP(json_cleanup) struct json *fact = json_new_object();
	const struct tuf_metadata *const timestamp = trust_top(trust, TUF_TIMESTAMP);
	char until[TUF_TIME_TEXT];

	if (!tuf_write_time(timestamp->expires, until, err))
		return false;
	json_add_integer(fact, "root", trust_top(trust, TUF_ROOT)->version);
	json_add_integer(fact, "targets", trust_top(trust, TUF_TARGETS)->version);
	json_add_integer(fact, "snapshot", trust_top(trust, TUF_SNAPSHOT)->version);
	json_add_integer(fact, "timestamp", timestamp->version);
	json_add_integer(fact, "until", timestamp->expires);
	json_add_string(fact, "tree", trust->tree);
	return trust_say(trust, fact, err, "%s: timestamp %lld, until %s", trust->tree,
		(long long)timestamp->version, until);
}
