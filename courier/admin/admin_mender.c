/*
 * The operator at a Mender server.  What is peculiar about it:
 *
 * - Accepting one set silently rejects the accepted one, but its tokens may live on in a
 *   cache: so that one is rejected first, which kills them at once.
 * - A preauthorised set can be neither accepted nor rejected, and to delete it deletes the
 *   whole device.  So it is only ever made on a device that has no set of that key.
 * - Two preauthorised sets on one device make the server fail on every look at it.
 * - A change may take effect and still be answered with 500: only what is read back
 *   counts.
 */
#include <stdlib.h>
#include <string.h>

#include "courier/admin/admin_kind.h"
#include "courier/mender_admin.h"

struct admin_of_mender {
	struct admin admin; /* first: we are handed this */
	struct mender_admin mender;
};

static struct mender_admin *mender_of(struct admin *admin)
{
	return &((struct admin_of_mender *)admin)->mender;
}

static void close_admin(struct admin *admin)
{
	mender_admin_close(mender_of(admin));
	free(admin);
}

static bool log_in(
	struct mender_admin *mender, const struct admin_login *login, struct error *err)
{
	if (login->token_file != NULL)
		return mender_admin_use_token(mender, login->token_file, err);
	if (login->user == NULL || login->password == NULL)
		return error_set(
			err, ERROR_USAGE, "needs a token file, or a name and a password");
	return mender_admin_login(mender, login->user, login->password, err);
}

static bool open_admin(const struct server_settings *settings, const struct admin_login *login,
	struct admin **out, struct error *err)
{
	CLEANUP(admin_cleanup) struct admin *admin = NULL;
	struct admin_of_mender *const opened = calloc(1, sizeof(*opened));

	if (opened == NULL)
		return error_errno(err, "cannot allocate");
	admin = &opened->admin;
	admin->kind = &admin_mender;
	if (!mender_admin_open(&opened->mender, settings, err)
		|| !log_in(&opened->mender, login, err))
		return false;
	*out = admin;
	admin = NULL;
	return true;
}

/* ---- reading ---- */

static bool each_device(struct admin *admin,
	bool (*visit)(void *self, const struct admin_device *, struct error *), void *self,
	struct error *err)
{
	size_t count = MENDER_ADMIN_PAGE;

	for (unsigned page = 1; count == MENDER_ADMIN_PAGE; page++) {
		CLEANUP(mender_page_free) struct mender_page devices = {0};

		if (!mender_admin_page(mender_of(admin), page, &devices, err))
			return false;
		count = devices.count;
		for (size_t i = 0; i < count; i++)
			if (!visit(self, &devices.at[i], err))
				return false;
	}
	return true;
}

static bool get_device(struct admin *admin, const char *id, struct admin_device *out,
	bool *found, struct error *err)
{
	return mender_admin_device(mender_of(admin), id, out, found, err);
}

static bool need_device(
	struct admin *admin, const char *id, struct admin_device *out, struct error *err)
{
	bool found = false;

	if (!get_device(admin, id, out, &found, err))
		return false;
	return found || error_set(err, ERROR_FAILED, "%s: the server has no such device", id);
}

static const struct admin_set *find_set(const struct admin_device *device, const char *id)
{
	for (size_t i = 0; i < device->set_count; i++)
		if (strcmp(device->sets[i].id, id) == 0)
			return &device->sets[i];
	return NULL;
}

/* Hand over what was read, to whoever wants it. */
static void give(struct admin_device *device, struct admin_device *after)
{
	if (after == NULL)
		return;
	*after = *device;
	*device = (struct admin_device){0};
}

static bool get_inventory(
	struct admin *admin, const char *device, struct json **out, struct error *err)
{
	return mender_admin_inventory(mender_of(admin), device, out, err);
}

static bool get_deployment(
	struct admin *admin, const char *id, struct admin_deployment *out, struct error *err)
{
	return mender_admin_deployment(mender_of(admin), id, out, err);
}

/* ---- changing the status of a set ---- */

/* Ask for STATUS, and believe only what is read back. */
static bool change(struct admin *admin, const char *id, const char *set,
	enum admin_status status, struct admin_device *after, struct error *err)
{
	CLEANUP(admin_device_free) struct admin_device device = {0};
	struct error why = {0};
	const bool done = mender_admin_set_status(mender_of(admin), id, set, status, &why);

	if (!need_device(admin, id, &device, err))
		return false;

	const struct admin_set *const found = find_set(&device, set);

	if (found != NULL && found->status == status) {
		give(&device, after);
		return true;
	}
	if (!done)
		return error_set(err, why.code, "%s", why.text);
	return error_set(err, ERROR_FAILED, "the server said yes, but the auth set is %s",
		found == NULL ? "gone" : admin_status_name(found->status));
}

/* SET of device ID; one that waits for its holder cannot be judged. */
static bool need_set(struct admin *admin, const char *id, const char *set,
	struct admin_device *device, struct error *err)
{
	if (!need_device(admin, id, device, err))
		return false;

	const struct admin_set *const found = find_set(device, set);

	if (found == NULL)
		return error_set(err, ERROR_FAILED, "%s: the device has no such auth set", set);
	if (found->status == ADMIN_PREAUTHORISED)
		return error_set(err, ERROR_FAILED,
			"%s: preauthorised: this server judges it only once its holder has "
			"asked",
			set);
	return true;
}

