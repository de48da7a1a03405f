/* What the device is doing, from its facts on disk: the daemon is not asked. */
#include <getopt.h>
#include <stdio.h>
#include <time.h>

#include "common/json.h"
#include "device-link/agent/command.h"
#include "device-link/agent/job.h"
#include "device-link/agent/marks.h"
#include "device-link/agent/ring.h"
#include "device-link/agent/trust.h"

enum { SHOWN = 8 /* receipts, the newest */ };

struct facts {
	struct agent_settings settings;
	struct trust trust;
	struct marks marks;
	struct job job;
	struct ring ring;
};

static void facts_free(struct facts *facts)
{
	agent_settings_free(&facts->settings);
	trust_free(&facts->trust);
}

static bool load(const struct command_line *line, struct facts *facts, struct error *err)
{
	const struct agent_settings *const settings = &facts->settings;
	char marks[PATH_MAX], job[PATH_MAX], ring[PATH_MAX];

	return agent_settings_load(line->settings_path, &facts->settings, err)
		&& agent_settings_fact(settings, "marks.json", marks, err)
		&& agent_settings_fact(settings, "job.json", job, err)
		&& agent_settings_fact(settings, "ring", ring, err)
		&& trust_load_own(settings, &facts->trust, err)
		&& marks_load(marks, &facts->marks, err) && job_load(job, &facts->job, err)
		&& ring_load(&facts->ring, ring, facts->trust.half, err);
}

static size_t first_shown(const struct ring *ring)
{
	return ring->count > SHOWN ? ring->count - SHOWN : 0;
}

static void add_receipts(struct json *object, const struct ring *ring)
{
	struct json *const receipts = json_add_array(object, "receipts");

	for (size_t i = first_shown(ring); i < ring->count; i++) {
		const struct ring_entry *const entry = &ring->at[i];
		struct json *const member = json_append_object(receipts);

		json_add_integer(member, "sequence", (int64_t)entry->sequence);
		if (!entry->readable)
			continue;
		json_add_string(member, "deployment", entry->deployment);
		json_add_digest(member, "digest", &entry->digest);
		json_add_string(member, "outcome", outcome_name(entry->outcome));
	}
}

static void add_tuf(struct json *object, const struct marks_tuf *tuf)
{
	if (tuf->versions[TUF_ROOT] == 0)
		return;

	struct json *const member = json_add_object(object, "tuf");

	for (size_t kind = 0; kind < TUF_KIND_COUNT; kind++)
		json_add_integer(
			member, tuf_kind_name((enum tuf_kind)kind), tuf->versions[kind]);
	json_add_integer(member, "sequence", (int64_t)tuf->mark.sequence);
}

static bool say_json(const struct facts *facts, struct error *err)
{
	CLEANUP(json_cleanup) struct json *object = json_new_object();
	CLEANUP(buf_free) struct buf text = {0};

	json_add_string(object, "device", facts->trust.holder.id);
	json_add_bool(object, "certified", facts->trust.certified);
	json_add_string(object, "phase", job_phase_name(facts->job.phase));
	if (facts->job.phase != JOB_NONE) {
		json_add_string(object, "deployment", facts->job.deployment);
		json_add_string(object, "artifact", facts->job.name);
		json_add_string(object, "courier", facts->job.courier.id);
	}
	json_add_integer(object, "floor", facts->marks.floor);
	json_add_integer(object, "crl", facts->marks.crl);
	json_add_integer(object, "counter", (int64_t)facts->marks.counter);
	add_tuf(object, &facts->marks.tuf);
	add_receipts(object, &facts->ring);
	if (!json_print(object, &text, err))
		return false;
	printf("%.*s\n", (int)text.len, (const char *)text.at);
	return true;
}

static void say_floor(int64_t floor)
{
	const time_t at = (time_t)floor;
	struct tm utc = {0};
	char text[32];

	(void)gmtime_r(&at, &utc);
	(void)strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &utc);
	printf("floor    %s\n", floor == 0 ? "never set" : text);
}

static void say_tuf(const struct marks_tuf *tuf)
{
	if (tuf->versions[TUF_ROOT] > 0)
		printf("tuf      root %lld, timestamp %lld, direction %llu\n",
			(long long)tuf->versions[TUF_ROOT],
			(long long)tuf->versions[TUF_TIMESTAMP],
			(unsigned long long)tuf->mark.sequence);
}

static void say_text(const struct facts *facts)
{
	const struct job *const job = &facts->job;
	const struct ring *const ring = &facts->ring;

	printf("device   %s%s\n", facts->trust.holder.id,
		facts->trust.certified ? "" : ": not certified yet");
	printf("phase    %s", job_phase_name(job->phase));
	if (job->phase != JOB_NONE)
		printf(", %s, deployment %s, brought by %s", job->name, job->deployment,
			job->courier.id);
	printf("\ncounter  %llu\n", (unsigned long long)facts->marks.counter);
	printf("crl      number %lld\n", (long long)facts->marks.crl);
	say_floor(facts->marks.floor);
	say_tuf(&facts->marks.tuf);
	for (size_t i = first_shown(ring); i < ring->count; i++)
		printf("receipt  %llu %s %s\n", (unsigned long long)ring->at[i].sequence,
			ring->at[i].readable ? outcome_name(ring->at[i].outcome) : "damaged",
			ring->at[i].deployment);
}

bool cmd_status(const struct command_line *line, struct error *err)
{
	static const struct option options[] = {{"json", no_argument, NULL, 'j'}, {0}};
	CLEANUP(facts_free) struct facts facts = {0};
	bool json = false;

	for (int c = 0; (c = getopt_long(line->argc, line->argv, "j", options, NULL)) != -1;) {
		if (c != 'j')
			return error_set(err, ERROR_USAGE, "usage: status [--json]");
		json = true;
	}
	if (optind != line->argc)
		return error_set(err, ERROR_USAGE, "usage: status [--json]");
	if (!load(line, &facts, err))
		return false;
	if (json)
		return say_json(&facts, err);
	say_text(&facts);
	return true;
}
