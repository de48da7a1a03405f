/*
 * mender_courier.h - a courier at a Mender server, in the name of a device of its own for
 * each test.  Every function fails the test when it fails, unless it returns bool.
 */
#ifndef TESTS_MENDER_COURIER_H
#define TESTS_MENDER_COURIER_H

#include "courier/server.h"

#define AUTH "POST /api/devices/v1/authentication/auth_requests"
#define NEXT_V2 "/api/devices/v2/deployments/device/deployments/next"
#define NEXT_V1 "/api/devices/v1/deployments/device/deployments/next"
#define ARTIFACT_PATH "/mender-artifact-storage/"

enum { ARTIFACT_SIZE = 300000 /* bytes of payload, which do not compress */ };

struct courier {
	struct server_settings settings;
	struct crypto_key *key;
	struct server *server;
	struct server_device device;
	struct artifact_pairs provides;
	char id_data[128], serial[16], artifact[32];
	char deployment[128];
};

/* For cmocka: *STATE is a struct courier * that the server does not know yet.  Afterwards
 * the server's faults, clock and settings are as they were. */
int courier_set_up(void **state);
int courier_tear_down(void **state);

#define COURIER_TEST(name)                                                                     \
	cmocka_unit_test_setup_teardown(name, courier_set_up, courier_tear_down)

/* Ask once, so that the server knows us, and let the operator accept. */
void courier_accepted(struct courier *);
/* Make an artifact and a deployment of it to this device. */
void courier_deploy(struct courier *);
/* next(), which must find something; FROZEN may be NULL. */
void courier_ask(struct courier *, const char *frozen, struct server_assignment *);
/* All three. */
void courier_assigned(struct courier *, struct server_assignment *);

/* fetch() to the end of CONTENT, from its end on. */
NODISCARD bool courier_fetch(struct courier *, const struct server_assignment *,
	struct buf *content, struct error *);
/* CONTENT is, byte for byte, the file that the server keeps. */
void courier_check_artifact(const struct server_assignment *, const struct buf *content);
NODISCARD bool courier_report_inventory(struct courier *, struct error *);

/* What the server tells an operator about the device; the caller frees *DOCUMENT. */
const struct json *courier_look(struct courier *, struct json **document);
/* The status of the device's only deployment. */
void courier_check_status(struct courier *, const char *status);

#endif
