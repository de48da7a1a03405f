#include <stdlib.h>
#include <unistd.h>

#include "common/file.h"
#include "device-link/agent/judge.h"
#include "device-link/agent/trust.h"
#include "device-link/message.h"

enum { CRL_PEM_MAX = CERTIFICATE_CRL_MAX * 2, PUBLIC_PEM_MAX = 16384 };

/* ---- own key and certificate ---- */

static bool load_key(
	const struct agent_settings *settings, struct trust *trust, struct error *err)
{
	char path[PATH_MAX];

	if (!file_make_directory(settings->state, 0700, err)
		|| !agent_settings_fact(settings, "key.pem", path, err))
		return false;
	if (access(path, F_OK) != 0
		&& (!crypto_key_generate(CRYPTO_ED25519, &trust->key, err)
			|| !crypto_key_save(trust->key, path, NULL, err)))
		return false;
	if (trust->key == NULL && !crypto_key_load(path, NULL, &trust->key, err))
		return false;
	return crypto_public_of(trust->key, &trust->half, err)
		&& crypto_public_fingerprint(trust->half, &trust->fingerprint, err);
}

static bool is_of_key(
	const struct certificate *chain, const struct trust *trust, struct error *err)
{
	CLEANUP(crypto_public_cleanup) struct crypto_public *half = NULL;
	struct digest fingerprint;

	if (!certificate_public(chain, &half, err)
		|| !crypto_public_fingerprint(half, &fingerprint, err))
		return false;
	return digest_equal(&fingerprint, &trust->fingerprint)
		|| error_set(err, ERROR_USAGE, "the certificate is not for this device's key");
}

bool trust_load_own(const struct agent_settings *settings, struct trust *out, struct error *err)
{
	CLEANUP(trust_free) struct trust trust = {0};
	CLEANUP(buf_free) struct buf pem = {0};
	char path[PATH_MAX];

	if (!load_key(settings, &trust, err)
		|| !agent_settings_fact(settings, "certificate.pem", path, err)
		|| !file_read(path, CERTIFICATE_PEM_MAX, &pem, &trust.certified, err))
		return false;
	if (!trust.certified && !certificate_make_uncertified(trust.key, &pem, err))
		return false;
	if (!certificate_parse(buf_bytes(&pem), &trust.chain, err)
		|| !is_of_key(trust.chain, &trust, err)
		|| !certificate_holder(trust.chain, &trust.holder, err))
		return error_while(err, "%s", path);
	*out = trust;
	trust = (struct trust){0};
	return true;
}

/* ---- the fleet ---- */

static bool load_root(
	const struct agent_settings *settings, struct trust *trust, struct error *err)
{
	char path[PATH_MAX];
	bool found = false;

	if (!agent_settings_fact(settings, "root.pem", path, err)
		|| !file_read(path, CERTIFICATE_PEM_MAX, &trust->root, &found, err))
		return false;
	if (!found)
		return error_set(err, ERROR_USAGE,
			"%s: missing: copy the bundle of courier-admin provision to %s", path,
			settings->state);
	if (trust->certified
		&& !certificate_verify(
			trust->chain, buf_bytes(&trust->root), CERTIFICATE_DEVICE, err))
		return error_while(err, "this device's certificate");
	return true;
}

static void use_crl(struct trust *trust, struct certificate_crl *crl)
{
	certificate_crl_free(trust->crl);
	trust->crl = crl;
}

/* What lies on the disk must not be older than what was seen; else it is not used, now or
 * at the next visit. */
static bool use_own_crl(struct trust *trust, struct certificate_crl *crl, struct marks *marks,
	struct error *err)
{
	const int64_t number = certificate_crl_number(crl);

	if (number < marks->crl) {
		certificate_crl_free(crl);
		return error_set(err, ERROR_ROLLBACK,
			"revocation list number %lld, but this device has seen %lld: restore "
			"it",
			(long long)number, (long long)marks->crl);
	}
	use_crl(trust, crl);
	marks->crl = number;
	if (marks->floor == 0)
		marks->floor = judge_floor(0, certificate_crl_this_update(crl));
	return true;
}

