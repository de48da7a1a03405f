/* config_group.h - from config.c to config_group.c: which sections there may be. */
#ifndef COMMON_CONFIG_GROUP_H
#define COMMON_CONFIG_GROUP_H

#include "common/config.h"

/* All sections of one name, as the table describes them in SECTION. */
struct config_group {
	uint8_t *at;   /* their structures */
	size_t *lines; /* where they began; 0: nowhere */
	size_t count, room;
};

/* May a section with LABEL ("" for none) follow those there are? */
NODISCARD bool config_group_takes(const struct config_group *, const struct config_section *,
	const char *label, struct error *);
/* One more structure, with the defaults in it. */
NODISCARD bool config_group_add(
	struct config_group *, const struct config_section *, size_t line, struct error *);
/* The structure added last. */
void *config_group_last(const struct config_group *, const struct config_section *);
void config_group_done(struct config_group *);

/* What to say of a name that is not in the table.  All return false. */
bool config_unknown_section(
	const struct config_section *table, size_t count, const char *name, struct error *);
bool config_unknown_key(const struct config_section *, const char *name, struct error *);
bool config_no_memory(struct error *);

#endif
