#include <string.h>

#include "tests/fleet.h"

static bool make_issuer(struct fleet *fleet, enum certificate_role role, struct error *err)
{
	CLEANUP(crypto_public_cleanup) struct crypto_public *half = NULL;

	return crypto_key_generate(CRYPTO_ED25519, &fleet->issuer[role], err)
		&& crypto_public_of(fleet->issuer[role], &half, err)
		&& certificate_make_issuer(fleet->root, buf_bytes(&fleet->root_pem), half, role,
			FLEET_BORN, &fleet->issuer_pem[role], err);
}

bool fleet_make(struct fleet *fleet, const char *name, struct error *err)
{
	*fleet = (struct fleet){0};
	return crypto_key_generate(CRYPTO_ED25519, &fleet->root, err)
		&& certificate_make_root(fleet->root, name, FLEET_BORN, &fleet->root_pem, err)
		&& make_issuer(fleet, CERTIFICATE_COURIER, err)
		&& make_issuer(fleet, CERTIFICATE_DEVICE, err);
}

bool fleet_rotate(struct fleet *fleet, enum certificate_role role, struct error *err)
{
	crypto_key_free(fleet->issuer[role]);
	fleet->issuer[role] = NULL;
	buf_free(&fleet->issuer_pem[role]);
	return make_issuer(fleet, role, err);
}

void fleet_done(struct fleet *fleet)
{
	crypto_key_free(fleet->root);
	buf_free(&fleet->root_pem);
	for (size_t i = 0; i < COUNT(fleet->issuer); i++) {
		crypto_key_free(fleet->issuer[i]);
		buf_free(&fleet->issuer_pem[i]);
	}
	*fleet = (struct fleet){0};
}

bool fleet_member(const struct fleet *fleet, enum certificate_role role, enum crypto_kind kind,
	const char *id, const char *group, int64_t not_after, struct party *party,
	struct error *err)
{
	CLEANUP(crypto_public_cleanup) struct crypto_public *half = NULL;
	struct certificate_holder holder
		= {.role = role, .not_before = FLEET_BORN, .not_after = not_after};

	*party = (struct party){0};
	strncpy(holder.id, id, sizeof(holder.id) - 1);
	strncpy(holder.name, id, sizeof(holder.name) - 1);
	if (group != NULL)
		strncpy(holder.groups[holder.group_count++], group, CERTIFICATE_ID_MAX);
	return crypto_key_generate(kind, &party->key, err)
		&& crypto_public_of(party->key, &half, err)
		&& certificate_make_leaf(fleet->issuer[role],
			buf_bytes(&fleet->issuer_pem[role]), half, &holder, &party->pem, err)
		&& certificate_parse(buf_bytes(&party->pem), &party->chain, err);
}

bool fleet_newcomer(enum crypto_kind kind, struct party *party, struct error *err)
{
	*party = (struct party){0};
	return crypto_key_generate(kind, &party->key, err)
		&& certificate_make_uncertified(party->key, &party->pem, err)
		&& certificate_parse(buf_bytes(&party->pem), &party->chain, err);
}

void party_done(struct party *party)
{
	crypto_key_free(party->key);
	certificate_free(party->chain);
	buf_free(&party->pem);
	*party = (struct party){0};
}

struct session_identity fleet_identity(const struct fleet *fleet, const struct party *party)
{
	return (struct session_identity){party->key, party->chain, buf_bytes(&fleet->root_pem)};
}

bool fleet_meet(const struct session_identity *courier, const struct session_identity *device,
	struct session *ends[2], struct error *err)
{
	CLEANUP(buf_free) struct buf down = {0}, up = {0};

	if (!session_new(SESSION_COURIER, courier, &ends[0], &down, err)
		|| !session_new(SESSION_DEVICE, device, &ends[1], &up, err))
		return false;
	while (down.len > 0 || up.len > 0) {
		if (!session_receive(ends[1], buf_bytes(&down), &up, err))
			return false;
		down.len = 0;
		if (!session_receive(ends[0], buf_bytes(&up), &down, err))
			return false;
		up.len = 0;
	}
	return session_state(ends[0]) == SESSION_OPEN && session_state(ends[1]) == SESSION_OPEN;
}
