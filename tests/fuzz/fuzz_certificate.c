/*
 * A chain that parses is written and read again as the same certificates; whoever it
 * says it is, is spelt as the profile has it; without the key of the issuers nothing
 * but what they signed is trusted.
 */
#include <stdlib.h>
#include <string.h>

#include "common/certificate.h"
#include "tests/fuzz/fuzz.h"

static void must(bool ok)
{
	if (!ok)
		abort();
}

/* vectors/certificate/root.pem; every leaf its issuers signed is c-17 or d-1. */
static const char root[] = "-----BEGIN CERTIFICATE-----\n"
			   "MIIBJDCB16ADAgECAhA3rLOKRx9In3WhOyD+d3AVMAUGAytlcDAQMQ4wDAYDVQQD\n"
			   "DAVmbGVldDAgFw0yNjAzMDEwMDAwMDBaGA85OTk5MTIzMTIzNTk1OVowEDEOMAwG\n"
			   "A1UEAwwFZmxlZXQwKjAFBgMrZXADIQDDVrPT9PbTLIwdHw+V/ojoyaAfQ3xIFxxc\n"
			   "cEXyMw/KoqNFMEMwEgYDVR0TAQH/BAgwBgEB/wIBATAdBgNVHQ4EFgQUeXGWyeBz\n"
			   "FRjvaX6Wj2WIYJNxzuowDgYDVR0PAQH/BAQDAgIEMAUGAytlcANBADdhkQlPiVgI\n"
			   "nhnWO/KoFs+Ugm2ElP4D0IdVlk6QUaUCH3k2m2X9b7SKr3Oxx5lTYsQxO03cBJjd\n"
			   "9zHqL1hl5QU=\n"
			   "-----END CERTIFICATE-----\n";

static void judge(const struct certificate *chain)
{
	struct certificate_holder holder;
	struct error err = {0};

	if (certificate_holder(chain, &holder, &err)) {
		must(certificate_id_valid(holder.id) && holder.name[0] != 0);
		must(holder.group_count <= CERTIFICATE_GROUPS_MAX);
		for (size_t i = 0; i < holder.group_count; i++)
			must(certificate_id_valid(holder.groups[i]));
	}
	if (certificate_verify(chain, bytes_of(root), CERTIFICATE_COURIER, &err))
		must(strcmp(holder.id, "c-17") == 0 && strcmp(holder.name, "Ida") == 0);
	if (certificate_verify(chain, bytes_of(root), CERTIFICATE_DEVICE, &err))
		must(strcmp(holder.id, "d-1") == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t len)
{
	CLEANUP(certificate_cleanup) struct certificate *chain = NULL, *again = NULL;
	CLEANUP(crypto_public_cleanup) struct crypto_public *asked = NULL;
	CLEANUP(buf_free) struct buf first = {0}, second = {0};
	const struct bytes input = {at, len};
	struct digest before, after;
	struct error err = {0};

	if (certificate_request_open(input, &asked, &err))
		must(crypto_public_kind(asked) != CRYPTO_RSA);
	if (!certificate_parse(input, &chain, &err))
		return 0;
	must(certificate_pem(chain, &first, &err));
	must(certificate_parse(buf_bytes(&first), &again, &err));
	must(certificate_pem(again, &second, &err));
	must(bytes_equal(buf_bytes(&first), buf_bytes(&second)));
	must(certificate_fingerprint(chain, &before, &err));
	must(certificate_fingerprint(again, &after, &err));
	must(digest_equal(&before, &after));
	judge(chain);
	return 0;
}
