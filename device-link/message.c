#include <string.h>

#include "device-link/message.h"
#include "device-link/wire.h"

/* How a field lies in bytes and in memory. */
enum kind {
	U8,     /* uint8_t */
	U16,    /* uint16_t */
	U32,    /* uint32_t */
	U64,    /* uint64_t */
	CHOICE, /* an enum, one byte on the wire */
	TEXT,   /* struct bytes: u16 length, printable UTF-8 */
	BLOCK,  /* struct bytes: u32 length, anything */
	DIGEST, /* struct digest: 32 bytes */
};

/* One list of fields serves both ways, so what decodes encodes to the same bytes. */
struct field {
	const char *name;
	enum kind kind;
	size_t offset;        /* in struct message */
	uint64_t least, most; /* the value's, or the length's */
};

struct layout {
	const char *name;
	const struct field *fields;
	size_t count;
	const char *(*check)(const struct message *); /* what is wrong between fields */
};

#define FIELD(name, kind, least, most)                                                         \
	{                                                                                      \
#name, kind, offsetof(struct message, name), least, most                       \
	}
#define NUMBER_MAX ((uint64_t)INT64_MAX)
#define PHASE_MAX MESSAGE_PHASE_ROLLING_BACK

static const struct field hello[] = {
	FIELD(hello.version, U16, 0, UINT16_MAX),
	FIELD(hello.software, TEXT, 0, MESSAGE_NAME_MAX),
	FIELD(hello.crl, BLOCK, 0, MESSAGE_CRL_MAX),
	FIELD(hello.chain, BLOCK, 0, MESSAGE_CHAIN_MAX),
	FIELD(hello.time, BLOCK, 0, MESSAGE_TIME_MAX),
};

static const struct field accept[] = {
	FIELD(accept.version, U16, 0, UINT16_MAX),
	FIELD(accept.software, TEXT, 0, MESSAGE_NAME_MAX),
	FIELD(accept.identity, BLOCK, 0, MESSAGE_STATEMENT_MAX),
	FIELD(accept.inventory, BLOCK, 0, MESSAGE_STATEMENT_MAX),
	FIELD(accept.oldest, U64, 0, NUMBER_MAX),
	FIELD(accept.newest, U64, 0, NUMBER_MAX),
	FIELD(accept.phase, CHOICE, 0, PHASE_MAX),
	FIELD(accept.deployment, TEXT, 0, MESSAGE_NAME_MAX),
};

static const struct field refused[] = {
	FIELD(refused.reason, CHOICE, MESSAGE_REFUSED_VERSION, MESSAGE_REFUSED_IDENTITY),
	FIELD(refused.text, TEXT, 0, MESSAGE_TEXT_MAX),
};

static const struct field collect[] = {
	FIELD(collect, U64, 1, NUMBER_MAX),
};

static const struct field receipt[] = {
	FIELD(receipt.sequence, U64, 1, NUMBER_MAX),
	FIELD(receipt.envelope, BLOCK, 0, MESSAGE_STATEMENT_MAX),
	FIELD(receipt.log, BLOCK, 0, MESSAGE_LOG_MAX),
	FIELD(receipt.inventory, BLOCK, 0, MESSAGE_STATEMENT_MAX),
};

static const struct field kept[] = {
	FIELD(kept, U64, 1, NUMBER_MAX),
};

static const struct field offer[] = {
	FIELD(offer.deployment, TEXT, 1, MESSAGE_NAME_MAX),
	FIELD(offer.name, TEXT, 1, MESSAGE_NAME_MAX),
	FIELD(offer.digest, DIGEST, 0, 0),
	FIELD(offer.size, U64, 1, NUMBER_MAX),
	FIELD(offer.unpacked, U64, 0, NUMBER_MAX),
	FIELD(offer.metadata_size, U64, 0, MESSAGE_METADATA_MAX),
	FIELD(offer.metadata_digest, DIGEST, 0, 0),
	FIELD(offer.flags, U8, 0, MESSAGE_OFFER_STAGE | MESSAGE_OFFER_RETRY),
};

static const struct field want[] = {
	FIELD(want.object, CHOICE, 0, MESSAGE_METADATA),
	FIELD(want.offset, U64, 0, NUMBER_MAX),
	FIELD(want.length, U32, 1, MESSAGE_WANT_MAX),
};

