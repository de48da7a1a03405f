/*
 * A signed time opens with the bytes it was made of, and with no others.  The input is a
 * list of changes to a good one, two bytes of offset and one to exclusive-or with; or,
 * after a first byte of 255, an envelope of its own, which nobody of the fleet signed.
 */
#include <stdlib.h>

#include "common/signed_time.h"
#include "tests/fleet.h"
#include "tests/fuzz/fuzz.h"

static void must(bool ok)
{
	if (!ok)
		abort();
}

static struct fleet fleet;
static struct party device;
static struct buf good;

static void prepare(void)
{
	const struct signed_time said = {"d1", {7}, 1800000000};
	struct error err = {0};

	must(fleet_make(&fleet, "Fuzz", &err)
		&& fleet_member(&fleet, CERTIFICATE_DEVICE, CRYPTO_ED25519, "d1", NULL,
			INT64_MAX, &device, &err)
		&& signed_time_make(&said, buf_bytes(&device.pem),
			fleet.issuer[CERTIFICATE_DEVICE], &good, &err));
}

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t len)
{
	CLEANUP(buf_free) struct buf envelope = {0};
	struct signed_time read;
	struct error err = {0};

	if (good.len == 0)
		prepare();
	if (len > 0 && at[0] == 255) {
		must(!signed_time_open((struct bytes){at + 1, len - 1},
			buf_bytes(&fleet.root_pem), &read, &err));
		return 0;
	}
	must(buf_append(&envelope, buf_bytes(&good), &err));
	for (size_t i = 0; i + 3 <= len; i += 3)
		envelope.at[((size_t)at[i] << 8 | at[i + 1]) % envelope.len] ^= at[i + 2];

	const bool same = bytes_equal(buf_bytes(&envelope), buf_bytes(&good));

	must(signed_time_open(buf_bytes(&envelope), buf_bytes(&fleet.root_pem), &read, &err)
		== same);
	must(!same || (read.at == 1800000000 && read.nonce[0] == 7));
	return 0;
}
