/*
 * message.h - the messages of courier-link(7), and how they lie in bytes.
 *
 *	courier                                device
 *	  HELLO  ------------------------------->      after TLS
 *	  <--------------------- ACCEPT | REFUSED      judged: CRL, group, validity
 *	  COLLECT (each receipt it lacks) ------>
 *	  <------------------------------ RECEIPT
 *	  KEPT (fsynced here) ------------------>
 *	  OFFER | NOTHING ---------------------->
 *	  <---------------- WANT, STATE | RECEIPT
 *	  DATA --------------------------------->
 *	  <-------- STATE ..., RECEIPT (outcome)
 *	  KEPT --------------------------------->
 *	  BYE ---------------------------------->
 *	  <---------------------------------- BYE      needs nothing more
 *
 * Integers are big-endian.  A text or block is a length (u16 for text, u32 for
 * blocks) and its bytes.  A reader or writer that fails once stays failed, so a
 * codec reads as a list of fields and asks once, at the end, whether all went well
 * and nothing is left over.  Decoded runs of bytes borrow from the input.
 */
#ifndef DEVICE_LINK_MESSAGE_H
#define DEVICE_LINK_MESSAGE_H

#include "common/bytes.h"
#include "device-link/session.h"

enum {
	MESSAGE_VERSION = 1,
	MESSAGE_TEXT_MAX = 512,            /* bytes of a sentence for people */
	MESSAGE_NAME_MAX = 255,            /* bytes of a name or id */
	MESSAGE_CHAIN_MAX = 16 * 1024,     /* bytes of a certificate chain, PEM */
	MESSAGE_CRL_MAX = 64 * 1024,       /* bytes of a CRL, PEM */
	MESSAGE_STATEMENT_MAX = 48 * 1024, /* bytes of a DSSE envelope */
	MESSAGE_TIME_MAX = 24 * 1024,      /* bytes of a signed time, a DSSE envelope */
	MESSAGE_LOG_MAX = 48 * 1024,       /* bytes of a deployment log */
	MESSAGE_DATA_MAX = 16 * 1024,      /* bytes of an object in one DATA */
	MESSAGE_METADATA_MAX = 16 << 20,   /* bytes of signed metadata */
	MESSAGE_CODE_MAX = 99,             /* the highest exit status */
	MESSAGE_WANT_MAX = 256 * 1024,     /* bytes asked for in one WANT */
	MESSAGE_WANTS = 4,                 /* WANTs unanswered at a time */
	MESSAGE_COLLECTS = 4,              /* COLLECTs unanswered at a time */
	MESSAGE_RING = 256,                /* receipts a device keeps */
};

enum message_type {
	MESSAGE_HELLO = 1,
	MESSAGE_ACCEPT = 2,
	MESSAGE_REFUSED = 3,
	MESSAGE_COLLECT = 4,
	MESSAGE_RECEIPT = 5,
	MESSAGE_KEPT = 6,
	MESSAGE_OFFER = 7,
	MESSAGE_NOTHING = 8,
	MESSAGE_WANT = 9,
	MESSAGE_DATA = 10,
	MESSAGE_STATE = 11,
	MESSAGE_IDENTIFY = 12,
	MESSAGE_BYE = 13,
};

/* Why a device will not talk to this courier.  Values are on the wire. */
enum message_refusal {
	MESSAGE_REFUSED_VERSION = 1,  /* no common protocol version */
	MESSAGE_REFUSED_REVOKED = 2,  /* on the CRL */
	MESSAGE_REFUSED_EXPIRED = 3,  /* authentic, but past its notAfter */
	MESSAGE_REFUSED_GROUP = 4,    /* not a courier of this device's group */
	MESSAGE_REFUSED_ROLE = 5,     /* a certificate of ours, but no courier's */
	MESSAGE_REFUSED_NOT_YET = 6,  /* its notBefore is implausibly far ahead */
	MESSAGE_REFUSED_BUSY = 7,     /* the device is doing something it must finish */
	MESSAGE_REFUSED_IDENTITY = 8, /* its identity is not the one in its certificate */
};

