/*
 * A roster that was read, written as CSV in the plainest way, reads the same again; one
 * that was not read has a mistake, in a line that is there.
 */
#include <stdlib.h>
#include <string.h>

#include "courier/admin/roster.h"
#include "tests/fuzz/fuzz.h"

static struct error err;

static void must(bool ok)
{
	if (!ok)
		abort();
}

static void write_cell(struct buf *out, const char *text, const char *after)
{
	must(buf_print(out, &err, "\""));
	for (const char *c = text == NULL ? "" : text; *c != 0; c++)
		must(buf_print(out, &err, *c == '"' ? "\"\"" : "%c", *c));
	must(buf_print(out, &err, "\"%s", after));
}

static void write_roster(struct buf *out, const struct roster *roster)
{
	must(buf_print(out, &err, "tier,group,site,label,artifact,type,id,identity\r\n"));
	for (size_t i = 0; i < roster->count; i++) {
		const struct roster_device *const device = &roster->at[i];

		write_cell(out, device->tier, ",");
		write_cell(out, device->group, ",");
		write_cell(out, device->site, ",");
		write_cell(out, device->label, ",");
		write_cell(out, device->artifact, ",");
		write_cell(out, device->type, ",");
		write_cell(out, device->id, ",");
		write_cell(out, device->identity, "\r\n");
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t len)
{
	CLEANUP(roster_free) struct roster roster = {0}, again = {0};
	CLEANUP(buf_free) struct buf first = {0}, second = {0};
	struct roster_mistakes mistakes;

	if (!roster_parse((struct bytes){at, len}, &roster, &mistakes, &err)) {
		must(mistakes.count > 0 && mistakes.at[0].line > 0
			&& mistakes.at[0].line <= len + 1);
		must(roster.at == NULL && err.code == ERROR_USAGE);
		return 0;
	}
	must(roster.count > 0 && mistakes.count == 0);
	for (size_t i = 0; i < roster.count; i++)
		if (strlen(roster.at[i].identity) > ROSTER_IDENTITY_MAX / 4)
			return 0; /* quoting may make it too long */
	write_roster(&first, &roster);
	must(roster_parse(buf_bytes(&first), &again, &mistakes, &err));
	write_roster(&second, &again);
	must(bytes_equal(buf_bytes(&first), buf_bytes(&second)));
	return 0;
}