static const struct field data[] = {
	FIELD(data.object, CHOICE, 0, MESSAGE_METADATA),
	FIELD(data.offset, U64, 0, NUMBER_MAX),
	FIELD(data.bytes, BLOCK, 1, MESSAGE_DATA_MAX),
};

static const struct field state[] = {
	FIELD(state.phase, CHOICE, 0, PHASE_MAX),
	FIELD(state.percent, U8, 0, UINT8_MAX),
	FIELD(state.wait_s, U32, 0, UINT32_MAX),
	FIELD(state.code, U8, 0, MESSAGE_CODE_MAX),
	FIELD(state.deployment, TEXT, 0, MESSAGE_NAME_MAX),
	FIELD(state.text, TEXT, 0, MESSAGE_TEXT_MAX),
};

static const char *check_phase(enum message_phase phase, struct bytes deployment)
{
	return (phase == MESSAGE_PHASE_IDLE) == (deployment.len == 0)
		? NULL
		: "a deployment belongs to every phase but idle";
}

static const char *check_accept(const struct message *message)
{
	const struct message_accept *const it = &message->accept;

	if ((it->oldest == 0) != (it->newest == 0) || it->oldest > it->newest
		|| it->newest - it->oldest >= MESSAGE_RING)
		return "no ring has such sequences";
	return check_phase(it->phase, it->deployment);
}

static const char *check_receipt(const struct message *message)
{
	const struct message_receipt *const it = &message->receipt;

	return it->envelope.len == 0 && (it->log.len > 0 || it->inventory.len > 0)
		? "a log or inventory without its receipt"
		: NULL;
}

static const char *check_offer(const struct message *message)
{
	static const struct digest none;
	const struct message_offer *const it = &message->offer;

	return it->metadata_size == 0 && !digest_equal(&it->metadata_digest, &none)
		? "a digest of no metadata"
		: NULL;
}

static const char *check_state(const struct message *message)
{
	const struct message_state *const it = &message->state;

	if (it->percent > 100 && it->percent != 255)
		return "over 100 percent";
	return check_phase(it->phase, it->deployment);
}

#define LAYOUT(name, fields, check)                                                            \
	{                                                                                      \
		name, fields, COUNT(fields), check                                             \
	}

static const struct layout layouts[] = {
	[MESSAGE_HELLO] = LAYOUT("HELLO", hello, NULL),
	[MESSAGE_ACCEPT] = LAYOUT("ACCEPT", accept, check_accept),
	[MESSAGE_REFUSED] = LAYOUT("REFUSED", refused, NULL),
	[MESSAGE_COLLECT] = LAYOUT("COLLECT", collect, NULL),
	[MESSAGE_RECEIPT] = LAYOUT("RECEIPT", receipt, check_receipt),
	[MESSAGE_KEPT] = LAYOUT("KEPT", kept, NULL),
	[MESSAGE_OFFER] = LAYOUT("OFFER", offer, check_offer),
	[MESSAGE_NOTHING] = {"NOTHING", NULL, 0, NULL},
	[MESSAGE_WANT] = LAYOUT("WANT", want, NULL),
	[MESSAGE_DATA] = LAYOUT("DATA", data, NULL),
	[MESSAGE_STATE] = LAYOUT("STATE", state, check_state),
	[MESSAGE_IDENTIFY] = {"IDENTIFY", NULL, 0, NULL},
	[MESSAGE_BYE] = {"BYE", NULL, 0, NULL},
};

/* The largest message is a RECEIPT, and a session carries it. */
_Static_assert(
	1 + 8 + 3 * 4 + 2 * MESSAGE_STATEMENT_MAX + MESSAGE_LOG_MAX <= SESSION_MESSAGE_MAX,
	"a RECEIPT fits");
_Static_assert(1 + 2 + 2 + MESSAGE_NAME_MAX + 2 * 4 + MESSAGE_CRL_MAX + MESSAGE_CHAIN_MAX
		<= SESSION_MESSAGE_MAX,
	"a HELLO fits");
