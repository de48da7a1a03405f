#include <errno.h>
#include <keyutils.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "courier/store_keyring.h"

/* In the kernel: both keys, one after the other. */
struct payload {
	struct secret acting, reports;
};

static void payload_wipe(struct payload *payload)
{
	secret_wipe_bytes(payload, sizeof(*payload));
}

#define PAYLOAD CLEANUP(payload_wipe) struct payload

/* No such facility, not allowed here, no room left, or simply no such key (any more). */
static bool is_answer(int why)
{
	static const int answers[] = {ENOSYS, EPERM, EACCES, EDQUOT, ENOKEY, EKEYEXPIRED,
		EKEYREVOKED, EKEYREJECTED, EOPNOTSUPP};

	for (size_t i = 0; i < COUNT(answers); i++)
		if (why == answers[i])
			return true;
	return false;
}

static void path_free(char **path)
{
	free(*path);
}

bool keyring_name(const char *home, const uint8_t id[static STORE_ID_SIZE],
	char name[static KEYRING_NAME], struct error *err)
{
	CLEANUP(path_free) char *real = realpath(home, NULL);
	CLEANUP(crypto_hash_cleanup) struct crypto_hash *hash = NULL;
	char text[DIGEST_TEXT];
	struct digest digest;

	if (real == NULL)
		return error_errno(err, "cannot tell where the store is");
	if (!crypto_hash_new(&hash, err)
		|| !crypto_hash_add(hash, (struct bytes){id, STORE_ID_SIZE}, err)
		|| !crypto_hash_add(hash, bytes_of(real), err)
		|| !crypto_hash_peek(hash, &digest, err))
		return false;
	digest_text(&digest, text);
	(void)snprintf(name, KEYRING_NAME, "courier:%.32s", text);
	return true;
}

static bool remove_key(const char *name, bool *done, struct error *err)
{
	const long key = keyctl_search(KEY_SPEC_USER_KEYRING, "user", name, 0);

	if (key >= 0 && keyctl_revoke((key_serial_t)key) == 0)
		(void)keyctl_unlink((key_serial_t)key, KEY_SPEC_USER_KEYRING);
	else if (key >= 0 || !is_answer(errno))
		return error_errno(err, "cannot remove the keys from the kernel's keyring");
	*done = true;
	return true;
}

/* It gets its end before anybody but this process can see it, then its name. */
static bool add(const char *name, const struct payload *payload, unsigned timeout_s)
{
	const key_perm_t perm = KEY_POS_ALL | KEY_USR_VIEW | KEY_USR_READ | KEY_USR_SEARCH
		| KEY_USR_WRITE | KEY_USR_SETATTR;
	const key_serial_t key
		= add_key("user", name, payload, sizeof(*payload), KEY_SPEC_PROCESS_KEYRING);

	return key >= 0 && keyctl_set_timeout(key, timeout_s) == 0
		&& keyctl_setperm(key, perm) == 0
		&& keyctl_link(key, KEY_SPEC_USER_KEYRING) == 0;
}

static bool refused(bool *done, struct error *err)
{
	if (!is_answer(errno))
		return error_errno(err, "cannot use the kernel's keyring");
	*done = false;
	return true;
}

bool keyring_put(const char *name, const struct secret *acting, const struct secret *reports,
	unsigned timeout_s, bool *done, struct error *err)
{
	PAYLOAD payload = {*acting, *reports};

	if (timeout_s == 0)
		return remove_key(name, done, err);
	if (!add(name, &payload, timeout_s))
		return refused(done, err);
	*done = true;
	return true;
}

bool keyring_get(const char *name, struct secret *acting, struct secret *reports, bool *found,
	struct error *err)
{
	const long key = keyctl_search(KEY_SPEC_USER_KEYRING, "user", name, 0);
	PAYLOAD payload = {{{0}}, {{0}}};

	if (key < 0)
		return refused(found, err);

	const long got = keyctl_read((key_serial_t)key, (char *)&payload, sizeof(payload));

	if (got < 0)
		return refused(found, err);
	*found = got == (long)sizeof(payload);
	if (*found) {
		*acting = payload.acting;
		*reports = payload.reports;
	}
	return true;
}
