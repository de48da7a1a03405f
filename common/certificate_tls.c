#include <stdlib.h>

#include "common/certificate_openssl.h"

void *certificate_x509(const struct certificate *chain, size_t index)
{
	return index < chain->count ? chain->chain[index] : NULL;
}

void *crypto_key_pkey(const struct crypto_key *key)
{
	return key->pkey;
}

bool certificate_from_x509(void *leaf, void *stack, struct certificate **out, struct error *err)
{
	CLEANUP(certificate_cleanup) struct certificate *chain = calloc(1, sizeof(*chain));
	STACK_OF(X509) *const others = stack;

	if (chain == NULL)
		return error_errno(err, "cannot allocate a certificate");
	if (!certificate_add(chain, leaf, err))
		return false;
	for (int i = 0; i < sk_X509_num(others); i++) { /* -1 of no stack */
		X509 *const other = sk_X509_value(others, i);

		/* A TLS client finds the leaf in the stack as well, a server does not. */
		if (X509_cmp(other, leaf) != 0 && !certificate_add(chain, other, err))
			return false;
	}
	*out = chain;
	chain = NULL;
	return true;
}