static bool load_crl(const struct agent_settings *settings, struct marks *marks,
	struct trust *trust, struct error *err)
{
	CLEANUP(buf_free) struct buf issuer = {0};
	char path[PATH_MAX], issuer_path[PATH_MAX];
	bool found = false, with_issuer = false;
	struct certificate_crl *crl = NULL;
	struct error unknown = {0};

	if (!agent_settings_fact(settings, "crl.pem", path, err)
		|| !agent_settings_fact(settings, "crl-issuer.pem", issuer_path, err)
		|| !file_read(path, CRL_PEM_MAX, &trust->crl_pem, &found, err)
		|| !file_read(issuer_path, CERTIFICATE_PEM_MAX, &issuer, &with_issuer, err))
		return false;
	if (!found)
		return error_set(err, ERROR_USAGE,
			"%s: missing: copy the bundle of courier-admin provision to %s", path,
			settings->state);
	/* Without its issuer it waits for the first courier, whose chain has it. */
	if (!certificate_crl_parse(buf_bytes(&trust->crl_pem), buf_bytes(&issuer),
		    buf_bytes(&trust->root), &crl, &unknown))
		return true;
	return use_own_crl(trust, crl, marks, err) || error_while(err, "%s", path);
}

static bool load_artifact_key(const char *path, struct trust *trust, struct error *err)
{
	CLEANUP(buf_free) struct buf pem = {0};

	if (!file_read(path, PUBLIC_PEM_MAX, &pem, NULL, err))
		return false;
	if (!crypto_public_parse(buf_bytes(&pem), &trust->keys[trust->key_count], err))
		return error_while(err, "%s", path);
	trust->key_count++;
	return true;
}

static bool load_artifact_keys(
	const struct agent_settings *settings, struct trust *trust, struct error *err)
{
	trust->keys = calloc(settings->artifact_key_count + 1, sizeof(struct crypto_public *));
	if (trust->keys == NULL)
		return error_errno(err, "cannot allocate keys");
	for (size_t i = 0; i < settings->artifact_key_count; i++)
		if (!load_artifact_key(settings->artifact_keys[i], trust, err))
			return false;
	return true;
}

bool trust_load_fleet(const struct agent_settings *settings, struct marks *marks,
	struct trust *trust, struct error *err)
{
	return load_root(settings, trust, err) && load_crl(settings, marks, trust, err)
		&& load_artifact_keys(settings, trust, err);
}

void trust_free(struct trust *trust)
{
	crypto_key_free(trust->key);
	crypto_public_free(trust->half);
	certificate_free(trust->chain);
	buf_free(&trust->root);
	buf_free(&trust->crl_pem);
	certificate_crl_free(trust->crl);
	for (size_t i = 0; i < trust->key_count; i++)
		crypto_public_free(trust->keys[i]);
	free(trust->keys);
	*trust = (struct trust){0};
}

const char *trust_group(const struct agent_settings *settings, const struct trust *trust)
{
	if (settings->group != NULL)
		return settings->group;
	return trust->certified && trust->holder.group_count > 0 ? trust->holder.groups[0]
								 : NULL;
}

/* ---- what couriers bring ---- */

/* LIST and, in the same file, the chain of COURIER that vouches for it: a cut leaves the old
 * pair or the new one. */
static bool join(struct bytes list, const struct certificate *courier, struct buf *joined,
	struct error *err)
{
	const bool ends = list.len > 0 && list.at[list.len - 1] == '\n';

	return buf_append(joined, list, err)
		&& buf_append(joined, bytes_of(ends ? "" : "\n"), err)
		&& certificate_pem(courier, joined, err);
}

/* JOINED goes to the disk.  An issuer of its own file is what former versions had. */
static bool keep_crl(const struct agent_settings *settings, struct trust *trust,
	struct buf *joined, struct error *err)
{
	char path[PATH_MAX], issuer_path[PATH_MAX];

