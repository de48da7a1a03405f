#include <stdlib.h>
#include <string.h>

#include "common/certificate.h"
#include "courier/admin/device_request.h"
#include "courier/admin/roster.h"
#include "courier/admin/roster_cell.h"

#define NO_BREAK_SPACE "\xc2\xa0"

static bool begins(const char *text, const char *with)
{
	return strncmp(text, with, strlen(with)) == 0;
}

static bool has_space_around(const char *text)
{
	const size_t len = strlen(text);

	return text[0] == ' ' || text[len - 1] == ' ' || begins(text, NO_BREAK_SPACE)
		|| (len >= 2 && strcmp(text + len - 2, NO_BREAK_SPACE) == 0);
}

/* 1.23E+15, 4E+08: what a spreadsheet makes of a long serial number. */
static bool is_scientific(const char *text)
{
	const char *at = text + strspn(text, "0123456789");

	if (at == text)
		return false;
	if (*at == '.' || *at == ',')
		at += 1 + strspn(at + 1, "0123456789");
	if ((*at != 'E' && *at != 'e') || at[1] != '+')
		return false;
	at += 2;
	return *at != 0 && at[strspn(at, "0123456789")] == 0;
}

static bool is_spreadsheet_error(const char *text)
{
	static const char *const errors[] = {"#N/A", "#REF!", "#NAME?", "#VALUE!", "#DIV/0!",
		"#NULL!", "#NUM!", "#SPILL!", "#####"};

	for (size_t i = 0; i < COUNT(errors); i++)
		if (begins(text, errors[i]))
			return true;
	return false;
}

bool roster_check_cell(const char *text, struct error *err)
{
	if (has_space_around(text))
		return error_set(err, ERROR_USAGE, "a space before or after the text");
	if (is_spreadsheet_error(text))
		return error_set(
			err, ERROR_USAGE, "%.16s is what a failed formula shows", text);
	if (text[0] == '=')
		return error_set(err, ERROR_USAGE, "a formula: save values only");
	if (is_scientific(text))
		return error_set(err, ERROR_USAGE,
			"%.32s: the spreadsheet shortened a number; make the column text and "
			"type it again",
			text);
	return true;
}

bool roster_check_id(const char *text, struct error *err)
{
	if (strcmp(text, CERTIFICATE_UNCERTIFIED) == 0)
		return error_set(err, ERROR_USAGE, "\"%s\" is nobody's id", text);
	return certificate_id_valid(text)
		|| error_set(err, ERROR_USAGE,
			"%.64s: 1 to %d letters, digits, . _ and -, not first . or -", text,
			CERTIFICATE_ID_MAX);
}

bool roster_check_tier(const char *text, struct error *err)
{
	static const char *const tiers[] = {"standard", "micro", "system"};

	for (size_t i = 0; i < COUNT(tiers); i++)
		if (strcmp(text, tiers[i]) == 0)
			return true;
	return error_set(err, ERROR_USAGE, "%.32s: a tier is standard, micro or system", text);
}

/* ---- identities ---- */

struct pairs {
	char text[ROSTER_IDENTITY_MAX + 1];
	const char *names[ROSTER_PAIRS_MAX], *values[ROSTER_PAIRS_MAX];
	size_t count;
};

static bool add_pair(struct pairs *pairs, char *pair, struct error *err)
{
	char *const equals = strchr(pair, '=');

	if (pairs->count == ROSTER_PAIRS_MAX)
		return error_set(err, ERROR_USAGE, "over %d pairs", ROSTER_PAIRS_MAX);
	if (equals == NULL || equals == pair || equals[1] == 0)
		return error_set(err, ERROR_USAGE,
			"%.64s: neither a JSON object nor NAME=VALUE;NAME=VALUE", pair);
	*equals = 0;
	pairs->names[pairs->count] = pair;
	pairs->values[pairs->count++] = equals + 1;
	return roster_check_cell(pair, err) && roster_check_cell(equals + 1, err);
}

static bool split(const char *text, struct pairs *pairs, struct error *err)
{
	char *at = pairs->text;

	memcpy(pairs->text, text, strlen(text) + 1);
	for (;;) {
		char *const end = at + strcspn(at, ";");
		const bool last = *end == 0;

		*end = 0;
		if (!add_pair(pairs, at, err))
			return false;
		if (last)
			return true;
		at = end + 1;
	}
}

/* How often the pair's name occurs from it on; 0 when it occurred before. */
static size_t occurrences(const struct pairs *pairs, size_t which)
{
	size_t count = 0;

	for (size_t i = 0; i < pairs->count; i++) {
		if (strcmp(pairs->names[i], pairs->names[which]) != 0)
			continue;
		if (i < which)
			return 0;
		count++;
	}
	return count;
}

static struct json *object_of(const struct pairs *pairs)
{
	struct json *const object = json_new_object();

	for (size_t i = 0; i < pairs->count; i++) {
		const size_t count = occurrences(pairs, i);
		struct json *const array
			= count > 1 ? json_add_array(object, pairs->names[i]) : NULL;

		if (count == 1)
			json_add_string(object, pairs->names[i], pairs->values[i]);
		for (size_t j = i; count > 1 && j < pairs->count; j++)
			if (strcmp(pairs->names[j], pairs->names[i]) == 0)
				json_append_string(array, pairs->values[j]);
	}
	return object;
}

static bool from_pairs(const char *text, char **out, struct error *err)
{
	CLEANUP(json_cleanup) struct json *object = NULL;
	CLEANUP(buf_free) struct buf printed = {0};
	struct pairs pairs = {.count = 0};
	const char *json = NULL;

	if (!split(text, &pairs, err))
		return false;
	object = object_of(&pairs);
	return json_print(object, &printed, err) && buf_text(&printed, &json, err)
		&& device_identity(json, out, err);
}

static bool has_typographic_quotes(const char *text)
{
	static const char *const quotes[]
		= {"\xe2\x80\x9c", "\xe2\x80\x9d", "\xe2\x80\x9e", "\xc2\xab", "\xc2\xbb"};

	for (size_t i = 0; i < COUNT(quotes); i++)
		if (strstr(text, quotes[i]) != NULL)
			return true;
	return false;
}

bool roster_identity(const char *text, char **out, struct error *err)
{
	if (strlen(text) > ROSTER_IDENTITY_MAX)
		return error_set(err, ERROR_USAGE, "over %d bytes", ROSTER_IDENTITY_MAX);
	if (text[0] != '{')
		return from_pairs(text, out, err);
	if (device_identity(text, out, err))
		return true;
	if (has_typographic_quotes(text))
		return error_set(err, ERROR_USAGE,
			"typographic quotes: turn the spreadsheet's correction off and type \" "
			"again");
	return false;
}
