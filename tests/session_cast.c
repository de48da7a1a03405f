#include <openssl/x509v3.h>
#include <stdlib.h>

#include "tests/session_cast.h"
#include "tests/test.h"

enum { FOREVER = INT32_MAX };

/* Copy the extension NID of FROM over TO's. */
static bool graft(X509 *to, X509 *from, int nid)
{
	X509_EXTENSION *const old = X509_delete_ext(to, X509_get_ext_by_NID(to, nid, -1));
	const bool ok = old != NULL
		&& X509_add_ext(to, X509_get_ext(from, X509_get_ext_by_NID(from, nid, -1)), -1)
			== 1;

	X509_EXTENSION_free(old);
	return ok;
}

/* The courier's own certificate, but signed by whoever signed the device's: what a
 * stolen device issuer could make. */
static bool forge(const struct cast *cast, struct party *forged, struct error *err)
{
	X509 *const device = certificate_x509(cast->device.chain, 0);
	X509 *const leaf = X509_dup(certificate_x509(cast->courier.chain, 0));
	STACK_OF(X509) *const stack = sk_X509_new_null();
	const bool ok = leaf != NULL && stack != NULL
		&& X509_set_issuer_name(leaf, X509_get_issuer_name(device)) == 1
		&& graft(leaf, device, NID_authority_key_identifier)
		&& X509_sign(leaf, crypto_key_pkey(cast->ours.issuer[CERTIFICATE_DEVICE]), NULL)
			> 0
		&& sk_X509_push(stack, certificate_x509(cast->device.chain, 1)) > 0
		&& certificate_from_x509(leaf, stack, &forged->chain, err);

	sk_X509_free(stack);
	X509_free(leaf);
	return ok;
}

int make_cast(void **state)
{
	struct cast *const cast = calloc(1, sizeof(*cast));
	struct error err = {0};

	*state = cast;
	if (cast == NULL || !fleet_make(&cast->ours, "ours", &err)
		|| !fleet_make(&cast->theirs, "theirs", &err))
		return -1;

	const struct {
		const struct fleet *fleet;
		enum certificate_role role;
		enum crypto_kind kind;
		const char *id;
		int64_t not_after;
		struct party *party;
	} members[] = {
		{&cast->ours, CERTIFICATE_COURIER, CRYPTO_ED25519, "c1", FOREVER,
			&cast->courier},
		{&cast->theirs, CERTIFICATE_COURIER, CRYPTO_ED25519, "c1", FOREVER,
			&cast->stranger_courier},
		{&cast->ours, CERTIFICATE_COURIER, CRYPTO_ED25519, "c2", FLEET_BORN + 1,
			&cast->expired_courier},
		{&cast->ours, CERTIFICATE_DEVICE, CRYPTO_ED25519, "d1", FOREVER, &cast->device},
		{&cast->theirs, CERTIFICATE_DEVICE, CRYPTO_ED25519, "d1", FOREVER,
			&cast->stranger_device},
		{&cast->ours, CERTIFICATE_DEVICE, CRYPTO_P256, "d2", FOREVER,
			&cast->tpm_device},
		{&cast->ours, CERTIFICATE_DEVICE, CRYPTO_ED25519, "d3", FOREVER,
			&cast->impostor},
	};

	for (size_t i = 0; i < COUNT(members); i++)
		if (!fleet_member(members[i].fleet, members[i].role, members[i].kind,
			    members[i].id, NULL, members[i].not_after, members[i].party,
			    &err)) {
			print_error("%s: %s\n", members[i].id, err.text);
			return -1;
		}
	return fleet_newcomer(CRYPTO_ED25519, &cast->newcomer, &err)
			&& forge(cast, &cast->forged, &err)
		? 0
		: -1;
}

int end_cast(void **state)
{
	struct cast *const cast = *state;
	struct party *const parties[] = {&cast->courier, &cast->stranger_courier,
		&cast->expired_courier, &cast->device, &cast->stranger_device,
		&cast->tpm_device, &cast->newcomer, &cast->impostor};

	for (size_t i = 0; i < COUNT(parties); i++)
		party_done(parties[i]);
	certificate_free(cast->forged.chain);
	fleet_done(&cast->ours);
	fleet_done(&cast->theirs);
	free(cast);
	return 0;
}

void pair_done(struct pair *pair)
{
	for (int i = 0; i < ENDS; i++) {
		session_free(pair->end[i]);
		buf_free(&pair->to[i]);
	}
}

void start(struct pair *pair, const struct fleet *courier_fleet, const struct party *courier,
	const struct fleet *device_fleet, const struct party *device)
{
	const struct session_identity who[ENDS] = {
		fleet_identity(courier_fleet, courier), fleet_identity(device_fleet, device)};
	struct error err = {0};

	MUST(session_new(
		SESSION_COURIER, &who[COURIER], &pair->end[COURIER], &pair->to[DEVICE], &err));
	MUST(session_new(
		SESSION_DEVICE, &who[DEVICE], &pair->end[DEVICE], &pair->to[COURIER], &err));
}

/* Give END what is on its way to it. */
static void deliver(struct pair *pair, int end)
{
	CLEANUP(buf_free) struct buf bytes = pair->to[end];

	pair->to[end] = (struct buf){0};
	if (pair->bit != 0 && pair->spoil >= pair->carried
		&& pair->spoil < pair->carried + bytes.len)
		bytes.at[pair->spoil - pair->carried] ^= pair->bit;
	pair->carried += bytes.len;
	if (session_state(pair->end[end]) == SESSION_OVER)
		return;
	if (!session_receive(
		    pair->end[end], buf_bytes(&bytes), &pair->to[!end], &pair->why[end]))
		pair->failed[end] = true;
}

void talk(struct pair *pair)
{
	while (pair->to[COURIER].len > 0 || pair->to[DEVICE].len > 0) {
		deliver(pair, DEVICE);
		deliver(pair, COURIER);
	}
}

bool both_open(const struct pair *pair)
{
	return session_state(pair->end[COURIER]) == SESSION_OPEN
		&& session_state(pair->end[DEVICE]) == SESSION_OPEN;
}

void say(struct pair *pair, int end, const char *text)
{
	struct error err = {0};

	MUST(session_send(pair->end[end], bytes_of(text), &pair->to[!end], &err));
	talk(pair);
}

void assert_heard(struct pair *pair, int end, const char *text)
{
	struct bytes message = {0};

	assert_true(session_message(pair->end[end], &message));
	assert_true(bytes_equal(message, bytes_of(text)));
}