_Static_assert(sizeof(enum message_phase) == sizeof(unsigned)
		&& sizeof(enum message_refusal) == sizeof(unsigned)
		&& sizeof(enum message_object) == sizeof(unsigned),
	"a CHOICE is an unsigned in memory");

/* Bytes of an integer: on the wire, and in memory. */
static const struct {
	size_t wire, memory;
} sizes[] = {
	[U8] = {1, 1},
	[U16] = {2, 2},
	[U32] = {4, 4},
	[U64] = {8, 8},
	[CHOICE] = {1, sizeof(unsigned)},
};

static void store(uint64_t value, uint8_t *at, size_t size)
{
	const uint8_t u8 = (uint8_t)value;
	const uint16_t u16 = (uint16_t)value;
	const uint32_t u32 = (uint32_t)value;
	const void *const from[] = {[1] = &u8, [2] = &u16, [4] = &u32, [8] = &value};

	memcpy(at, from[size], size);
}

static uint64_t load(const uint8_t *at, size_t size)
{
	uint8_t u8 = 0;
	uint16_t u16 = 0;
	uint32_t u32 = 0;
	uint64_t u64 = 0;
	void *const to[] = {[1] = &u8, [2] = &u16, [4] = &u32, [8] = &u64};

	memcpy(to[size], at, size);
	return u8 | u16 | u32 | u64;
}

/* Flags count up from 1 without gaps, so their range is their mask. */
static bool in_range(const struct field *field, uint64_t value)
{
	return value >= field->least && value <= field->most;
}

static bool read_field(
	struct wire_reader *reader, const struct field *field, struct message *message)
{
	uint8_t *const at = (uint8_t *)message + field->offset;
	struct bytes run = {0};
	uint64_t value = 0;

	if (field->kind == DIGEST) {
		run = wire_read_run(reader, DIGEST_SIZE);
		if (!reader->failed)
			memcpy(at, run.at, DIGEST_SIZE);
	} else if (field->kind == TEXT || field->kind == BLOCK) {
		run = field->kind == TEXT ? wire_read_text(reader, field->most)
					  : wire_read_block(reader, field->most);
		memcpy(at, &run, sizeof(run));
		value = run.len;
	} else {
		value = wire_read_integer(reader, sizes[field->kind].wire);
		store(value, at, sizes[field->kind].memory);
	}
	return !reader->failed && in_range(field, value);
}

static void write_field(
	struct wire_writer *writer, const struct field *field, const struct message *message)
{
	const uint8_t *const at = (const uint8_t *)message + field->offset;
	struct bytes run = {at, DIGEST_SIZE};
	uint64_t value = 0;

	if (field->kind == DIGEST) {
		wire_write_run(writer, run);
	} else if (field->kind == TEXT || field->kind == BLOCK) {
		memcpy(&run, at, sizeof(run));
		value = run.len;
		if (field->kind == TEXT)
			wire_write_text(writer, run, field->most);
		else
			wire_write_block(writer, run, field->most);
	} else {
		value = load(at, sizes[field->kind].memory);
		wire_write_integer(writer, value, sizes[field->kind].wire);
	}
	if (!writer->failed && !in_range(field, value))
		writer->failed = !error_set(&writer->err, ERROR_USAGE, "out of range");
}

static const struct layout *find_layout(unsigned type)
{
	return type >= MESSAGE_HELLO && type < COUNT(layouts) ? &layouts[type] : NULL;
}

bool message_decode(struct bytes bytes, struct message *out, struct error *err)
{
	struct wire_reader reader = {.rest = bytes};
	struct message message = {0};
	const unsigned type = (unsigned)wire_read_integer(&reader, 1);
	const struct layout *const layout = find_layout(type);

	if (layout == NULL)
		return error_set(err, ERROR_MALFORMED, "unknown message of type %u", type);
	message.type = (enum message_type)type;
	for (size_t i = 0; i < layout->count; i++)
		if (!read_field(&reader, &layout->fields[i], &message))
			return error_set(err, ERROR_MALFORMED, "malformed message %s: %s",
				layout->name, layout->fields[i].name);
	if (reader.rest.len > 0)
		return error_set(err, ERROR_MALFORMED,
			"malformed message %s: %zu bytes too many", layout->name,
			reader.rest.len);

	const char *const wrong = layout->check != NULL ? layout->check(&message) : NULL;

	if (wrong != NULL)
		return error_set(
			err, ERROR_MALFORMED, "malformed message %s: %s", layout->name, wrong);
	*out = message;
	return true;
}

