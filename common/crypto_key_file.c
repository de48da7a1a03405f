#include <fcntl.h>
#include <limits.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/crypto_openssl.h"
#include "common/file.h"

/* scrypt with 16 MiB five times over: OpenSSL refuses to undo more than 32 MiB. */
enum { FILE_N = 1 << 14, FILE_R = 8, FILE_P = 5 };

enum { KEY_FILE_MAX = 16384 }; /* bytes */

CRYPTO_CLEANUP(PKCS8_PRIV_KEY_INFO, PKCS8_PRIV_KEY_INFO_free)
CRYPTO_CLEANUP(X509_SIG, X509_SIG_free)

static int passphrase_len(const struct passphrase *passphrase)
{
	return (int)strnlen(passphrase->at, sizeof(passphrase->at));
}

/* ---- saving ---- */

static X509_SIG *encrypt(PKCS8_PRIV_KEY_INFO *info, const struct passphrase *passphrase)
{
	/* Without a salt given it makes a random one of this size. */
	X509_ALGOR *const how = PKCS5_pbe2_set_scrypt(
		EVP_aes_256_cbc(), NULL, CRYPTO_SALT_SIZE, NULL, FILE_N, FILE_R, FILE_P);

	if (how == NULL)
		return NULL;

	X509_SIG *const sealed
		= PKCS8_set0_pbe(passphrase->at, passphrase_len(passphrase), info, how);

	if (sealed == NULL)
		X509_ALGOR_free(how);
	return sealed;
}

static bool write_pem(BIO *bio, const struct crypto_key *key,
	const struct passphrase *passphrase, struct error *err)
{
	CLEANUP(drop_PKCS8_PRIV_KEY_INFO)
	PKCS8_PRIV_KEY_INFO *info = EVP_PKEY2PKCS8(key->pkey);
	CLEANUP(drop_X509_SIG) X509_SIG *sealed = NULL;

	if (info == NULL)
		return crypto_fail(err, ERROR_FAILED, "cannot encode a key");
	if (passphrase == NULL) {
		if (PEM_write_bio_PKCS8_PRIV_KEY_INFO(bio, info) != 1)
			return crypto_fail(err, ERROR_FAILED, "cannot write");
		return true;
	}
	sealed = encrypt(info, passphrase);
	if (sealed == NULL)
		return crypto_fail(err, ERROR_FAILED, "cannot encrypt a key");
	if (PEM_write_bio_PKCS8(bio, sealed) != 1)
		return crypto_fail(err, ERROR_FAILED, "cannot write");
	return true;
}

static bool write_file(const char *path, const struct crypto_key *key,
	const struct passphrase *passphrase, struct error *err)
{
	CLEANUP(file_close)
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	CLEANUP(drop_BIO) BIO *bio = NULL;

	if (fd < 0)
		return error_errno(err, "cannot create");
	if (fchmod(fd, 0600) != 0)
		return error_errno(err, "cannot set the mode");
	bio = BIO_new_fd(fd, BIO_NOCLOSE);
	if (bio == NULL)
		return crypto_fail(err, ERROR_FAILED, "cannot write");
	if (!write_pem(bio, key, passphrase, err))
		return false;
	if (fsync(fd) != 0)
		return error_errno(err, "cannot sync");
	return true;
}

bool crypto_key_save(const struct crypto_key *key, const char *path,
	const struct passphrase *passphrase, struct error *err)
{
	char temporary[PATH_MAX];

	if ((size_t)snprintf(temporary, sizeof(temporary), "%s.new", path) >= sizeof(temporary))
		return error_set(err, ERROR_FAILED, "%s: path too long", path);
	if (!write_file(temporary, key, passphrase, err)) {
		(void)unlink(temporary);
		return error_while(err, "%s", path);
	}
	return file_rename(temporary, path, err);
}

/* ---- loading ---- */

static bool decrypt(const struct crypto_pem *pem, const struct passphrase *passphrase,
	PKCS8_PRIV_KEY_INFO **out, struct error *err)
{
	const uint8_t *at = pem->der;
	CLEANUP(drop_X509_SIG) X509_SIG *sealed = d2i_X509_SIG(NULL, &at, (long)pem->len);

	if (sealed == NULL)
		return crypto_fail(err, ERROR_MALFORMED, "not a private key");
	if (passphrase == NULL)
		return error_set(
			err, ERROR_UNAUTHORISED, "is encrypted and needs a passphrase");
	*out = PKCS8_decrypt(sealed, passphrase->at, passphrase_len(passphrase));
	if (*out != NULL)
		return true;
	ERR_clear_error(); /* whatever it says about padding means this */
	return error_set(err, ERROR_UNAUTHORISED, "wrong passphrase");
}

static bool decode(const struct crypto_pem *pem, const struct passphrase *passphrase,
	PKCS8_PRIV_KEY_INFO **out, struct error *err)
{
	const uint8_t *at = pem->der;

	if (strcmp(pem->label, "ENCRYPTED PRIVATE KEY") == 0)
		return decrypt(pem, passphrase, out, err);
	if (strcmp(pem->label, "PRIVATE KEY") != 0)
		return error_set(err, ERROR_MALFORMED, "not a private key in PKCS#8");
	*out = d2i_PKCS8_PRIV_KEY_INFO(NULL, &at, (long)pem->len);
	return *out != NULL || crypto_fail(err, ERROR_MALFORMED, "not a private key");
}

static bool read_pem(const char *path, struct crypto_pem *pem, struct error *err)
{
	CLEANUP(file_close) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	CLEANUP(drop_BIO) BIO *bio = NULL;
	struct stat about;

	if (fd < 0)
		return error_errno(err, "cannot open");
	if (fstat(fd, &about) != 0)
		return error_errno(err, "cannot read");
	if (!S_ISREG(about.st_mode) || about.st_size > KEY_FILE_MAX)
		return error_set(
			err, ERROR_MALFORMED, "not a file of at most %d bytes", KEY_FILE_MAX);
	bio = BIO_new_fd(fd, BIO_NOCLOSE);
	if (bio == NULL)
		return crypto_fail(err, ERROR_FAILED, "cannot read");
	return crypto_pem_read(bio, pem, err);
}

static bool load(const char *path, const struct passphrase *passphrase, struct crypto_key **out,
	struct error *err)
{
	CLEANUP(crypto_pem_done) struct crypto_pem pem = {0};
	CLEANUP(drop_PKCS8_PRIV_KEY_INFO) PKCS8_PRIV_KEY_INFO *info = NULL;
	CLEANUP(drop_EVP_PKEY) EVP_PKEY *pkey = NULL;

	if (!read_pem(path, &pem, err) || !decode(&pem, passphrase, &info, err))
		return false;
	pkey = EVP_PKCS82PKEY(info);
	if (pkey == NULL)
		return crypto_fail(err, ERROR_MALFORMED, "not a private key");
	return crypto_key_wrap(pkey, out, err);
}

bool crypto_key_load(const char *path, const struct passphrase *passphrase,
	struct crypto_key **out, struct error *err)
{
	return load(path, passphrase, out, err) || error_while(err, "%s", path);
}
