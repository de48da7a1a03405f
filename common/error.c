#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/error.h"

bool(error_set)(struct error *err, enum error_code code, const char *fmt, ...)
{
	char text[sizeof(err->text)];
	va_list args;

	va_start(args, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	err->code = code;
	memcpy(err->text, text, sizeof(text));
	return false;
}

bool(error_errno)(struct error *err, const char *fmt, ...)
{
	const int saved = errno;
	const bool full = saved == ENOSPC || saved == EDQUOT;
	char what[sizeof(err->text)];
	va_list args;

	va_start(args, fmt);
	(void)vsnprintf(what, sizeof(what), fmt, args);
	va_end(args);
	return error_set(
		err, full ? ERROR_SPACE : ERROR_FAILED, "%.400s: %s", what, strerror(saved));
}

bool(error_while)(struct error *err, const char *fmt, ...)
{
	char what[sizeof(err->text)];
	char why[sizeof(err->text)];
	va_list args;

	va_start(args, fmt);
	(void)vsnprintf(what, sizeof(what), fmt, args);
	va_end(args);
	memcpy(why, err->text, sizeof(why));
	return error_set(err, err->code, "%.160s: %.340s", what, why);
}

int error_exit_status(enum error_code code)
{
	return code < 100 ? (int)code : (int)ERROR_FAILED;
}
