/* Whose receipt is it?  A device that got a new key still has what it signed with the old one,
 * and nobody may have collected that yet. */
#include <stdlib.h>

#include "common/dsse.h"
#include "common/text.h"
#include "courier/deliver_host.h"

void deliver_signer_free(struct deliver_signer *signer)
{
	crypto_public_free(signer->key);
	free(signer->pem);
	*signer = (struct deliver_signer){0};
}

/* Is the key PEM the one of PRINT?  Then it is the signer's. */
static bool try(const char *pem, const struct digest *print, struct deliver_signer *signer,
	struct error *err)
{
	CLEANUP(crypto_public_cleanup) struct crypto_public *key = NULL;
	struct digest own;

	if (pem == NULL || signer->key != NULL)
		return true;
	if (!crypto_public_parse(bytes_of(pem), &key, err)
		|| !crypto_public_fingerprint(key, &own, err))
		return false;
	if (!digest_equal(&own, print))
		return true;
	if (!text_set(&signer->pem, pem, err))
		return false;
	signer->key = key;
	key = NULL;
	return true;
}

struct search {
	const struct digest *print;
	struct deliver_signer *signer;
};

/* What was verified when it came names a key that was the device's. */
static bool try_receipt(void *self, const struct store_receipt *receipt, struct error *err)
{
	const struct search *const search = self;

	return !receipt->verified || try(receipt->key_pem, search->print, search->signer, err);
}

bool deliver_signer_find(const struct deliver_host *host, struct bytes envelope,
	struct deliver_signer *out, struct error *err)
{
	const struct store_device *const device = &host->device;
	CLEANUP(deliver_signer_free) struct deliver_signer signer = {0};
	struct digest print;
	struct search search = {&print, &signer};

	if (!dsse_keyid(envelope, &print, err) || !try(device->key_pem, &print, &signer, err))
		return false;
	signer.former = signer.key == NULL;
	/* The word of one that is not certified is worth nothing for another key. */
	if (signer.former && device->certified
		&& (!try(device->former_pem, &print, &signer, err)
			|| !store_each_receipt(
				host->store, device->id, false, try_receipt, &search, err)))
		return false;
	*out = signer;
	signer = (struct deliver_signer){0};
	return true;
}
