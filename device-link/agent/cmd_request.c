#include <getopt.h>
#include <stdio.h>

#include "common/file.h"
#include "device-link/agent/command.h"
#include "device-link/agent/describe.h"
#include "device-link/agent/process.h"

enum { SURVEY_TIMEOUT_MS = 10 * 60 * 1000 };

static bool read_options(const struct command_line *line, const char **out, struct error *err)
{
	static const struct option options[] = {{"out", required_argument, NULL, 'o'}, {0}};

	for (int c = 0; (c = getopt_long(line->argc, line->argv, "o:", options, NULL)) != -1;) {
		if (c != 'o')
			return error_set(err, ERROR_USAGE, "usage: request [--out DIR]");
		*out = optarg;
	}
	return optind == line->argc
		|| error_set(err, ERROR_USAGE, "usage: request [--out DIR]");
}

/* The survey, in this very process: nobody waits. */
static bool look(
	const struct agent_settings *settings, struct survey *survey, struct error *err)
{
	CLEANUP(buf_free) struct buf identity = {0};

	return survey_now(settings, survey, err)
		&& (survey->good || error_set(err, ERROR_FAILED, "%s", survey->why));
}

static bool say(struct bytes request, struct bytes statement, struct error *err)
{
	if (fwrite(request.at, 1, request.len, stdout) == request.len
		&& fwrite(statement.at, 1, statement.len, stdout) == statement.len
		&& fputc('\n', stdout) != EOF && fflush(stdout) == 0)
		return true;
	return error_errno(err, "stdout");
}

static bool write_files(
	const char *directory, struct bytes request, struct bytes statement, struct error *err)
{
	char request_path[PATH_MAX], statement_path[PATH_MAX];

	return file_make_directory(directory, 0755, err)
		&& file_path(request_path, PATH_MAX, directory, "request.pem", err)
		&& file_path(statement_path, PATH_MAX, directory, "identity.json", err)
		&& file_replace(request_path, request, 0644, err)
		&& file_replace(statement_path, statement, 0644, err);
}

bool cmd_request(const struct command_line *line, struct error *err)
{
	CLEANUP(agent_settings_free) struct agent_settings settings = {0};
	CLEANUP(trust_free) struct trust trust = {0};
	CLEANUP(survey_free) struct survey survey = {0};
	CLEANUP(buf_free) struct buf request = {0}, statement = {0};
	struct marks marks = {0};
	const char *out = NULL;
	char path[PATH_MAX];

	if (!read_options(line, &out, err)
		|| !agent_settings_load(line->settings_path, &settings, err)
		|| !trust_load_own(&settings, &trust, err)
		|| !agent_settings_fact(&settings, "marks.json", path, err)
		|| !marks_load(path, &marks, err) || !look(&settings, &survey, err)
		|| !certificate_request_make(trust.key, CERTIFICATE_UNCERTIFIED, &request, err)
		|| !describe_identity(&settings, &trust, &marks, &survey, &statement, err))
		return false;
	return out == NULL ? say(buf_bytes(&request), buf_bytes(&statement), err)
			   : write_files(out, buf_bytes(&request), buf_bytes(&statement), err);
}
