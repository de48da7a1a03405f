/*
 * record.h - what the authority remembers of each courier and each device.
 *
 *	couriers/ID/courier.json      technician, groups, number of the last control bundle
 *	couriers/ID/request.pem       its request and its server key, as it wrote them
 *	couriers/ID/certificate.pem   the newest chain
 *	couriers/ID/ID.control        the newest control bundle: also where its devices are
 *	devices/ID/device.json        identity, type, labels, fingerprint of the key
 *	devices/ID/certificate.pem    the newest chain
 *	devices/ID/KEY.pem            the chain of each key it had, KEY the fingerprint
 */
#ifndef COURIER_ADMIN_RECORD_H
#define COURIER_ADMIN_RECORD_H

#include "common/statement.h"
#include "courier/admin/authority.h"

struct courier_record {
	char id[CERTIFICATE_ID_MAX + 1];
	char technician[CERTIFICATE_NAME_MAX + 1];
	char groups[CERTIFICATE_GROUPS_MAX][CERTIFICATE_ID_MAX + 1];
	size_t group_count;
	uint64_t number;           /* of the last control bundle; 0: none yet */
	struct crypto_public *key; /* of the certificate */
	char *server_key;          /* PEM */
	struct digest server;      /* its fingerprint */
	struct buf request, chain; /* PEM; the chain empty before the first certificate */
};

void courier_record_free(struct courier_record *); /* caller's memory; zero is fine */

/* Take the request a courier wrote: PKCS#10, then the server's public key, both PEM.  Fills
 * key, server_key, server and request. */
NODISCARD bool courier_record_take_request(
	struct courier_record *, struct bytes pem, struct error *);
NODISCARD bool courier_record_read(const struct authority *, const char *id,
	struct courier_record *, bool *found, struct error *);
/* The same; ERROR_USAGE when there is none, with those there are. */
NODISCARD bool courier_record_need(
	const struct authority *, const char *id, struct courier_record *, struct error *);
NODISCARD bool courier_record_write(
	const struct authority *, const struct courier_record *, struct error *);
/* Call VISIT with the id of each courier, sorted. */
NODISCARD bool courier_record_each(const struct authority *,
	bool (*visit)(void *self, const char *id, struct error *), void *self, struct error *);

struct device_record {
	char id[CERTIFICATE_ID_MAX + 1];
	char group[CERTIFICATE_ID_MAX + 1]; /* empty: none */
	char *identity;                     /* canonical id_data */
	struct digest key;
	struct buf chain; /* PEM */
};

void device_record_free(struct device_record *); /* caller's memory; zero is fine */
NODISCARD bool device_record_read(const struct authority *, const char *id,
	struct device_record *, bool *found, struct error *);
NODISCARD bool device_record_write(
	const struct authority *, const struct device_record *, struct error *);
/* Call VISIT with each device on record, sorted by id. */
NODISCARD bool device_record_each(const struct authority *,
	bool (*visit)(void *self, const struct device_record *, struct error *), void *self,
	struct error *);
/* The chain certified for KEY, whichever device has or had it; *FOUND false: none. */
NODISCARD bool device_record_find_key(const struct authority *, const struct digest *key,
	struct buf *pem, bool *found, struct error *);

/*
 * Certify KEY for the device RECORD names (id, group, identity), for DAYS (0: without end), and
 * remember it: fills key and chain.  Nothing is issued when that very key was certified
 * for the same id, group and identity before.  A device whose key is another is ERROR_BUSY
 * unless REPLACE.
 */
NODISCARD bool device_record_certify(struct authority *, const struct crypto_key *issuer,
	const struct crypto_public *key, int64_t days, bool replace, struct device_record *,
	struct error *);

#endif
