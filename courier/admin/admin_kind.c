#include <stdlib.h>
#include <string.h>

#include "courier/admin/admin_kind.h"

static const struct admin_kind *const kinds[] = {
	&admin_mender,
};

bool admin_kind_find(const char *name, const struct admin_kind **out, struct error *err)
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
	return error_set(err, ERROR_USAGE,
		"%s: devices cannot be managed at a server of this kind; there is: %s", name,
		text);
}

void admin_close(struct admin *admin)
{
	if (admin != NULL)
		admin->kind->close(admin);
}

void admin_cleanup(struct admin **admin)
{
	admin_close(*admin);
}

void admin_deployment_free(struct admin_deployment *deployment)
{
	for (size_t i = 0; i < deployment->count; i++)
		free(deployment->devices[i]);
	free(deployment->devices);
	free(deployment->artifact);
	*deployment = (struct admin_deployment){0};
}
