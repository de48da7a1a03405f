/*
 * artifact_facts.h - what a verified artifact says of itself, as the store keeps it:
 * enough to run the device's decision again (common/plan.h).
 */
#ifndef COURIER_ARTIFACT_FACTS_H
#define COURIER_ARTIFACT_FACTS_H

#include "common/artifact.h"

/* Append as JSON. */
NODISCARD bool artifact_facts_print(const struct artifact *, struct buf *, struct error *);
/* And back; the caller frees with artifact_free(). */
NODISCARD bool artifact_facts_parse(const char *facts, struct artifact *, struct error *);

#endif