static bool accept_set(struct admin *admin, const char *id, const char *set,
	struct admin_device *after, struct error *err)
{
	CLEANUP(admin_device_free) struct admin_device device = {0};

	if (!need_set(admin, id, set, &device, err))
		return false;
	for (size_t i = 0; i < device.set_count; i++) {
		const struct admin_set *const other = &device.sets[i];

		if (other->status == ADMIN_ACCEPTED && strcmp(other->id, set) != 0
			&& !change(admin, id, other->id, ADMIN_REJECTED, NULL, err))
			return error_while(err, "rejecting the key accepted so far");
	}
	return change(admin, id, set, ADMIN_ACCEPTED, after, err);
}

static bool reject_set(struct admin *admin, const char *id, const char *set,
	struct admin_device *after, struct error *err)
{
	CLEANUP(admin_device_free) struct admin_device device = {0};

	return need_set(admin, id, set, &device, err)
		&& change(admin, id, set, ADMIN_REJECTED, after, err);
}

/* ---- removing a set ---- */

static bool forget_set(struct admin *admin, const char *id, const char *set,
	struct admin_device *after, struct error *err)
{
	CLEANUP(admin_device_free) struct admin_device device = {0};
	CLEANUP(admin_device_free) struct admin_device left = {0};
	struct error why = {0};
	bool found = false;

	if (!need_device(admin, id, &device, err))
		return false;

	const struct admin_set *const victim = find_set(&device, set);

	if (victim != NULL && victim->status == ADMIN_PREAUTHORISED && device.set_count > 1)
		return error_set(err, ERROR_BUSY,
			"%s: to delete a preauthorised set would delete the device, which has "
			"other keys; reject it once its holder has asked",
			set);
	const bool done
		= victim == NULL || mender_admin_delete_set(mender_of(admin), id, set, &why);

	if (!get_device(admin, id, &left, &found, err))
		return false;
	if (found && find_set(&left, set) != NULL)
		return error_set(err, done ? ERROR_FAILED : why.code, "%s",
			done ? "the server said yes, but the auth set is still there"
			     : why.text);
	give(&left, after);
	return true;
}

/* ---- preauthorising ---- */

/* The device ID has KEY now, in a way that lets it in. */
static bool check_let_in(struct admin *admin, const char *id, const struct digest *key,
	struct admin_device *after, struct error *err)
{
	CLEANUP(admin_device_free) struct admin_device device = {0};

	if (!need_device(admin, id, &device, err))
		return false;

	const struct admin_set *const set = admin_device_set(&device, key);

	if (set == NULL
		|| (set->status != ADMIN_PREAUTHORISED && set->status != ADMIN_ACCEPTED))
		return error_set(err, ERROR_FAILED, "the server said yes, but the key is %s",
			set == NULL ? "not there" : admin_status_name(set->status));
	give(&device, after);
	return true;
}

/* One more key for a device that the server knows. */
static bool add_key(struct admin *admin, const struct admin_device *device, const char *key_pem,
	const struct digest *key, struct admin_device *after, struct error *err)
{
	const struct admin_set *const other
		= admin_device_other_set(device, key, ADMIN_PREAUTHORISED);
	char none[ADMIN_ID_MAX + 1] = "";
	struct error why = {0};
	bool exists = false;

	if (other != NULL)
		return error_set(err, ERROR_BUSY,
			"another key is preauthorised for this device (auth set %s)",
			other->id);

	const bool done = mender_admin_preauthorise(
		mender_of(admin), device->id_data, key_pem, true, none, &exists, &why);

	if (check_let_in(admin, device->id, key, after, err))
		return true;
	return done || error_set(err, why.code, "%s", why.text);
}

static bool preauthorise_known(struct admin *admin, const char *id, const char *key_pem,
	const struct digest *key, struct admin_device *after, struct error *err)
{
	CLEANUP(admin_device_free) struct admin_device device = {0};

	if (!need_device(admin, id, &device, err))
		return false;
	if (device.leaving)
		return error_set(err, ERROR_FAILED, "the device is being decommissioned");

	const struct admin_set *const ours = admin_device_set(&device, key);

	if (ours == NULL)
		return add_key(admin, &device, key_pem, key, after, err);
	if (ours->status == ADMIN_PENDING || ours->status == ADMIN_REJECTED)
		return accept_set(admin, id, ours->id, after, err);
	give(&device, after); /* it may already */
	return true;
}

static bool preauthorise(struct admin *admin, const char *id_data, const char *key_pem,
	struct admin_device *after, struct error *err)
{
	CLEANUP(crypto_public_cleanup) struct crypto_public *public = NULL;
	char id[ADMIN_ID_MAX + 1] = "";
	struct digest key = {{0}};
	bool exists = false;

	if (!crypto_public_parse(bytes_of(key_pem), &public, err)
		|| !crypto_public_fingerprint(public, &key, err)
		|| !mender_admin_preauthorise(
			mender_of(admin), id_data, key_pem, false, id, &exists, err))
		return false;
	return exists ? preauthorise_known(admin, id, key_pem, &key, after, err)
		      : check_let_in(admin, id, &key, after, err);
}

const struct admin_kind admin_mender = {
	.name = "mender",
	.open = open_admin,
	.each_device = each_device,
	.device = get_device,
	.preauthorise = preauthorise,
	.accept = accept_set,
	.reject = reject_set,
	.forget = forget_set,
	.inventory = get_inventory,
	.deployment = get_deployment,
	.close = close_admin,
};
