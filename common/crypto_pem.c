#include <limits.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <string.h>

#include "common/crypto_openssl.h"

void crypto_pem_done(struct crypto_pem *pem)
{
	OPENSSL_free(pem->label);
	OPENSSL_clear_free(pem->der, pem->len);
	*pem = (struct crypto_pem){0};
}

bool crypto_pem_read(BIO *bio, struct crypto_pem *out, struct error *err)
{
	struct crypto_pem pem = {0};
	char *header = NULL;
	long len = 0;

	if (PEM_read_bio(bio, &pem.label, &header, &pem.der, &len) != 1)
		return crypto_fail(err, ERROR_MALFORMED, "not PEM");

	const bool plain = header[0] == 0;

	OPENSSL_free(header);
	pem.len = (size_t)len;
	if (!plain) {
		crypto_pem_done(&pem);
		return error_set(err, ERROR_MALFORMED, "PEM with headers");
	}
	*out = pem;
	return true;
}

bool crypto_pem_is_space(uint8_t byte)
{
	return byte == ' ' || byte == '\t' || byte == '\r' || byte == '\n';
}

static void skip_space(struct bytes *text)
{
	while (text->len > 0 && crypto_pem_is_space(text->at[0])) {
		text->at++;
		text->len--;
	}
}

bool crypto_pem_next(struct bytes *text, struct crypto_pem *pem, bool *found, struct error *err)
{
	static const char begin[] = "-----BEGIN ";
	struct bytes rest = *text;

	skip_space(&rest);
	if (rest.len == 0) {
		*found = false;
		return true;
	}
	if (rest.len > INT_MAX || rest.len < sizeof(begin)
		|| memcmp(rest.at, begin, sizeof(begin) - 1) != 0)
		return error_set(err, ERROR_MALFORMED, "not PEM");

	CLEANUP(drop_BIO) BIO *bio = BIO_new_mem_buf(rest.at, (int)rest.len);

	if (bio == NULL)
		return crypto_fail(err, ERROR_FAILED, "cannot read PEM");
	if (!crypto_pem_read(bio, pem, err))
		return false;

	const size_t left = BIO_ctrl_pending(bio);

	*text = (struct bytes){rest.at + (rest.len - left), left};
	*found = true;
	return true;
}

bool crypto_pem_append(struct buf *pem, const char *label, struct bytes der, struct error *err)
{
	CLEANUP(drop_BIO) BIO *bio = BIO_new(BIO_s_mem());
	char *text = NULL;

	if (bio == NULL || der.len > INT_MAX
		|| PEM_write_bio(bio, label, "", der.at, (long)der.len) <= 0)
		return crypto_fail(err, ERROR_FAILED, "cannot write PEM");

	const long len = BIO_get_mem_data(bio, &text);

	return buf_append(pem, (struct bytes){(const uint8_t *)text, (size_t)len}, err);
}
