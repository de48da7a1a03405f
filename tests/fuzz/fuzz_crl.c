/*
 * Whatever comes, only the list that the courier issuer signed is believed; and bytes
 * that are believed are read alike however the issuer came along.
 */
#include <stdlib.h>

#include "common/certificate.h"
#include "tests/fuzz/fuzz.h"

static void must(bool ok)
{
	if (!ok)
		abort();
}

/* vectors/certificate/root.pem, courier-issuer.pem */
static const char root[] = "-----BEGIN CERTIFICATE-----\n"
			   "MIIBJDCB16ADAgECAhA3rLOKRx9In3WhOyD+d3AVMAUGAytlcDAQMQ4wDAYDVQQD\n"
			   "DAVmbGVldDAgFw0yNjAzMDEwMDAwMDBaGA85OTk5MTIzMTIzNTk1OVowEDEOMAwG\n"
			   "A1UEAwwFZmxlZXQwKjAFBgMrZXADIQDDVrPT9PbTLIwdHw+V/ojoyaAfQ3xIFxxc\n"
			   "cEXyMw/KoqNFMEMwEgYDVR0TAQH/BAgwBgEB/wIBATAdBgNVHQ4EFgQUeXGWyeBz\n"
			   "FRjvaX6Wj2WIYJNxzuowDgYDVR0PAQH/BAQDAgIEMAUGAytlcANBADdhkQlPiVgI\n"
			   "nhnWO/KoFs+Ugm2ElP4D0IdVlk6QUaUCH3k2m2X9b7SKr3Oxx5lTYsQxO03cBJjd\n"
			   "9zHqL1hl5QU=\n"
			   "-----END CERTIFICATE-----\n";
static const char issuer[]
	= "-----BEGIN CERTIFICATE-----\n"
	  "MIIBlDCCAUagAwIBAgIQMPW6dzAE9wsIinDn9KAhbjAFBgMrZXAwEDEOMAwGA1UE\n"
	  "AwwFZmxlZXQwIBcNMjYwMzAxMDAwMDAwWhgPOTk5OTEyMzEyMzU5NTlaMBkxFzAV\n"
	  "BgNVBAMMDmNvdXJpZXIgaXNzdWVyMCowBQYDK2VwAyEATojVvg2m8vdqRVyGeztE\n"
	  "2lBw5kwE8iNagPkz5NNi31yjgaowgacwEgYDVR0TAQH/BAgwBgEB/wIBADAdBgNV\n"
	  "HQ4EFgQUvFUzCVLtddtFzTuMLuXrxUzYjJUwHwYDVR0jBBgwFoAUeXGWyeBzFRjv\n"
	  "aX6Wj2WIYJNxzuowDgYDVR0PAQH/BAQDAgEGMEEGA1UdJQQ6MDgGCCsGAQUFBwMB\n"
	  "BggrBgEFBQcDAgYiKoZIhvcUAb5Ak3qC7g+B2jaD6zCBnHmC8z2G3Z8rhuIrATAF\n"
	  "BgMrZXADQQAMssz1XfZ9l5/fKjwskBoW9vEyZE8TJhAIamzGkI2scmXA6D2ofNBB\n"
	  "nXYtsktB1JGeQ8ANklwtpUTWC7eI5LUK\n"
	  "-----END CERTIFICATE-----\n";

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t len)
{
	CLEANUP(certificate_crl_cleanup) struct certificate_crl *alone = NULL, *given = NULL;
	const struct bytes input = {at, len};
	struct error err = {0};

	const bool believed
		= certificate_crl_parse(input, bytes_of(issuer), bytes_of(root), &given, &err);

	if (certificate_crl_parse(input, (struct bytes){NULL, 0}, bytes_of(root), &alone, &err))
		must(believed);
	if (believed) {
		must(certificate_crl_number(given) == INT64_MAX); /* vectors/certificate.py */
		must(certificate_crl_this_update(given) == 1772323200);
	}
	return 0;
}
