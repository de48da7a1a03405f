/*
 * enrol.h - at the server, on behalf of couriers: who has which key, what a new
 * one displaces, and what couriers left in inventories.
 */
#ifndef COURIER_ADMIN_ENROL_H
#define COURIER_ADMIN_ENROL_H

#include "courier/admin/admin_command.h"
#include "courier/admin/admin_kind.h"
#include "courier/admin/bundle.h"
#include "courier/admin/device_request.h"

enum { ENROL_COURIERS_MAX = 1024 };

/* How to reach the server, as options say it. */
struct enrol_access {
	const char *kind, *url, *ca, *proxy;
	const char *token_file; /* or */
	const char *login_file; /* two lines: user, password; or */
	const char *user;       /* and a prompt */
};

/* Log in. */
NODISCARD bool enrol_open(const struct enrol_access *, struct admin **, struct error *);

/* All devices of the server, as they were when read. */
struct enrol_devices {
	struct admin_device *at;
	size_t count, room;
};

void enrol_devices_free(struct enrol_devices *);
NODISCARD bool enrol_devices_read(struct admin *, struct enrol_devices *, struct error *);
/* Borrowed; NULL: the server knows none of that identity. */
const struct admin_device *enrol_devices_find(
	const struct enrol_devices *, const char *identity);

/* Which courier has which server key. */
struct enrol_keys {
	struct {
		char courier[CERTIFICATE_ID_MAX + 1];
		struct digest server;
	} at[ENROL_COURIERS_MAX];
	size_t count;
};

NODISCARD bool enrol_keys_read(const struct authority *, struct enrol_keys *, struct error *);
/* "courier bert", or "key 0123456789abcdef": into TEXT. */
void enrol_key_name(const struct enrol_keys *, const char *key_pem,
	char text[static CERTIFICATE_ID_MAX + 16]);

/* An auth set that had to give way. */
struct enrol_displaced {
	char set[ADMIN_ID_MAX + 1];
	char holder[CERTIFICATE_ID_MAX + 16];
	enum admin_status was;
};

enum { ENROL_DISPLACED_MAX = 8 };

struct enrol_result {
	char device[ADMIN_ID_MAX + 1]; /* the server's own id */
	enum admin_status status;      /* of the courier's key, now */
	bool changed;
	struct enrol_displaced displaced[ENROL_DISPLACED_MAX];
	size_t displaced_count;
};

/* What would have to give way for RECORD's key to speak for DEVICE (NULL: nobody). */
void enrol_displaces(const struct admin_device *, const struct courier_record *,
	const struct enrol_keys *, struct enrol_result *);

/*
 * Let the courier's server key speak for IDENTITY; DEVICE is what the server has of it,
 * NULL if nothing.  What is accepted or preauthorised for another key is explicitly
 * ended first (reference of Mender: to be displaced is not to be revoked).  Doing it
 * again changes nothing.
 */
NODISCARD bool enrol_delegate(struct admin *, const char *identity, const struct admin_device *,
	const struct courier_record *, const struct enrol_keys *, struct enrol_result *,
	struct error *);

/* The frozen request a courier left in the inventory of DEVICE (attribute courier_next), into
 * the device of a bundle.  What is there and cannot be read counts as nothing. */
NODISCARD bool enrol_take_next(struct admin *, const char *device, struct control_device *,
	bool *changed, struct error *);

/* A text attribute of an inventory; NULL if there is none.  Borrowed. */
const char *enrol_attribute(const struct json *inventory, const char *name);

/* {"courier":"ID"}: what the courier itself is called at the server. */
NODISCARD bool enrol_courier_identity(
	const char *courier, char text[static CERTIFICATE_ID_MAX + 16], struct error *);

#endif