/* What the device is doing.  Values are on the wire. */
enum message_phase {
	MESSAGE_PHASE_IDLE = 0,
	MESSAGE_PHASE_RECEIVING = 1,
	MESSAGE_PHASE_VERIFYING = 2,
	MESSAGE_PHASE_WAITING = 3, /* the device's gate said later; text says why */
	MESSAGE_PHASE_STAGED
	= 4, /* verified and kept; will be installed when the gate lets it */
	MESSAGE_PHASE_INSTALLING = 5,
	MESSAGE_PHASE_REBOOTING = 6, /* the cable goes quiet; wait_s is how long to expect */
	MESSAGE_PHASE_CHECKING = 7,  /* the health hook runs */
	MESSAGE_PHASE_COMMITTING = 8,
	MESSAGE_PHASE_ROLLING_BACK = 9,
};

struct message_hello {
	uint16_t version;
	struct bytes software; /* name and version, for the device's log */
	struct bytes crl;      /* PEM; may be empty */
	struct bytes chain;    /* this device's new certificate chain, PEM; may be empty */
	struct bytes time;     /* DSSE_TIME envelope for this device; may be empty */
};

struct message_accept {
	uint16_t version;
	struct bytes software;
	struct bytes identity;   /* DSSE_IDENTITY envelope; empty when certified */
	struct bytes inventory;  /* DSSE_INVENTORY envelope, made for this visit */
	uint64_t oldest, newest; /* sequences of the receipt ring; 0, 0: none */
	enum message_phase phase;
	struct bytes deployment; /* of the phase; empty when idle, and only then */
};

struct message_refused {
	enum message_refusal reason;
	struct bytes text;
};

struct message_receipt {
	uint64_t sequence;
	struct bytes envelope;  /* DSSE_RECEIPT; empty: the ring no longer has it */
	struct bytes log;       /* text; its digest is in the receipt; empty: withheld */
	struct bytes inventory; /* DSSE_INVENTORY as of the receipt; likewise */
};

enum message_offer_flag {
	MESSAGE_OFFER_STAGE = 1, /* transfer and verify now, install when the gate says so */
	MESSAGE_OFFER_RETRY = 2, /* attempt n + 1 of a deployment that ended in failure */
};

struct message_offer {
	struct bytes deployment;       /* the server's id */
	struct bytes name;             /* of the artifact */
	struct digest digest;          /* SHA-256 of the artifact file */
	uint64_t size;                 /* bytes of it */
	uint64_t unpacked;             /* bytes of its payload: a hint, for the space check */
	uint64_t metadata_size;        /* bytes of signed metadata (object 1); 0: none */
	struct digest metadata_digest; /* SHA-256 of them; zeros when there are none */
	uint8_t flags;                 /* enum message_offer_flag */
};

enum message_object { MESSAGE_ARTIFACT = 0, MESSAGE_METADATA = 1 };

struct message_want {
	enum message_object object;
	uint64_t offset;
	uint32_t length;
};

struct message_data {
	enum message_object object;
	uint64_t offset;
	struct bytes bytes;
};

struct message_state {
	enum message_phase phase;
	uint8_t percent; /* of the phase; 255: not known */
	uint32_t wait_s; /* how long the phase, or the silence, may last; 0: not known */
	uint8_t code;    /* why it waits, as an exit status of courier(1); 0: no error */
	struct bytes deployment; /* of the phase; empty when idle, and only then */
	struct bytes text;
};

/* Any message: the union's member goes by the type. */
struct message {
	enum message_type type;
	union {
		struct message_hello hello;
		struct message_accept accept;
		struct message_refused refused;
		uint64_t collect; /* the sequence asked for */
		struct message_receipt receipt;
		uint64_t kept; /* the sequence that is safe at the courier */
		struct message_offer offer;
		struct message_want want;
		struct message_data data;
		struct message_state state;
	};
};

/* ERROR_MALFORMED unless BYTES is exactly one message within the limits. */
NODISCARD bool message_decode(struct bytes, struct message *, struct error *);
/* Append; ERROR_USAGE when a limit is exceeded. */
NODISCARD bool message_encode(const struct message *, struct buf *, struct error *);

const char *message_type_text(enum message_type);       /* "HELLO", ... */
const char *message_phase_text(enum message_phase);     /* "installing", ... */
const char *message_refusal_text(enum message_refusal); /* one sentence, what to do included */
enum error_code message_refusal_code(enum message_refusal);

#endif
