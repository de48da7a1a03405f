/* The metadata that come with an offer: received, judged, and kept with the artifact. */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "common/file.h"
#include "device-link/agent/agent_parts.h"

enum { JUDGE_TIMEOUT_MS = 600 * 1000 };

static bool is_needed(const struct agent *agent)
{
	return agent->settings->tuf_root != NULL;
}

/* ---- its life ---- */

bool agent_tuf_begin(struct agent *agent, struct error *err)
{
	struct agent_tuf *const tuf = &agent->tuf;

	return agent_settings_fact(agent->settings, "judged.json", tuf->fact_path, err)
		&& tuf_store_begin(agent->settings, &agent->marks.tuf, &tuf->store, err);
}

void agent_tuf_sweep(struct agent *agent)
{
	struct error why = {0};

	if (is_needed(agent) && !tuf_store_sweep(&agent->tuf.store, &agent->job.active, &why))
		agent_say("%s", why.text);
}

void agent_tuf_reset(struct agent *agent)
{
	spool_free(agent->tuf.spool);
	agent->tuf.spool = NULL;
	agent->tuf.hashed = agent->tuf.judged = agent->tuf.mismatched = false;
	agent->tuf.asked = 0;
}

bool agent_tuf_clear(struct agent *agent, struct error *err)
{
	agent_tuf_reset(agent);
	return spool_clear(agent->settings->sets, err)
		&& file_remove(agent->tuf.fact_path, err);
}

/* Who judges others must not answer for those that come now. */
static void stop_judging(struct agent *agent)
{
	if (agent->purpose != PURPOSE_JUDGE && agent->purpose != PURPOSE_VERIFY)
		return;
	process_free(agent->worker);
	agent->worker = NULL;
	agent->purpose = PURPOSE_NONE;
}

void agent_tuf_offered(struct agent *agent, const struct message_offer *offer)
{
	struct job *const job = &agent->job;
	const bool same = digest_equal(&job->set, &offer->metadata_digest);

	if (!is_needed(agent))
		return;
	if (!same) {
		stop_judging(agent);
		agent_tuf_reset(agent);
	}
	job->set = offer->metadata_digest;
	job->set_size = offer->metadata_size;
	agent->tuf.mismatched = false;
	agent->tuf.asked = agent->tuf.spool == NULL ? 0 : spool_size(agent->tuf.spool);
}

void agent_tuf_dropped(struct agent *agent)
{
	struct agent_tuf *const tuf = &agent->tuf;

	if (tuf->spool == NULL || !tuf->hashed || spool_whole(tuf->spool))
		return;
	spool_free(tuf->spool);
	tuf->spool = NULL;
}

uint64_t agent_tuf_space(const struct agent *agent, const struct message_offer *offer)
{
	return is_needed(agent) ? 2 * offer->metadata_size : 0;
}

/* ---- receiving ---- */

static bool set_is_whole(const struct agent *agent)
{
	struct stat there;
	struct error ignored = {0};
	char path[PATH_MAX];

	if (agent->tuf.spool != NULL)
		return spool_whole(agent->tuf.spool);
	return agent->job.set_size == 0
		|| (spool_path(agent->settings->sets, &agent->job.set, path, &ignored)
			&& stat(path, &there) == 0
			&& (uint64_t)there.st_size == agent->job.set_size);
}

void agent_tuf_facts(const struct agent *agent, struct agent_facts *facts)
{
	const struct agent_tuf *const tuf = &agent->tuf;

	facts->undirected = is_needed(agent) && !tuf->judged;
	if (!facts->undirected || agent->job.phase != JOB_RECEIVING)
		return;
	facts->working = facts->working || agent_tuf_hashing(agent);
	facts->set_opened = agent->job.set_size == 0 || (tuf->spool != NULL && tuf->hashed);
	facts->set_whole = set_is_whole(agent);
}

static void stick(struct agent *agent, enum error_code code, const char *why)
{
	agent->stuck = true;
	agent_log(agent, "metadata: %s", why);
	agent_tell_waiting(agent, code, why);
}

static void spool_failed(struct agent *agent, const struct error *why)
{
	spool_free(agent->tuf.spool);
	agent->tuf.spool = NULL;
	stick(agent, why->code, why->text);
}

bool agent_tuf_open(struct agent *agent, struct error *err)
{
	struct error why = {0};

	(void)err;
	agent->tuf.hashed = false;
	if (!spool_open(agent->settings->sets, &agent->job.set, agent->job.set_size,
		    &agent->tuf.spool, &why))
		spool_failed(agent, &why);
	return true;
}

bool agent_tuf_hashing(const struct agent *agent)
{
	return agent->tuf.spool != NULL && !agent->tuf.hashed;
}

void agent_tuf_hash(struct agent *agent)
{
	struct agent_tuf *const tuf = &agent->tuf;
	struct error why = {0};

	if (!agent_tuf_hashing(agent))
		return;
	if (spool_step(tuf->spool, &tuf->hashed, &why))
		tuf->asked = spool_size(tuf->spool);
	else
		spool_failed(agent, &why);
}

