#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <string.h>

#include "device-link/session.h"
#include "device-link/session_alert.h"
#include "device-link/session_unread.h"
#include "device-link/wire.h"

enum {
	PEER_CHAIN_MAX = 16 * 1024, /* bytes of certificates in the handshake */
	PIECE_SIZE = 4096,          /* bytes moved to and from TLS at a time */
};

/* What both ends must agree on: courier-link(7). */
#define CIPHERS "TLS_AES_256_GCM_SHA384:TLS_AES_128_GCM_SHA256:TLS_CHACHA20_POLY1305_SHA256"
#define GROUPS "X25519:P-256"
#define SIGNATURES "ed25519:ecdsa_secp256r1_sha256"
#define EXPORTER "EXPORTER-courier-receipt"

static const uint8_t alpn[] = "\x0e"
			      "courier-link/1";

struct session {
	SSL_CTX *ctx;
	SSL *ssl; /* owns both ends of its memory BIOs */
	enum session_side side;
	enum session_state state;
	bool opened; /* at some time */
	struct bytes root_pem;
	struct certificate *peer; /* once TLS presented it and it was found good */
	bool certified;
	struct error why; /* of a peer that was not; code ERROR_NONE: none */
	struct session_unread unread;
};

/* ---- failing ---- */

/* TLS failed: say why from what it left in its queue, or what judge_peer() found. */
static bool tls_error(struct session *session, const char *what, struct error *err)
{
	const unsigned long code = ERR_peek_error();
	const int reason = ERR_GET_REASON(code);
	const char *const text = ERR_reason_error_string(code);

	session->state = SESSION_OVER;
	ERR_clear_error();
	if (session->why.code != ERROR_NONE) {
		*err = session->why;
		return false;
	}
	if (ERR_GET_LIB(code) == ERR_LIB_SSL && reason > SSL_AD_REASON_OFFSET
		&& reason <= SSL_AD_REASON_OFFSET + UINT8_MAX)
		return session_alert(
			session->side, (unsigned)(reason - SSL_AD_REASON_OFFSET), err);
	return error_set(err, ERROR_MALFORMED, "%s: %s", what,
		text != NULL ? text : "nothing TLS can use");
}

/* Append to OUT whatever TLS wants on the cable. */
static bool flush(struct session *session, struct buf *out, struct error *err)
{
	BIO *const bio = SSL_get_wbio(session->ssl);
	uint8_t at[PIECE_SIZE];

	for (int got = BIO_read(bio, at, sizeof(at)); got > 0;
		got = BIO_read(bio, at, sizeof(at)))
		if (!buf_append(out, (struct bytes){at, (size_t)got}, err))
			return false;
	return true;
}

/* ---- judging the peer ---- */

/* A device that nobody certified yet shows exactly one certificate, its own. */
static bool is_uncertified(
	const struct certificate *chain, const struct certificate_holder *holder)
{
	return holder->role == CERTIFICATE_DEVICE
		&& strcmp(holder->id, CERTIFICATE_UNCERTIFIED) == 0
		&& certificate_x509(chain, 1) == NULL
		&& X509_self_signed(certificate_x509(chain, 0), 1) == 1;
}

/* *ALERT is the verification error that becomes the alert the peer is told. */
static bool judge_chain(struct session *session, const struct certificate *chain,
	bool *certified, int *alert, struct error *err)
{
	const bool courier = session->side == SESSION_COURIER;
	struct certificate_holder holder;

	*alert = X509_V_ERR_CERT_REJECTED; /* bad_certificate */
	if (!certificate_holder(chain, &holder, err))
		return false;
	*alert = X509_V_ERR_INVALID_PURPOSE; /* unsupported_certificate */
	if (holder.role != (courier ? CERTIFICATE_DEVICE : CERTIFICATE_COURIER))
		return error_set(err, ERROR_SIGNATURE, "it has the role of a %s",
			session_side_text(session->side));
	*alert = X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY; /* unknown_ca */
	*certified = !courier || !is_uncertified(chain, &holder);
	return !*certified || certificate_verify(chain, session->root_pem, holder.role, err);
}

static bool agreed_on_alpn(const SSL *ssl)
{
	const uint8_t *at = NULL;
	unsigned len = 0;

	SSL_get0_alpn_selected(ssl, &at, &len);
	return bytes_equal((struct bytes){at, len}, (struct bytes){alpn + 1, alpn[0]});
}

static bool judge_peer(
	struct session *session, X509_STORE_CTX *store, int *alert, struct error *err)
{
	CLEANUP(certificate_cleanup) struct certificate *chain = NULL;
	bool certified = false;

