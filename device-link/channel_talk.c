#include "device-link/channel_talk.h"

enum {
	/* What TLS adds to a message at most: some for every record of up to 2^14 bytes. */
	TLS_OVERHEAD = 512,
	TLS_SHARE = 256,         /* and one byte in so many */
	REPLIES_MAX = 64 * 1024, /* bytes of TLS's own that may wait */
};

bool channel_talk_begin(struct channel_talk *talk, enum session_side side,
	const struct session_identity *identity, const struct arq_settings *settings,
	struct error *err)
{
	if (!arq_new(settings, &talk->arq, err))
		return false;

	const bool ok = session_new(side, identity, &talk->session, &talk->stream, err);

	channel_talk_push(talk);
	return ok;
}

void channel_talk_done(struct channel_talk *talk)
{
	arq_free(talk->arq);
	session_free(talk->session);
	buf_free(&talk->stream);
	*talk = (struct channel_talk){NULL, NULL, {0}};
}

void channel_talk_push(struct channel_talk *talk)
{
	size_t taken = 0;

	arq_send(talk->arq, buf_bytes(&talk->stream), &taken);
	buf_drop(&talk->stream, taken);
}

bool channel_talk_feed(struct channel_talk *talk, bool *some, struct error *err)
{
	const struct bytes came = arq_arrived(talk->arq);

	*some = came.len > 0 && talk->stream.len < REPLIES_MAX;
	if (!*some)
		return true;

	const bool ok = session_receive(talk->session, came, &talk->stream, err);

	arq_take(talk->arq, came.len);
	channel_talk_push(talk);
	return ok;
}

void channel_talk_ignore(struct channel_talk *talk)
{
	for (struct bytes came = arq_arrived(talk->arq); came.len > 0;
		came = arq_arrived(talk->arq))
		arq_take(talk->arq, came.len);
}

size_t channel_talk_room(const struct channel_talk *talk)
{
	const size_t all = arq_room(talk->arq);
	const size_t used = talk->stream.len + TLS_OVERHEAD + all / TLS_SHARE;
	const size_t room = all > used ? all - used : 0;

	return room < SESSION_MESSAGE_MAX ? room : (size_t)SESSION_MESSAGE_MAX;
}

bool channel_talk_send(struct channel_talk *talk, struct bytes message, struct error *err)
{
	if (message.len > SESSION_MESSAGE_MAX)
		return error_set(
			err, ERROR_USAGE, "a message of %zu bytes is too large", message.len);
	if (message.len > channel_talk_room(talk))
		return error_set(
			err, ERROR_BUSY, "no room for a message of %zu bytes now", message.len);

	const bool ok = session_send(talk->session, message, &talk->stream, err);

	channel_talk_push(talk);
	return ok;
}

void channel_talk_goodbye(struct channel_talk *talk)
{
	struct error ignored = {0};

	/* When it cannot, the CLOSE that follows has to do. */
	if (talk->session != NULL && session_close(talk->session, &talk->stream, &ignored))
		channel_talk_push(talk);
}

bool channel_talk_delivered(const struct channel_talk *talk)
{
	return talk->arq == NULL || (talk->stream.len == 0 && arq_idle(talk->arq));
}
