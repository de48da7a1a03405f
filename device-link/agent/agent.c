#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "common/file.h"
#include "device-link/agent/agent_parts.h"

enum { POLL_MAX_MS = 60 * 1000, DESCRIPTORS_MAX = 16 };

void agent_say(const char *fmt, ...)
{
	char text[1024];
	va_list arguments;

	va_start(arguments, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, arguments);
	va_end(arguments);
	fprintf(stderr, "courier-agent: %s\n", text);
}

static int64_t monotonic_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* ---- its life ---- */

static void done(struct agent *agent)
{
	agent_work_stop(agent);
	agent_line_close(agent);
	process_free(agent->surveyor);
	process_free(agent->blinker);
	spool_free(agent->spool);
	spool_free(agent->tuf.spool);
	survey_free(&agent->survey);
	trust_free(&agent->trust);
	buf_free(&agent->inventory);
	buf_free(&agent->statement);
	buf_free(&agent->envelope);
	buf_free(&agent->log);
	file_close(&agent->signals);
}

static bool find_paths(struct agent *agent, struct error *err)
{
	const struct agent_settings *const settings = agent->settings;

	return agent_settings_fact(settings, "marks.json", agent->marks_path, err)
		&& agent_settings_fact(settings, "job.json", agent->job_path, err)
		&& agent_settings_fact(settings, "job.log", agent->log_path, err)
		&& agent_settings_fact(settings, "artifact.json", agent->verified_path, err)
		&& agent_settings_fact(settings, "work", agent->work_path, err);
}

static bool load_facts(struct agent *agent, struct error *err)
{
	const struct agent_settings *const settings = agent->settings;
	struct device_time now;
	char ring[PATH_MAX];

	if (!find_paths(agent, err) || !trust_load_own(settings, &agent->trust, err)
		|| !marks_load(agent->marks_path, &agent->marks, err)
		|| !trust_load_fleet(settings, &agent->marks, &agent->trust, err)
		|| !agent_tuf_begin(agent, err)
		|| (!agent->marks.has_nonce && !marks_new_nonce(&agent->marks, err))
		|| !marks_save(agent->marks_path, &agent->marks, err)
		|| !agent_settings_fact(settings, "ring", ring, err)
		|| !ring_load(&agent->ring, ring, agent->trust.half, err)
		|| !job_load(agent->job_path, &agent->job, err)
		|| !describe_time(settings->boot_id, agent->marks.floor, &now, err))
		return false;
	memcpy(agent->boot, now.boot, sizeof(agent->boot));
	return spool_path(settings->spool, &agent->job.digest, agent->file_path, err);
}

static bool catch_signals(struct agent *agent, struct error *err)
{
	sigset_t set;

	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGTERM);
	(void)sigaddset(&set, SIGINT);
	(void)sigprocmask(SIG_BLOCK, &set, NULL);
	agent->signals = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	return agent->signals >= 0 || error_errno(err, "cannot take signals");
}

static bool check_installers(const struct agent_settings *settings, struct error *err)
{
	for (size_t i = 0; i < settings->installer_count; i++)
		if (!settings->kinds[i]->check(&settings->installers[i], err))
			return error_while(err, "[installer %s]", settings->installers[i].type);
	return true;
}

/* The end of a job may have been cut short when only its receipts were safe: what else
 * it left would take room from the next one for ever. */
static void sweep(struct agent *agent)
{
	struct error why = {0};

	if (agent->job.phase == JOB_NONE && agent->job.due.sequence == 0
		&& !agent_clear_job(agent, &why))
		agent_say("%s", why.text);
}

static bool begin(struct agent *agent, struct error *err)
{
	agent->now_ms = monotonic_ms();
	if (!check_installers(agent->settings, err) || !catch_signals(agent, err)
		|| !load_facts(agent, err))
		return false;
	agent->identity = (struct session_identity){
		agent->trust.key, agent->trust.chain, buf_bytes(&agent->trust.root)};
	agent_visit_host(agent, &agent->host);
	sweep(agent);
	agent_tuf_sweep(agent);
	agent_say("%s, device %s, %s", COURIER_VERSION, agent->trust.holder.id,
		job_phase_name(agent->job.phase));
	return true;
}

/* ---- its loop ---- */

static bool add_process(const struct process *process, struct pollfd *fds, size_t *count)
{
	return process == NULL || process_poll(process, fds, count, DESCRIPTORS_MAX);
}

static int64_t earlier(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static int64_t deadline_of(const struct agent *agent)
{
	const int64_t line = agent->channel == NULL ? agent->reopen_ms
						    : channel_deadline_ms(agent->channel);
	const int64_t blinker = agent->blinker == NULL
		? INT64_MAX
		: process_deadline_ms(agent->blinker, agent->now_ms);

	return earlier(earlier(line, blinker),
		earlier(agent_work_deadline_ms(agent), agent->now_ms + POLL_MAX_MS));
}

static bool wait_for_something(struct agent *agent, struct error *err)
{
	struct pollfd fds[DESCRIPTORS_MAX] = {{agent->signals, POLLIN, 0}};
	const int64_t deadline = deadline_of(agent);
	const int64_t wait = deadline > agent->now_ms ? deadline - agent->now_ms : 0;
	size_t count = 1;

	if (agent->channel != NULL)
		(void)channel_poll(agent->channel, fds, &count, DESCRIPTORS_MAX);
	(void)add_process(agent->worker, fds, &count);
	(void)add_process(agent->surveyor, fds, &count);
	(void)add_process(agent->blinker, fds, &count);
	if (poll(fds, (nfds_t)count, (int)wait) < 0 && errno != EINTR)
		return error_errno(err, "cannot wait");
	agent->stopping = (fds[0].revents & POLLIN) != 0;
	return true;
}

static bool loop(struct agent *agent, struct error *err)
{
	while (!agent->stopping) {
		agent->now_ms = monotonic_ms();
		/* Twice the line: first what came, then what follows from it. */
		if (!agent_line_step(agent, err) || !agent_survey_step(agent, err)
			|| !agent_work_step(agent, err) || !agent_line_step(agent, err)
			|| !wait_for_something(agent, err))
			return false;
	}
	return true;
}

bool agent_run(const struct agent_settings *settings, struct error *err)
{
	CLEANUP(done) struct agent agent = {.settings = settings, .signals = -1};

	if (!begin(&agent, err) || !loop(&agent, err))
		return false;
	agent_say("told to stop");
	return true;
}
