#include <stdlib.h>
#include <string.h>

#include "common/text.h"

bool text_set(char **at, const char *text, struct error *err)
{
	char *const copy = text == NULL ? NULL : strdup(text);

	if (text != NULL && copy == NULL)
		return error_errno(err, "cannot allocate memory");
	free(*at);
	*at = copy;
	return true;
}

bool text_same(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

void text_cleanup(char **text)
{
	free(*text);
}
