/*
 * mender_office.h - an operator at a Mender server, and those who hold a key for the same
 * device: the device itself, and couriers.  Every function fails the test when it fails,
 * unless it returns bool.
 */
#ifndef TESTS_MENDER_OFFICE_H
#define TESTS_MENDER_OFFICE_H

#include "courier/admin/admin_kind.h"

enum { HOLDERS = 3 };

/* Somebody with a key: a courier, or the device itself. */
struct holder {
	struct crypto_key *key;
	struct digest fingerprint;
	char pem[256];
	struct server *server;
	struct server_device device;
};

struct office {
	struct server_settings settings;
	struct admin *admin;
	struct holder holders[HOLDERS];
	char id_data[128];
};

/* For cmocka: *STATE is a struct office * whose device the server does not know yet. */
int office_set_up(void **state);
int office_tear_down(void **state);

#define OFFICE_TEST(name) cmocka_unit_test_setup_teardown(name, office_set_up, office_tear_down)

/* Preauthorise the holder's key; AFTER is freed first. */
void office_preauthorise(struct office *, const struct holder *, struct admin_device *after);

/* Can the holder log in?  Its token is forgotten. */
bool holder_may_enter(struct holder *);
/* Does the server take its report?  Logs in if it has no token. */
NODISCARD bool holder_is_served(struct holder *, struct error *);
/* Its auth set's id, which must be there, and status. */
const char *holder_set(const struct admin_device *, const struct holder *);
enum admin_status holder_status(const struct admin_device *, const struct holder *);

#endif