	*alert = X509_V_ERR_APPLICATION_VERIFICATION; /* handshake_failure */
	if (!agreed_on_alpn(session->ssl))
		return error_set(err, ERROR_FAILED, "the %s speaks no courier-link/1",
			session_peer_text(session->side));
	if (!certificate_from_x509(X509_STORE_CTX_get0_cert(store),
		    X509_STORE_CTX_get0_untrusted(store), &chain, err)
		|| !judge_chain(session, chain, &certified, alert, err)) {
		err->code = ERROR_SIGNATURE;
		return error_while(err,
			"the %s's certificate is not to be trusted, it may be of another fleet",
			session_peer_text(session->side));
	}
	session->peer = chain;
	session->certified = certified;
	chain = NULL;
	return true;
}

/* Called by TLS in place of its own verification, once per handshake. */
static int verify(X509_STORE_CTX *store, void *self)
{
	struct session *const session = self;
	int alert = X509_V_OK;

	if (session->peer == NULL && judge_peer(session, store, &alert, &session->why))
		return 1;
	ERR_clear_error();
	X509_STORE_CTX_set_error(store, alert);
	return 0;
}

/* ---- setting up ---- */

static int select_alpn(SSL *ssl, const uint8_t **out, uint8_t *out_len, const uint8_t *in,
	unsigned in_len, void *self)
{
	uint8_t *selected = NULL;

	(void)ssl;
	(void)self;
	if (SSL_select_next_proto(&selected, out_len, alpn, sizeof(alpn) - 1, in, in_len)
		!= OPENSSL_NPN_NEGOTIATED)
		return SSL_TLSEXT_ERR_ALERT_FATAL;
	*out = selected;
	return SSL_TLSEXT_ERR_OK;
}

static bool use_identity(SSL_CTX *ctx, const struct session_identity *who)
{
	X509 *issuer = NULL;

	if (SSL_CTX_use_certificate(ctx, certificate_x509(who->chain, 0)) != 1
		|| SSL_CTX_use_PrivateKey(ctx, crypto_key_pkey(who->key)) != 1)
		return false;
	for (size_t i = 1; (issuer = certificate_x509(who->chain, i)) != NULL; i++)
		if (SSL_CTX_add1_chain_cert(ctx, issuer) != 1)
			return false;
	return true;
}

