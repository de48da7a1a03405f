/*
 * direction.h - what the operator directs one device to install: the TUF target
 * devices/<id>/direction.json.
 *
 *	{"_type":"direction","version":1,"device":"pump-1","deployment":"...","sequence":7,
 *	 "artifacts":[{"path":"artifacts/rel-2.mender","length":40960,"sha256":"<hex>",
 *	               "device_type":"testbox"}]}
 *
 * It is a target, so it is signed through the targets metadata that list it, and only
 * bytes that were found to be that target may be read here.  The device is named inside,
 * so that no other's direction serves in its place; the sequence rises with every
 * direction, so that an old one, still listed somewhere, does not serve again.
 */
#ifndef COMMON_DIRECTION_H
#define COMMON_DIRECTION_H

#include "common/statement.h"

enum {
	DIRECTION_VERSION = 1,
	DIRECTION_MAX = 64 * 1024, /* bytes of a direction */
	DIRECTION_ARTIFACTS_MAX = 16,
	DIRECTION_TARGET_MAX = 511, /* bytes of an artifact's target path */
	/* "devices/<id>/direction.json" and its NUL */
	DIRECTION_PATH_ROOM = 8 + CERTIFICATE_ID_MAX + 16
};

struct direction_artifact {
	char path[DIRECTION_TARGET_MAX + 1]; /* of the target */
	uint64_t length;                     /* bytes, above 0 */
	struct digest sha256;
	char device_type[ARTIFACT_NAME_MAX + 1]; /* empty: any */
};

struct direction {
	char device[CERTIFICATE_ID_MAX + 1];
	char deployment[STATEMENT_DEPLOYMENT_MAX + 1];
	uint64_t sequence; /* 1 and up */
	struct direction_artifact artifacts[DIRECTION_ARTIFACTS_MAX];
	size_t count; /* 1 and up; no two of one path */
};

/* Strict (the SIGNED dialect of json.h); members not known are ignored.  ERROR_MALFORMED. */
NODISCARD bool direction_parse(struct bytes, struct direction *, struct error *);
/* Append it in canonical form.  ERROR_USAGE when it would not be read. */
NODISCARD bool direction_print(const struct direction *, struct buf *, struct error *);
/* The target path for a device. */
void direction_path(const char *device, char path[static DIRECTION_PATH_ROOM]);

/* The one artifact for a device of this type, borrowed.  ERROR_WRONG_DEVICE when there is
 * none; ERROR_MALFORMED when there are several, for one slot. */
NODISCARD bool direction_choose(const struct direction *, const char *device_type,
	const struct direction_artifact **, struct error *);

#endif
