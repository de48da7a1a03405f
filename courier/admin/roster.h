/*
 * roster.h - the list of devices an operator keeps in a spreadsheet, as CSV.
 *
 *	identity,id,type,artifact,label,site,group,tier
 *	"{""serial"":""7""}",pump-7,pump,rel-1,"Pump 7, north",mine,north,
 *	serial=8;mac=02:00:00:00:00:08,pump-8,pump,rel-1,,,,
 *
 * The first line names the columns, in any order; identity, id and type must be there.
 * An identity is a JSON object, or pairs NAME=VALUE with semicolons between them, all
 * texts, a repeated name an array of them, as Mender's identity scripts print them.
 * UTF-8, with or without a byte order mark; line ends of Windows or Unix.
 *
 * A spreadsheet spoils such a file in a dozen ways.  Every mistake is found in one go, with
 * its line, and nothing of a file with a mistake is used.
 */
#ifndef COURIER_ADMIN_ROSTER_H
#define COURIER_ADMIN_ROSTER_H

#include "common/bytes.h"

enum {
	ROSTER_SIZE_MAX = 16 * 1024 * 1024, /* bytes of a file */
	ROSTER_DEVICES_MAX = 5000,          /* what fits a control bundle */
	ROSTER_CELL_MAX = 255,              /* bytes of a cell but an identity */
	ROSTER_IDENTITY_MAX = 4096,         /* bytes */
	ROSTER_PAIRS_MAX = 32,              /* of an identity */
	ROSTER_MISTAKES_MAX = 50,           /* that are told one by one */
};

struct roster_device {
	size_t line;
	char *identity; /* canonical JSON object */
	char *id, *type;
	char *artifact, *label, *site, *group, *tier; /* NULL: none */
};

struct roster {
	struct roster_device *at;
	size_t count;
};

struct roster_mistakes {
	struct {
		size_t line;
		char text[256];
	} at[ROSTER_MISTAKES_MAX];
	size_t count; /* also of those for which there was no room */
};

void roster_free(struct roster *); /* caller's memory; zero is fine */

/* ERROR_USAGE, with how many there are, when MISTAKES is not empty. */
NODISCARD bool roster_parse(
	struct bytes csv, struct roster *, struct roster_mistakes *, struct error *);

#endif
