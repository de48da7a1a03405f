/*
 * A receipt that is found in a file is found again, the same to the byte, in a line of a
 * log.
 */
#include <stdlib.h>
#include <string.h>

#include "courier/admin/receipt_file.h"
#include "tests/fuzz/fuzz.h"

static struct error err;

static void must(bool ok)
{
	if (!ok)
		abort();
}

static bool compare(void *self, struct bytes envelope, struct error *why)
{
	const struct bytes *const wanted = self;

	(void)why;
	must(bytes_equal(envelope, *wanted));
	return true;
}

static bool visit(void *self, struct bytes envelope, struct error *why)
{
	CLEANUP(buf_free) struct buf log = {0};
	struct receipt_claim claim;
	struct receipt receipt;
	size_t count = 0;

	++*(size_t *)self;
	if (receipt_claim_read(envelope, &claim, why))
		must(certificate_id_valid(claim.device));
	if (receipt_claim_peek(envelope, &receipt, why))
		must(receipt.sequence == 0);
	if (envelope.len > 0 && memchr(envelope.at, '\n', envelope.len) != NULL)
		return true; /* no line of a log has one */
	must(buf_append(&log, bytes_of("12:00 info: courier-receipt: "), &err)
		&& buf_append(&log, envelope, &err)
		&& buf_append(&log, bytes_of("\nmore\n"), &err));
	must(receipt_file_each(buf_bytes(&log), compare, &envelope, &count, &err));
	must(count == 1);
	return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t len)
{
	size_t visited = 0, count = 0;

	must(receipt_file_each((struct bytes){at, len}, visit, &visited, &count, &err));
	must(visited == count);
	return 0;
}
