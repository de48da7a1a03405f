/* cmd_enroll.h - between the files of courier-admin enroll. */
#ifndef COURIER_ADMIN_CMD_ENROLL_H
#define COURIER_ADMIN_CMD_ENROLL_H

#include "courier/admin/enrol.h"

struct enroll_options {
	const char *courier;
	struct enrol_access access;
	bool pending, all, replace;
	struct argument_list accept;
	const char *id, *group, *label, *site;
	int64_t days;
};

/* What both forms work with. */
struct enroll {
	struct admin_call *call;
	const struct enroll_options *options;
	struct authority authority;
	struct enrol_keys keys;
	struct admin *admin;
	struct enrol_devices devices;
	size_t failed; /* devices */
};

/* enroll devices.csv */
NODISCARD bool enroll_roster(struct enroll *, const char *path, struct error *);
/* enroll --pending */
NODISCARD bool enroll_pending(struct enroll *, struct error *);

/* A result as a fact: members for JSON, and "...; displaced: ..." for people. */
NODISCARD bool enroll_show(const struct enroll *, const char *id, const char *identity,
	const struct enrol_result *, struct error *);
/* A failure that leaves the others alone; false if it does not. */
NODISCARD bool enroll_go_on(struct enroll *, const char *id, const char *identity,
	const struct error *why, struct error *);
/* Where the new bundle is, and what to do with it. */
NODISCARD bool enroll_hand_over(
	const struct enroll *, const struct control *, const char *path, struct error *);

#endif