bool message_encode(const struct message *message, struct buf *out, struct error *err)
{
	const struct layout *const layout = find_layout(message->type);
	const size_t before = out->len;
	struct wire_writer writer = {.out = out};

	if (layout == NULL)
		return error_set(err, ERROR_USAGE, "no message has type %u", message->type);

	const char *const wrong = layout->check != NULL ? layout->check(message) : NULL;

	if (wrong != NULL)
		return error_set(err, ERROR_USAGE, "%s: %s", layout->name, wrong);
	wire_write_integer(&writer, message->type, 1);
	for (size_t i = 0; i < layout->count && !writer.failed; i++) {
		write_field(&writer, &layout->fields[i], message);
		if (writer.failed)
			(void)error_while(&writer.err, "%s", layout->fields[i].name);
	}
	if (!writer.failed)
		return true;
	out->len = before;
	*err = writer.err;
	return false;
}

const char *message_type_text(enum message_type type)
{
	const struct layout *const layout = find_layout(type);

	return layout != NULL ? layout->name : "message of unknown type";
}

const char *message_phase_text(enum message_phase phase)
{
	static const char *const texts[] = {
		[MESSAGE_PHASE_IDLE] = "idle",
		[MESSAGE_PHASE_RECEIVING] = "receiving",
		[MESSAGE_PHASE_VERIFYING] = "verifying",
		[MESSAGE_PHASE_WAITING] = "waiting",
		[MESSAGE_PHASE_STAGED] = "staged",
		[MESSAGE_PHASE_INSTALLING] = "installing",
		[MESSAGE_PHASE_REBOOTING] = "rebooting",
		[MESSAGE_PHASE_CHECKING] = "checking",
		[MESSAGE_PHASE_COMMITTING] = "committing",
		[MESSAGE_PHASE_ROLLING_BACK] = "rolling back",
	};

	return (unsigned)phase < COUNT(texts) ? texts[phase] : "in an unknown phase";
}

static const struct refusal {
	const char *text;
	enum error_code code;
} refusals[] = {
	[MESSAGE_REFUSED_VERSION] = {"the device speaks no protocol version this courier "
				     "knows: update the courier, or the device's agent",
		ERROR_FAILED},
	[MESSAGE_REFUSED_REVOKED] = {"the device holds a revocation of this courier: ask the "
				     "operator for a new courier certificate",
		ERROR_UNAUTHORISED},
	[MESSAGE_REFUSED_EXPIRED] = {"this courier's certificate has expired: renew it with "
				     "courier sync and come back",
		ERROR_EXPIRED},
	[MESSAGE_REFUSED_GROUP] = {"this courier's certificate does not name the device's "
				   "group: ask the operator to add it",
		ERROR_UNAUTHORISED},
	[MESSAGE_REFUSED_ROLE] = {"this courier's certificate is of the fleet, but not a "
				  "courier's: ask the operator to issue one",
		ERROR_UNAUTHORISED},
	[MESSAGE_REFUSED_NOT_YET]
	= {"this courier's certificate begins too far ahead of the "
	   "device's time: ask the operator for a signed time for the device",
		ERROR_UNAUTHORISED},
	[MESSAGE_REFUSED_BUSY] = {"the device is doing something it must finish first: wait "
				  "and try again",
		ERROR_BUSY},
	[MESSAGE_REFUSED_IDENTITY]
	= {"the device is not the one its certificate names: ask the operator "
	   "to certify it again",
		ERROR_WRONG_DEVICE},
};

static const struct refusal *find_refusal(enum message_refusal reason)
{
	static const struct refusal unknown = {"the device gives no reason", ERROR_FAILED};

	return (unsigned)reason < COUNT(refusals) && refusals[reason].text != NULL
		? &refusals[reason]
		: &unknown;
}

const char *message_refusal_text(enum message_refusal reason)
{
	return find_refusal(reason)->text;
}

enum error_code message_refusal_code(enum message_refusal reason)
{
	return find_refusal(reason)->code;
}
