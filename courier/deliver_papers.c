#include <string.h>

#include "courier/deliver_host.h"

void deliver_papers_free(struct deliver_papers *papers)
{
	control_free(&papers->control);
	certificate_free(papers->chain);
	crypto_key_free(papers->key);
	buf_free(&papers->root);
	*papers = (struct deliver_papers){0};
}

static bool load_key(struct store *store, struct crypto_key **key, struct error *err)
{
	SECRET seed = {0};

	return store_get_secret(store, STORE_COURIER_KEY, &seed, err)
		&& crypto_key_from_seed(&seed, key, err);
}

bool deliver_papers_load(struct store *store, struct deliver_papers *out, struct error *err)
{
	CLEANUP(deliver_papers_free) struct deliver_papers papers = {0};
	CLEANUP(buf_free) struct buf bundle = {0};
	bool found = false;

	if (!store_get_paper(store, "control", &bundle, &found, err))
		return false;
	if (!found)
		return error_set(err, ERROR_UNAUTHORISED,
			"this courier has no certificate yet: give courier-request.pem to the "
			"operator, then run courier init with the control bundle that comes "
			"back");
	if (!store_get_paper(store, "root", &papers.root, &found, err))
		return false;
	if (!found) /* without it, any bundle would do */
		return error_set(err, ERROR_DAMAGED, "the store has lost the fleet root");
	if (!control_open(buf_bytes(&bundle), buf_bytes(&papers.root), 0, &papers.control, err)
		|| !certificate_parse(bytes_of(papers.control.chain), &papers.chain, err)
		|| !load_key(store, &papers.key, err))
		return false;
	*out = papers;
	papers = (struct deliver_papers){0};
	return true;
}

/* A new chain for the device at the other end goes with HELLO: it is found by the id
 * its certificate has, or, before it has one, by its key. */
static const struct control_device *chain_for(
	const struct deliver_host *host, const struct session *session)
{
	const struct control *const control = &host->papers->control;
	CLEANUP(crypto_public_cleanup) struct crypto_public *key = NULL;
	struct digest fingerprint, own;
	struct error err = {0};
	bool certified = false;
	const struct certificate *const peer = session_peer(session, &certified);

	if (peer == NULL || !certificate_public(peer, &key, &err)
		|| !crypto_public_fingerprint(key, &fingerprint, &err))
		return NULL;
	for (size_t i = 0; i < control->device_count; i++) {
		CLEANUP(certificate_cleanup) struct certificate *chain = NULL;
		CLEANUP(crypto_public_cleanup) struct crypto_public *new_key = NULL;

		if (control->devices[i].chain != NULL
			&& certificate_parse(bytes_of(control->devices[i].chain), &chain, &err)
			&& certificate_public(chain, &new_key, &err)
			&& crypto_public_fingerprint(new_key, &own, &err)
			&& digest_equal(&own, &fingerprint))
			return &control->devices[i];
	}
	return NULL;
}

/* What the operator says to the device whose certificate this is. */
static const struct control_device *listed_as(
	const struct deliver_host *host, const struct session *session)
{
	const struct control *const control = &host->papers->control;
	struct certificate_holder holder;
	struct error err = {0};
	bool certified = false;
	const struct certificate *const peer = session_peer(session, &certified);

	if (peer == NULL || !certified || !certificate_holder(peer, &holder, &err))
		return NULL;
	for (size_t i = 0; i < control->device_count; i++)
		if (strcmp(control->devices[i].id, holder.id) == 0)
			return &control->devices[i];
	return NULL;
}

static struct bytes bytes_or_none(const char *text)
{
	return text != NULL ? bytes_of(text) : (struct bytes){NULL, 0};
}

struct message_hello deliver_hello(
	const struct deliver_host *host, const struct session *session)
{
	const struct control_device *const known = chain_for(host, session);
	const struct control_device *const listed = listed_as(host, session);

	return (struct message_hello){
		.version = MESSAGE_VERSION,
		.software = bytes_of("courier " COURIER_VERSION),
		.crl = bytes_of(host->papers->control.crl),
		.chain = bytes_or_none(known != NULL ? known->chain : NULL),
		.time = bytes_or_none(listed != NULL ? listed->time : NULL),
	};
}
