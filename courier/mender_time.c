#include <stdio.h>
#include <string.h>
#include <time.h>

#include "courier/mender_answer.h"

/* COUNT digits at AT as a number; -1 when one is not. */
static int digits(const char *at, size_t count)
{
	int sum = 0;

	for (size_t i = 0; i < count; i++) {
		if (at[i] < '0' || at[i] > '9')
			return -1;
		sum = sum * 10 + (at[i] - '0');
	}
	return sum;
}

/* "Z" or "+hh:mm" to the end of the text, in seconds. */
static bool offset_parse(const char *at, int64_t *seconds)
{
	*seconds = 0;
	if (strcmp(at, "Z") == 0 || strcmp(at, "z") == 0)
		return true;
	if (strlen(at) != 6 || (at[0] != '+' && at[0] != '-') || at[3] != ':')
		return false;

	const int hours = digits(at + 1, 2), minutes = digits(at + 4, 2);

	*seconds = (at[0] == '-' ? INT64_C(-60) : 60) * (hours * 60 + minutes);
	return hours >= 0 && hours < 24 && minutes >= 0 && minutes < 60;
}

static bool fields_parse(const char *text, struct tm *out)
{
	static const char shape[] = "0000-00-00T00:00:00";

	if (strlen(text) < sizeof(shape))
		return false;
	for (size_t i = 0; i < sizeof(shape) - 1; i++)
		if (shape[i] != '0' && text[i] != shape[i])
			return false;
	*out = (struct tm){
		.tm_year = digits(text, 4) - 1900,
		.tm_mon = digits(text + 5, 2) - 1,
		.tm_mday = digits(text + 8, 2),
		.tm_hour = digits(text + 11, 2),
		.tm_min = digits(text + 14, 2),
		.tm_sec = digits(text + 17, 2),
	};
	return out->tm_year >= 1 - 1900 && out->tm_mon >= 0 && out->tm_mon < 12
		&& out->tm_mday >= 1 && out->tm_mday <= 31 && out->tm_hour >= 0
		&& out->tm_hour < 24 && out->tm_min >= 0 && out->tm_min < 60 && out->tm_sec >= 0
		&& out->tm_sec <= 60;
}

bool mender_time_parse(const char *text, int64_t *out, struct error *err)
{
	struct tm fields = {0};
	int64_t offset = 0;

	if (!fields_parse(text, &fields))
		return error_set(err, ERROR_MALFORMED, "not a time (RFC 3339)");

	const char *at = text + 19;

	if (*at == '.')
		at += 1 + strspn(at + 1, "0123456789");
	if (!offset_parse(at, &offset))
		return error_set(err, ERROR_MALFORMED, "not a time (RFC 3339)");
	*out = (int64_t)timegm(&fields) - offset;
	return true;
}

void mender_time_print(int64_t unix_seconds, char text[static MENDER_TIME_SIZE])
{
	/* What no four-digit year can say is as good as not known. */
	const int64_t last = INT64_C(253402300799);
	const time_t time = unix_seconds < 0 || unix_seconds > last ? 0 : (time_t)unix_seconds;
	struct tm fields = {0};

	(void)gmtime_r(&time, &fields);
	(void)strftime(text, MENDER_TIME_SIZE, "%Y-%m-%dT%H:%M:%SZ", &fields);
}
