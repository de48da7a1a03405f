#include <stdlib.h>
#include <string.h>

#include "courier/server.h"

static const struct server_kind *const kinds[] = {
	&server_mender,
};

bool server_kind_find(const char *name, const struct server_kind **out, struct error *err)
{
	CLEANUP(buf_free) struct buf names = {0};
	const char *text = NULL;

	for (size_t i = 0; i < COUNT(kinds); i++) {
		if (strcmp(kinds[i]->name, name) == 0) {
			*out = kinds[i];
			return true;
		}
		if (!buf_print(&names, err, "%s%s", i == 0 ? "" : ", ", kinds[i]->name))
			return false;
	}
	if (!buf_text(&names, &text, err))
		return false;
	return error_set(
		err, ERROR_USAGE, "%s: no such kind of server; there is: %s", name, text);
}

void server_close(struct server *server)
{
	if (server != NULL)
		server->kind->close(server);
}

void server_cleanup(struct server **server)
{
	server_close(*server);
}

void server_assignment_free(struct server_assignment *assignment)
{
	free(assignment->url);
	free(assignment->request);
	*assignment = (struct server_assignment){0};
}
