/*
 * What scripts print.  By the first byte: 'S' key=value lines, 'V' the survey that a child
 * prints.  Lines come back from the pairs they were read as; the object has a member for
 * each key, and it prints.  A good survey knows who the device is.
 */
#include <stdlib.h>
#include <string.h>

#include "common/utf8.h"
#include "device-link/agent/scripts.h"
#include "device-link/agent/survey.h"
#include "tests/fuzz/fuzz.h"

static void must(bool ok)
{
	if (!ok)
		abort();
}

static void check_object(struct bytes text, const struct artifact_pairs *pairs)
{
	CLEANUP(json_cleanup) struct json *object = NULL;
	CLEANUP(buf_free) struct buf printed = {0};
	struct error err = {0};

	must(scripts_parse(text, &object, &err));
	must(json_count(object) <= pairs->count);

	const bool plain = utf8_valid(text) == text.len;

	/* Two names that differ in what is no UTF-8 become one. */
	if (json_print(object, &printed, &err))
		must(json_check(buf_bytes(&printed), JSON_FOREIGN, &err));
	else
		must(!plain);
	for (size_t i = 0; i < pairs->count && plain; i++)
		must(json_member(object, pairs->at[i].name) != NULL);
}

static void check_lines(struct bytes text)
{
	CLEANUP(artifact_pairs_free) struct artifact_pairs pairs = {0}, again = {0};
	CLEANUP(buf_free) struct buf lines = {0};
	CLEANUP(json_cleanup) struct json *object = NULL;
	struct error err = {0};

	if (!scripts_pairs(text, &pairs, &err)) {
		must(!scripts_parse(text, &object, &err));
		return;
	}
	for (size_t i = 0; i < pairs.count; i++)
		must(buf_print(&lines, &err, "%s=%s\r\n", pairs.at[i].name, pairs.at[i].value));
	if (lines.len <= SCRIPTS_OUTPUT_MAX)
		must(scripts_pairs(buf_bytes(&lines), &again, &err)
			&& again.count == pairs.count);
	for (size_t i = 0; i < again.count; i++)
		must(strcmp(again.at[i].name, pairs.at[i].name) == 0
			&& strcmp(again.at[i].value, pairs.at[i].value) == 0);
	check_object(text, &pairs);
}

static void check_survey(struct bytes text)
{
	CLEANUP(survey_free) struct survey survey = {0};
	struct digest digest;
	struct error err = {0};

	if (!survey_parse(text, &survey, &err)) {
		must(survey.identity == NULL && err.text[0] != 0);
		return;
	}
	must(identity_digest(bytes_of(survey.identity), &digest, &err));
	must(digest_equal(&digest, &survey.digest));
	must(survey.device_type != NULL && survey.artifact_name != NULL);
	must(survey.attributes != NULL && strlen(survey.why) < sizeof(survey.why));
}

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t len)
{
	if (len > 0 && at[0] == 'S')
		check_lines((struct bytes){at + 1, len - 1});
	if (len > 0 && at[0] == 'V')
		check_survey((struct bytes){at + 1, len - 1});
	return 0;
}
