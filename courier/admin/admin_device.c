#include <stdlib.h>

#include "courier/admin/admin_kind.h"

const char *admin_status_name(enum admin_status status)
{
	static const char *const names[] = {
		[ADMIN_NO_SETS] = "none",
		[ADMIN_REJECTED] = "rejected",
		[ADMIN_PENDING] = "pending",
		[ADMIN_PREAUTHORISED] = "preauthorised",
		[ADMIN_ACCEPTED] = "accepted",
	};

	return names[status];
}

void admin_device_free(struct admin_device *device)
{
	for (size_t i = 0; i < device->set_count; i++)
		free(device->sets[i].key_pem);
	free(device->sets);
	free(device->id_data);
	*device = (struct admin_device){0};
}

/* A key we could not use ourselves (another curve, say) is nobody's we know. */
static bool has_key(const struct admin_set *set, const struct digest *fingerprint)
{
	CLEANUP(crypto_public_cleanup) struct crypto_public *key = NULL;
	struct digest found = {{0}};
	struct error err = {0};

	return crypto_public_parse(bytes_of(set->key_pem), &key, &err)
		&& crypto_public_fingerprint(key, &found, &err)
		&& digest_equal(&found, fingerprint);
}

const struct admin_set *admin_device_set(
	const struct admin_device *device, const struct digest *fingerprint)
{
	for (size_t i = 0; i < device->set_count; i++)
		if (has_key(&device->sets[i], fingerprint))
			return &device->sets[i];
	return NULL;
}

const struct admin_set *admin_device_other_set(const struct admin_device *device,
	const struct digest *fingerprint, enum admin_status status)
{
	for (size_t i = 0; i < device->set_count; i++)
		if (device->sets[i].status == status && !has_key(&device->sets[i], fingerprint))
			return &device->sets[i];
	return NULL;
}