bool agent_tuf_want(struct agent *agent, struct message_want *want)
{
	struct agent_tuf *const tuf = &agent->tuf;
	const uint64_t size = agent->job.set_size;

	if (!is_needed(agent) || tuf->judged || tuf->spool == NULL || !tuf->hashed
		|| tuf->asked >= size || tuf->asked - spool_size(tuf->spool) > MESSAGE_WANT_MAX)
		return false;

	const uint64_t left = size - tuf->asked;

	*want = (struct message_want){MESSAGE_METADATA, tuf->asked,
		(uint32_t)(left < MESSAGE_WANT_MAX ? left : MESSAGE_WANT_MAX)};
	tuf->asked += want->length;
	return true;
}

void agent_tuf_data(struct agent *agent, const struct message_data *data)
{
	struct agent_tuf *const tuf = &agent->tuf;
	struct error why = {0};

	if (tuf->spool == NULL || !tuf->hashed || data->offset != spool_size(tuf->spool))
		return; /* we changed our mind since */
	if (!spool_add(tuf->spool, data->bytes, &why))
		spool_failed(agent, &why);
}

/* ---- judging ---- */

/* The path is the agent's, so that it outlives the order. */
static bool find_set(struct agent *agent, const char **path, struct error *err)
{
	*path = agent->job.set_size == 0 ? NULL : agent->tuf.set_path;
	return *path == NULL
		|| spool_path(agent->settings->sets, &agent->job.set, agent->tuf.set_path, err);
}

bool agent_tuf_order(struct agent *agent, struct tuf_order *order, struct error *err)
{
	*order = (struct tuf_order){
		.settings = agent->settings,
		.trust = &agent->trust,
		.marks = &agent->marks,
		.job = &agent->job,
		.device_type = agent->survey.device_type,
		.store = &agent->tuf.store,
		.fact = agent->tuf.fact_path,
	};
	return find_set(agent, &order->carried, err) && file_remove(agent->tuf.fact_path, err);
}

/* What came is not what was offered: once more, and then it is the courier's to explain. */
static bool start_again(struct agent *agent, struct error *err)
{
	const bool again = agent->tuf.mismatched;

	agent_tuf_reset(agent);
	agent->tuf.mismatched = true;
	if (!spool_clear(agent->settings->sets, err))
		return false;
	if (again)
		stick(agent, ERROR_SIGNATURE, "other bytes came than were offered, twice");
	else
		agent_log(agent, "metadata: other bytes came than were offered");
	return true;
}

bool agent_tuf_judge(struct agent *agent, struct error *err)
{
	struct tuf_order order;
	bool matches = true;

	if (agent->tuf.spool != NULL && !spool_matches(agent->tuf.spool, &matches, err))
		return false;
	if (!matches)
		return start_again(agent, err);
	if (!agent_tuf_order(agent, &order, err))
		return false;
	agent->purpose = PURPOSE_JUDGE;
	return process_start_function(
		tuf_judge_child, &order, agent->now_ms + JUDGE_TIMEOUT_MS, &agent->worker, err);
}

static bool take_verdict(struct agent *agent, struct tuf_verdict *verdict, struct error *err)
{
	const int64_t floor = agent->marks.floor;

	if (!tuf_verdict_load(agent->tuf.fact_path, verdict, err))
		return false;
	tuf_verdict_mark(verdict, &agent->marks);
	if (!marks_save(agent->marks_path, &agent->marks, err))
		return false;
	if (agent->marks.floor > floor)
		agent_say("signed metadata: it is certainly later than %lld",
			(long long)agent->marks.floor);
	agent->tuf.judged = verdict->good;
	agent->tuf.own = verdict->own;
	return true;
}

bool agent_tuf_judged(struct agent *agent, struct error *err)
{
	struct tuf_verdict verdict;

	if (!take_verdict(agent, &verdict, err))
		return false;
	if (!verdict.good) {
		stick(agent, verdict.code, verdict.why);
		return true;
	}
	if (verdict.why[0] != '\0')
		agent_log(agent, "metadata: %s", verdict.why);
	agent_tell_phase(agent, verdict.why);
	return true;
}

bool agent_tuf_after(
	struct agent *agent, const struct process_end *end, const char *line, struct error *err)
{
	if (end->exited && end->status == 0)
		return agent_tuf_judged(agent, err);
	stick(agent, end->exited ? (enum error_code)end->status : ERROR_FAILED,
		line[0] == '\0' ? "judging did not end by itself" : line);
	return true;
}

/* ---- with the artifact ---- */

bool agent_tuf_again(struct agent *agent, struct error *err)
{
	struct tuf_verdict verdict;

	return !is_needed(agent) || take_verdict(agent, &verdict, err);
}

bool agent_tuf_keep(struct agent *agent, struct error *why)
{
	const char *path = NULL;

	if (!is_needed(agent) || agent->tuf.own)
		return true;
	if (!find_set(agent, &path, why)
		|| !tuf_store_keep(&agent->tuf.store, &agent->job.set, path, why))
		return false;
	agent->job.active = agent->job.set; /* with the phase, by one rename */
	return true;
}
