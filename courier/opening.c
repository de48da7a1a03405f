#include "courier/opening.h"

bool opening_store(const struct settings *settings, const struct unlock *unlock,
	struct store **out, struct error *err)
{
	CLEANUP(store_cleanup) struct store *store = NULL;
	PASSPHRASE passphrase = {{0}};
	bool found = false, done = false;

	if (!store_exists(settings->home))
		return error_set(err, ERROR_USAGE,
			"there is no store in %s: make one with `courier init`",
			settings->home);
	if (settings->remember_s > 0
		&& !store_open_remembered(settings->home, &store, &found, err))
		return false;
	if (!found
		&& (!passphrase_get(unlock, "passphrase", &passphrase, err)
			|| !store_open(settings->home, &passphrase, &store, err)))
		return false;
	if (settings->remember_s > 0
		&& !store_remember(store, (unsigned)settings->remember_s, &done, err))
		return false;
	*out = store;
	store = NULL;
	return true;
}

bool opening_key(struct store *store, enum store_secret which, struct crypto_key **out,
	struct error *err)
{
	SECRET seed = {{0}};

	if (store_get_secret(store, which, &seed, err))
		return crypto_key_from_seed(&seed, out, err);
	if (err->code != ERROR_NOTHING)
		return false;
	return error_set(
		err, ERROR_USAGE, "the store has no keys yet: finish with `courier init`");
}
