#include <openssl/err.h>

#include "common/certificate_openssl.h"

enum { AUTH_LEVEL = 2 /* of OpenSSL: 112 bits */ };

/* The certificates of the chain as OpenSSL wants them; owned by the chain. */
static void drop_stack(STACK_OF(X509) * *stack)
{
	sk_X509_free(*stack);
}

bool certificate_read_root(struct bytes pem, struct certificate **out, struct error *err)
{
	CLEANUP(certificate_cleanup) struct certificate *root = NULL;

	if (!certificate_parse(pem, &root, err))
		return error_while(err, "fleet root");
	if (root->count != 1 || X509_self_signed(root->chain[0], 1) != 1)
		return crypto_fail(
			err, ERROR_MALFORMED, "fleet root: not one self-signed certificate");
	if (!certificate_follows_root(root->chain[0], err))
		return error_while(err, "fleet root");
	*out = root;
	root = NULL;
	return true;
}

static bool prepare(X509_STORE_CTX *ctx, X509_STORE *store, X509 *subject, X509 *root,
	STACK_OF(X509) * others, int purpose)
{
	if (X509_STORE_add_cert(store, root) != 1
		|| X509_STORE_CTX_init(ctx, store, subject, others) != 1)
		return false;

	X509_VERIFY_PARAM *const param = X509_STORE_CTX_get0_param(ctx);

	X509_VERIFY_PARAM_set_auth_level(param, AUTH_LEVEL);
	return X509_VERIFY_PARAM_set_flags(
		       param, X509_V_FLAG_NO_CHECK_TIME | X509_V_FLAG_X509_STRICT)
		== 1
		&& (purpose == 0 || X509_STORE_CTX_set_purpose(ctx, purpose) == 1);
}

/* In the order of AMONG, without the subject itself. */
static bool gather(const struct certificate *among, STACK_OF(X509) * others)
{
	for (size_t i = 0; i < among->count; i++)
		if (sk_X509_push(others, among->chain[i]) <= 0)
			return false;
	return true;
}

bool certificate_leads(X509 *subject, const struct certificate *among,
	const struct certificate *root, int purpose, int length, X509 **issuer,
	struct error *err)
{
	CLEANUP(drop_stack) STACK_OF(X509) *others = sk_X509_new_null();
	CLEANUP(drop_X509_STORE) X509_STORE *store = X509_STORE_new();
	CLEANUP(drop_X509_STORE_CTX) X509_STORE_CTX *ctx = X509_STORE_CTX_new();

	if (others == NULL || store == NULL || ctx == NULL || !gather(among, others)
		|| !prepare(ctx, store, subject, root->chain[0], others, purpose))
		return crypto_fail(err, ERROR_FAILED, "cannot verify a certificate");
	if (X509_verify_cert(ctx) != 1) {
		ERR_clear_error();
		return error_set(err, ERROR_SIGNATURE, "%s",
			X509_verify_cert_error_string(X509_STORE_CTX_get_error(ctx)));
	}

	STACK_OF(X509) *const path = X509_STORE_CTX_get0_chain(ctx);

	if (sk_X509_num(path) != length)
		return error_set(err, ERROR_SIGNATURE, "a chain of %d instead of %d",
			sk_X509_num(path), length);
	*issuer = sk_X509_value(path, 1);
	return true;
}

static bool judge(const struct certificate *chain, const struct certificate *root,
	enum certificate_role role, struct error *err)
{
	const int purpose = role == CERTIFICATE_COURIER ? X509_PURPOSE_SSL_CLIENT
							: X509_PURPOSE_SSL_SERVER;
	struct certificate_holder holder;
	X509 *issuer = NULL;

	if (!certificate_leads(chain->chain[0], chain, root, purpose, 3, &issuer, err))
		return false;
	if (X509_cmp(chain->chain[1], issuer) != 0)
		return error_set(err, ERROR_SIGNATURE, "its issuer does not stand after it");
	if (!certificate_follows_issuer(issuer, role, err)
		|| !certificate_holder(chain, &holder, err))
		return false;
	return holder.role == role
		|| error_set(err, ERROR_SIGNATURE, "it is %s, not %s",
			holder.role == CERTIFICATE_COURIER ? "a courier's" : "a device's",
			role == CERTIFICATE_COURIER ? "a courier's" : "a device's");
}

bool certificate_verify(const struct certificate *chain, struct bytes root_pem,
	enum certificate_role role, struct error *err)
{
	CLEANUP(certificate_cleanup) struct certificate *root = NULL;

	if (!certificate_read_root(root_pem, &root, err))
		return false;
	if (judge(chain, root, role, err))
		return true;
	if (err->code == ERROR_MALFORMED) /* authentic or not: not one of ours */
		err->code = ERROR_SIGNATURE;
	return error_while(err, "certificate not trusted");
}
