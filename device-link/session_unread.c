#include "device-link/session_unread.h"
#include "device-link/wire.h"

bool session_unread_room(struct session_unread *unread, size_t more, struct error *err)
{
	buf_drop(&unread->bytes, unread->taken);
	unread->checked -= unread->taken;
	unread->taken = 0;
	return (more <= SESSION_UNREAD_MAX && unread->bytes.len + more <= SESSION_UNREAD_MAX)
		|| error_set(err, ERROR_BUSY, "messages wait to be taken");
}

/* The length before the message at OFFSET; false while it has not come. */
static bool length_at(const struct session_unread *unread, size_t offset, size_t *len)
{
	if (offset > unread->bytes.len || unread->bytes.len - offset < SESSION_LENGTH_SIZE)
		return false;

	struct wire_reader reader = {.rest = {unread->bytes.at + offset, SESSION_LENGTH_SIZE}};

	*len = (size_t)wire_read_integer(&reader, SESSION_LENGTH_SIZE);
	return true;
}

/* Look at each length as soon as it is here: what comes after a wrong one is no
 * message, and not to be waited for. */
bool session_unread_add(struct session_unread *unread, struct bytes more, struct error *err)
{
	size_t len = 0;

	if (!buf_append(&unread->bytes, more, err))
		return false;
	while (length_at(unread, unread->checked, &len)) {
		if (len == 0 || len > SESSION_MESSAGE_MAX)
			return error_set(err, ERROR_MALFORMED,
				"a message of %zu bytes, where 1 to %d are allowed", len,
				SESSION_MESSAGE_MAX);
		unread->checked += SESSION_LENGTH_SIZE + len;
	}
	return true;
}

bool session_unread_next(struct session_unread *unread, struct bytes *message)
{
	const size_t start = unread->taken + SESSION_LENGTH_SIZE;
	size_t len = 0;

	if (!length_at(unread, unread->taken, &len) || len == 0
		|| unread->bytes.len - start < len)
		return false;
	*message = (struct bytes){unread->bytes.at + start, len};
	unread->taken = start + len;
	return true;
}

void session_unread_free(struct session_unread *unread)
{
	buf_free(&unread->bytes);
}