/* TLS 1.3 and nothing that outlives or precedes the handshake. */
static bool narrow(SSL_CTX *ctx)
{
	char groups[] = GROUPS, signatures[] = SIGNATURES; /* OpenSSL's macros drop const */

	(void)SSL_CTX_clear_options(ctx, SSL_OP_ENABLE_MIDDLEBOX_COMPAT);
	(void)SSL_CTX_set_options(
		ctx, SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
	(void)SSL_CTX_set_mode(ctx, SSL_MODE_NO_AUTO_CHAIN | SSL_MODE_RELEASE_BUFFERS);
	(void)SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_max_cert_list(ctx, PEER_CHAIN_MAX);
	return SSL_CTX_set_min_proto_version(ctx, TLS1_3_VERSION) == 1
		&& SSL_CTX_set_max_proto_version(ctx, TLS1_3_VERSION) == 1
		&& SSL_CTX_set_num_tickets(ctx, 0) == 1
		&& SSL_CTX_set_max_early_data(ctx, 0) == 1
		&& SSL_CTX_set_ciphersuites(ctx, CIPHERS) == 1
		&& SSL_CTX_set1_groups_list(ctx, groups) == 1
		&& SSL_CTX_set1_sigalgs_list(ctx, signatures) == 1
		&& SSL_CTX_set1_client_sigalgs_list(ctx, signatures) == 1
		&& SSL_CTX_set_alpn_protos(ctx, alpn, sizeof(alpn) - 1) == 0;
}

static bool attach_bios(SSL *ssl)
{
	BIO *const in = BIO_new(BIO_s_mem());
	BIO *const out = BIO_new(BIO_s_mem());

	if (in == NULL || out == NULL) {
		BIO_free(in);
		BIO_free(out);
		return false;
	}
	SSL_set_bio(ssl, in, out);
	return true;
}

static bool set_up(
	struct session *session, const struct session_identity *who, struct error *err)
{
	const bool courier = session->side == SESSION_COURIER;
	SSL_CTX *const ctx = SSL_CTX_new(courier ? TLS_client_method() : TLS_server_method());

	session->ctx = ctx;
	ERR_clear_error();
	if (ctx == NULL || !narrow(ctx) || !use_identity(ctx, who))
		return tls_error(session, "cannot use our certificate and key", err);
	SSL_CTX_set_alpn_select_cb(ctx, select_alpn, NULL);
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
	SSL_CTX_set_cert_verify_callback(ctx, verify, session);
	session->ssl = SSL_new(ctx);
	if (session->ssl == NULL || !attach_bios(session->ssl))
		return tls_error(session, "cannot start a session", err);
	if (courier)
		SSL_set_connect_state(session->ssl);
	else
		SSL_set_accept_state(session->ssl);
	return true;
}

/* Step the handshake as far as the bytes at hand allow. */
static bool greet(struct session *session, struct buf *out, struct error *err)
{
	ERR_clear_error();

	const int done = SSL_do_handshake(session->ssl);
	const bool failed
		= done != 1 && SSL_get_error(session->ssl, done) != SSL_ERROR_WANT_READ;

	if (failed)
		(void)tls_error(session, "no TLS session", err);
	/* Even when it failed: the peer wants the alert. */
	if (!flush(session, out, err) || failed)
		return false;
	if (done == 1) {
		session->state = SESSION_OPEN;
		session->opened = true;
	}
	return true;
}

bool session_new(enum session_side side, const struct session_identity *who,
	struct session **out, struct buf *bytes, struct error *err)
{
	CLEANUP(session_cleanup) struct session *session = calloc(1, sizeof(*session));

	if (session == NULL)
		return error_errno(err, "cannot allocate a session");
	session->side = side;
	session->root_pem = who->root_pem;
	if (!set_up(session, who, err) || !greet(session, bytes, err))
		return false;
	*out = session;
	session = NULL;
	return true;
}

void session_free(struct session *session)
{
	if (session == NULL)
		return;
	SSL_free(session->ssl);
	SSL_CTX_free(session->ctx);
	certificate_free(session->peer);
	session_unread_free(&session->unread);
	free(session);
}

void session_cleanup(struct session **session)
{
	session_free(*session);
}

/* ---- messages ---- */

/* End it on our own account. */
static bool give_up(struct session *session)
{
	(void)SSL_shutdown(session->ssl);
	ERR_clear_error();
	session->state = SESSION_OVER;
	return false;
}

/* Decrypt all that is at hand. */
static bool decrypt(struct session *session, struct error *err)
{
	uint8_t at[PIECE_SIZE];
	size_t got = 0;

	ERR_clear_error();
	while (SSL_read_ex(session->ssl, at, sizeof(at), &got) == 1)
		if (!session_unread_add(&session->unread, (struct bytes){at, got}, err))
			return give_up(session);

	const int why = SSL_get_error(session->ssl, 0);

	if (why == SSL_ERROR_WANT_READ)
		return true;
	if (why != SSL_ERROR_ZERO_RETURN)
		return tls_error(session, "the session broke", err);
	session->state = SESSION_OVER;
	return true;
}

bool session_receive(
	struct session *session, struct bytes bytes, struct buf *out, struct error *err)
{
	if (session->state == SESSION_OVER)
		return error_set(err, ERROR_USAGE, "the session is over");
	if (!session_unread_room(&session->unread, bytes.len, err))
		return false;
	if (bytes.len > 0
		&& BIO_write(SSL_get_rbio(session->ssl), bytes.at, (int)bytes.len)
			!= (int)bytes.len)
		return tls_error(session, "cannot hold what came", err);
	if (session->state == SESSION_GREETING && !greet(session, out, err))
		return false;
	if (session->state != SESSION_OPEN)
		return true;

	const bool ok = decrypt(session, err);

	return flush(session, out, err) && ok;
}

bool session_message(struct session *session, struct bytes *message)
{
	return session_unread_next(&session->unread, message);
}

bool session_send(
	struct session *session, struct bytes message, struct buf *out, struct error *err)
{
	CLEANUP(buf_free) struct buf bytes = {0};
	struct wire_writer writer = {.out = &bytes};
	size_t done = 0;

	if (session->state != SESSION_OPEN || message.len == 0
		|| message.len > SESSION_MESSAGE_MAX)
		return error_set(err, ERROR_USAGE, "cannot send %zu bytes now", message.len);
	wire_write_block(&writer, message, SESSION_MESSAGE_MAX);
	if (writer.failed) {
		*err = writer.err;
		return false;
	}
	ERR_clear_error();
	if (SSL_write_ex(session->ssl, bytes.at, bytes.len, &done) != 1)
		return tls_error(session, "cannot send", err);
	return flush(session, out, err);
}

bool session_close(struct session *session, struct buf *out, struct error *err)
{
	if (session->state == SESSION_OPEN)
		(void)give_up(session);
	session->state = SESSION_OVER;
	return flush(session, out, err);
}

enum session_state session_state(const struct session *session)
{
	return session->state;
}

const struct certificate *session_peer(const struct session *session, bool *certified)
{
	if (!session->opened)
		return NULL;
	*certified = session->certified;
	return session->peer;
}

bool session_exporter(
	const struct session *session, uint8_t at[SESSION_EXPORTER_SIZE], struct error *err)
{
	if (!session->opened)
		return error_set(err, ERROR_USAGE, "no session was open");

	const bool ok = SSL_export_keying_material(session->ssl, at, SESSION_EXPORTER_SIZE,
				EXPORTER, strlen(EXPORTER), NULL, 0, 0)
		== 1;

	ERR_clear_error();
	return ok || error_set(err, ERROR_FAILED, "cannot derive from the session");
}