	if (!agent_settings_fact(settings, "crl.pem", path, err)
		|| !agent_settings_fact(settings, "crl-issuer.pem", issuer_path, err)
		|| !file_replace(path, buf_bytes(joined), 0600, err)
		|| !file_remove(issuer_path, err))
		return false;
	buf_free(&trust->crl_pem);
	trust->crl_pem = *joined;
	*joined = (struct buf){0};
	return true;
}

bool trust_know_crl(struct trust *trust, const struct agent_settings *settings,
	const struct certificate *courier, struct marks *marks, struct error *why,
	struct error *err)
{
	CLEANUP(buf_free) struct buf joined = {0};
	struct certificate_crl *crl = NULL;

	if (trust->crl != NULL)
		return true;
	if (!join(buf_bytes(&trust->crl_pem), courier, &joined, err))
		return false;
	if (!certificate_crl_parse(
		    buf_bytes(&joined), (struct bytes){0}, buf_bytes(&trust->root), &crl, why)
		|| !use_own_crl(trust, crl, marks, why))
		return !error_while(why, "this device's revocation list");
	return keep_crl(settings, trust, &joined, err);
}

bool trust_take_crl(struct trust *trust, const struct agent_settings *settings,
	const struct certificate *courier, struct bytes bytes, struct marks *marks, bool *taken,
	struct error *why, struct error *err)
{
	CLEANUP(certificate_crl_cleanup) struct certificate_crl *crl = NULL;
	CLEANUP(buf_free) struct buf joined = {0};

	*taken = false;
	if (bytes.len == 0)
		return true;
	if (!join(bytes, courier, &joined, err))
		return false;
	/* As it will be read again. */
	if (!certificate_crl_parse(
		    buf_bytes(&joined), (struct bytes){0}, buf_bytes(&trust->root), &crl, why))
		return true;
	if (certificate_crl_number(crl) < marks->crl
		|| (certificate_crl_number(crl) == marks->crl && trust->crl != NULL))
		return true;
	if (!keep_crl(settings, trust, &joined, err))
		return false;
	marks->crl = certificate_crl_number(crl);
	marks->floor = judge_floor(marks->floor, certificate_crl_this_update(crl));
	use_crl(trust, crl);
	crl = NULL;
	*taken = true;
	return true;
}

bool trust_revoked(const struct trust *trust, const struct certificate *courier)
{
	return trust->crl == NULL || certificate_crl_revokes(trust->crl, courier);
}

/* Is CHAIN a better certificate of this device than the one it has? */
static bool is_ours(const struct trust *trust, const struct certificate *chain,
	const struct digest *identity, struct error *err)
{
	struct certificate_holder holder;

	if (!certificate_verify(chain, buf_bytes(&trust->root), CERTIFICATE_DEVICE, err)
		|| !certificate_holder(chain, &holder, err) || !is_of_key(chain, trust, err))
		return false;
	if (holder.has_identity && !digest_equal(&holder.identity, identity))
		return error_set(err, ERROR_WRONG_DEVICE,
			"the new certificate is for another identity than this device's");
	if (trust->certified && holder.not_before < trust->holder.not_before)
		return error_set(err, ERROR_ROLLBACK, "the new certificate is the older one");
	return true;
}

static bool is_the_same(const struct trust *trust, const struct certificate *chain, bool *same,
	struct error *err)
{
	struct digest ours, theirs;

	if (!certificate_fingerprint(trust->chain, &ours, err)
		|| !certificate_fingerprint(chain, &theirs, err))
		return false;
	*same = digest_equal(&ours, &theirs);
	return true;
}

bool trust_take_chain(const struct trust *trust, const struct agent_settings *settings,
	struct bytes pem, const struct digest *identity, bool *taken, struct error *why,
	struct error *err)
{
	CLEANUP(certificate_cleanup) struct certificate *chain = NULL;
	char path[PATH_MAX];
	bool same = false;

	*taken = false;
	if (pem.len == 0)
		return true;
	if (!certificate_parse(pem, &chain, why) || !is_the_same(trust, chain, &same, why)
		|| same || !is_ours(trust, chain, identity, why))
		return true;
	*taken = true;
	return agent_settings_fact(settings, "certificate.pem", path, err)
		&& file_replace(path, pem, 0600, err);
}
