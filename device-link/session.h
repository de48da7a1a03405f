/*
 * session.h - an authenticated, encrypted conversation, without any I/O.
 *
 * TLS 1.3 (RFC 8446) over memory BIOs, both sides with certificates; the courier is
 * the client; ALPN "courier-link/1" is required; no tickets, no early data, no
 * renegotiation.  Bytes from the stream go in at session_receive(); bytes for
 * the stream come out of every call in OUT.
 *
 * TLS judges chain and role of the peer.  It looks at no clock, no CRL and no
 * group: those are judged by the visit, so that a refusal can be told.  The
 * courier counts as accepted only when it hears ACCEPT.
 */
#ifndef DEVICE_LINK_SESSION_H
#define DEVICE_LINK_SESSION_H

#include "common/bytes.h"
#include "common/certificate.h"

struct session;

enum session_side { SESSION_COURIER, SESSION_DEVICE };

enum session_state {
	SESSION_GREETING, /* handshake under way: call session_receive() */
	SESSION_OPEN,     /* messages may flow */
	SESSION_OVER,     /* closed, by either side or by an error */
};

enum {
	SESSION_EXPORTER_SIZE = 32,
	SESSION_MESSAGE_MAX = 160 * 1024,             /* bytes */
	SESSION_UNREAD_MAX = 2 * SESSION_MESSAGE_MAX, /* bytes of messages not yet taken */
};

/* Who we are and whom we accept; all borrowed for the life of the session. */
struct session_identity {
	const struct crypto_key *key;
	const struct certificate *chain; /* own; a device not yet certified: self-signed */
	struct bytes root_pem;           /* the fleet root the peer must chain to */
};

/* OUT gets what must be sent first. */
NODISCARD bool session_new(enum session_side, const struct session_identity *,
	struct session **, struct buf *out, struct error *);
void session_free(struct session *); /* NULL does nothing */
void session_cleanup(struct session **);

/* Take bytes of the stream; append replies to OUT.  OUT must be sent even when this
 * fails: it holds the alert that tells the peer why.  ERROR_SIGNATURE when the peer
 * is a stranger, ERROR_UNAUTHORISED when it takes us for one, ERROR_MALFORMED when
 * what it says is no session or no message; the session is then over.  Inside TLS
 * each message is a u32 length and that many bytes.  Take the messages that are
 * there before giving more bytes: ERROR_BUSY, without harm to the session, when
 * SESSION_UNREAD_MAX would be exceeded. */
NODISCARD bool session_receive(struct session *, struct bytes, struct buf *out, struct error *);

/* The next whole message that has arrived, borrowed until the next call on the
 * session; false when there is none. */
bool session_message(struct session *, struct bytes *message);

/* Encrypt one message (1 to SESSION_MESSAGE_MAX bytes); append what the stream must
 * carry to OUT. */
NODISCARD bool session_send(
	struct session *, struct bytes message, struct buf *out, struct error *);

/* Say goodbye: close_notify to OUT. */
NODISCARD bool session_close(struct session *, struct buf *out, struct error *);

enum session_state session_state(const struct session *);

/* Once open (NULL before), and after it is over: the peer's chain as it showed it, borrowed.
 * *CERTIFIED is false for a device that showed a self-signed certificate (a courier is always
 * certified). */
const struct certificate *session_peer(const struct session *, bool *certified);

/* Once open, and after it is over: 32 bytes only the two ends of this session know (RFC
 * 8446 7.5, label "EXPORTER-courier-receipt", no context). */
NODISCARD bool session_exporter(
	const struct session *, uint8_t at[SESSION_EXPORTER_SIZE], struct error *);

#endif
