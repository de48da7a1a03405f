#include <string.h>

#include "device-link/link.h"

static const struct link_kind *const kinds[] = {
	&link_serial,
};

static const struct link_kind *find_kind(const char *address, const char **rest)
{
	/* A path may hold colons: /dev/serial/by-path/pci-0000:00:14.0-usb-0:1:1.0 */
	if (address[strcspn(address, "/:")] != ':') {
		*rest = address;
		return &link_serial;
	}
	for (size_t i = 0; i < COUNT(kinds); i++) {
		const size_t len = strlen(kinds[i]->name);

		if (strncmp(address, kinds[i]->name, len) == 0 && address[len] == ':') {
			*rest = address + len + 1;
			return kinds[i];
		}
	}
	return NULL;
}

bool link_open(const char *address, struct link **out, struct error *err)
{
	const char *rest = NULL;
	const struct link_kind *const kind = find_kind(address, &rest);

	if (kind == NULL)
		return error_set(err, ERROR_USAGE,
			"%.200s: no such kind of link (a path, or %s:%s)", address,
			kinds[0]->name, kinds[0]->address);
	return kind->open(rest, out, err);
}

void link_close(struct link *link)
{
	if (link != NULL)
		link->kind->close(link);
}

void link_cleanup(struct link **link)
{
	link_close(*link);
}
