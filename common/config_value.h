/* config_value.h - from config.c to config_value.c: what a single value means. */
#ifndef COMMON_CONFIG_VALUE_H
#define COMMON_CONFIG_VALUE_H

#include "common/config.h"

/* Memory that goes with the configuration. */
struct config_memory {
	struct config_chunk *first;
};

/* LEN zero bytes; NULL when there are none. */
void *config_allocate(struct config_memory *, size_t len);
void config_release(struct config_memory *);

/* What a value is read with. */
struct config_reader {
	struct config_memory *memory;
	const char *directory; /* of the file, with its slash; "" if it has none */
};

/* Put VALUE, which belongs to the configuration and may be changed in place, into the
 * member of SECTION that KEY describes.  The FIRST value of a list takes the place of
 * the defaults.  ERROR_USAGE says what is allowed. */
NODISCARD bool config_store(const struct config_reader *, const struct config_key *,
	char *value, bool first, void *section, struct error *);

#endif
