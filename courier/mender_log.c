/*
 * The deployment log.  Lines are taken from the newest backwards until the body is full,
 * so that memory and time stay in proportion to what is sent.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "courier/mender_answer.h"
#include "courier/mender_request.h"

enum { LEVEL_MAX = 16, WARNING_MAX = 256 /* bytes kept free for the first message */ };

struct message {
	char time[64];
	char level[LEVEL_MAX];
	char text[MENDER_LINE_MAX + 1];
};

/* Messages as they were taken: the newest first. */
struct pile {
	struct buf text; /* each ends with a comma */
	size_t *starts;  /* of each in TEXT */
	size_t count, room;
	size_t budget; /* bytes that may still be taken */
};

static void pile_done(struct pile *pile)
{
	buf_free(&pile->text);
	free(pile->starts);
}

static bool pile_start(struct pile *pile, struct error *err)
{
	if (pile->count == pile->room) {
		const size_t room = 2 * pile->room + 64;
		size_t *const starts = realloc(pile->starts, room * sizeof(*starts));

		if (starts == NULL)
			return error_errno(err, "cannot allocate");
		pile->starts = starts;
		pile->room = room;
	}
	pile->starts[pile->count++] = pile->text.len;
	return true;
}

static bool message_print(const char *time, const char *level, const char *text,
	struct buf *out, struct error *err)
{
	CLEANUP(json_cleanup) struct json *object = json_new_object();

	json_add_string(object, "timestamp", time);
	json_add_string(object, "level", level);
	json_add_string(object, "message", text);
	return json_print(object, out, err) && buf_append(out, bytes_of(","), err);
}

/* Add a message unless it is too much: then *FULL, and nothing is added. */
static bool pile_add(struct pile *pile, const char *time, const char *level, const char *text,
	bool *full, struct error *err)
{
	CLEANUP(buf_free) struct buf printed = {0};

	if (!message_print(time, level, text, &printed, err))
		return false;
	*full = printed.len > pile->budget;
	if (*full)
		return true;
	pile->budget -= printed.len;
	return pile_start(pile, err) && buf_append(&pile->text, buf_bytes(&printed), err);
}

/* The length of the first word of TEXT; 0 when it is as long as ROOM or longer. */
static size_t word(const char *text, size_t room)
{
	const size_t len = strcspn(text, " \t");

	return len < room && text[len] != 0 ? len : 0;
}

/* Take a level's name off the front of *TEXT. */
static void level_take(const char **text, char level[static LEVEL_MAX])
{
	static const char *const levels[] = {"debug", "info", "warning", "error"};
	const size_t len = word(*text, LEVEL_MAX);

	for (size_t i = 0; i < COUNT(levels); i++) {
		if (len != strlen(levels[i]) || strncasecmp(*text, levels[i], len) != 0)
			continue;
		memcpy(level, levels[i], len + 1);
		*text += len + strspn(*text + len, " \t");
		return;
	}
}

/* Take a time off the front of *TEXT. */
static bool time_take(const char **text, char *time, size_t room)
{
	char first[64];
	const size_t len = word(*text, room < sizeof(first) ? room : sizeof(first));
	struct error none = {0};
	int64_t parsed = 0;

	if (len == 0)
		return false;
	memcpy(first, *text, len);
	first[len] = 0;
	if (!mender_time_parse(first, &parsed, &none))
		return false;
	memcpy(time, first, len + 1);
	*text += len + strspn(*text + len, " \t");
	return true;
}

/* LINE as a message; false when it has no text.  Control characters that a server may
 * choke on become spaces. */
static bool message_of(struct bytes line, const char *time, struct message *out)
{
	const size_t len = mender_cut(line, MENDER_LINE_MAX);
	char text[MENDER_LINE_MAX + 1];
	const char *rest = text;

	for (size_t i = 0; i < len; i++)
		text[i] = (char)(line.at[i] < ' ' && line.at[i] != '\t' ? ' ' : line.at[i]);
	text[len] = 0;
	rest += strspn(rest, " \t");
	(void)snprintf(out->time, sizeof(out->time), "%s", time);
	(void)snprintf(out->level, sizeof(out->level), "info");
	if (time_take(&rest, out->time, sizeof(out->time)))
		level_take(&rest, out->level);
	memcpy(out->text, rest, strlen(rest) + 1);
	return rest[0] != 0;
}

/* The last line of *LOG, which it leaves. */
static struct bytes last_line(struct bytes *log)
{
	size_t start = log->len;

	while (start > 0 && log->at[start - 1] != '\n')
		start--;

	const struct bytes line = {log->at + start, log->len - start};

	log->len = start > 0 ? start - 1 : 0;
	return line;
}

/* Take lines until the pile is full; *LEFT is how many messages were not taken. */
static bool take_lines(struct pile *pile, struct bytes log, const char *time,
	struct message *message, size_t *left, struct error *err)
{
	bool full = false;

	while (log.len > 0) {
		const struct bytes line = last_line(&log);

		if (!message_of(line, time, message))
			continue;
		if (!full
			&& !pile_add(
				pile, message->time, message->level, message->text, &full, err))
			return false;
		*left += full;
	}
	return true;
}

static bool add_receipt(
	struct pile *pile, struct bytes receipt, const char *time, struct error *err)
{
	CLEANUP(buf_free) struct buf text = {0};
	const char *message = NULL;
	bool full = false;

	if (receipt.len == 0)
		return true;
	if (!json_check(receipt, JSON_FOREIGN, err))
		return error_while(err, "receipt");
	if (!buf_append(&text, bytes_of("courier-receipt: "), err)
		|| !buf_append(&text, receipt, err) || !buf_text(&text, &message, err)
		|| !pile_add(pile, time, "info", message, &full, err))
		return false;
	return !full || error_set(err, ERROR_MALFORMED, "receipt: too large for the server");
}

static bool pile_print(const struct pile *pile, size_t left, const char *time, struct buf *out,
	struct error *err)
{
	char words[96];

	(void)snprintf(words, sizeof(words),
		"courier: %zu older lines did not fit and are left out", left);
	if (!buf_append(out, bytes_of("{\"messages\":["), err)
		|| (left > 0 && !message_print(time, "warning", words, out, err)))
		return false;
	for (size_t i = pile->count, end = pile->text.len; i-- > 0; end = pile->starts[i]) {
		const struct bytes message
			= {pile->text.at + pile->starts[i], end - pile->starts[i]};

		if (!buf_append(out, message, err))
			return false;
	}
	out->len--; /* the last comma */
	return buf_append(out, bytes_of("]}"), err);
}

bool mender_request_log(struct bytes log, struct bytes receipt, int64_t unix_seconds,
	struct buf *out, struct error *err)
{
	CLEANUP(pile_done) struct pile pile = {.budget = MENDER_BODY_MAX - WARNING_MAX};
	CLEANUP(buf_free) struct buf body = {0};
	struct message message = {0};
	char time[MENDER_TIME_SIZE];
	size_t left = 0;

	mender_time_print(unix_seconds, time);
	if (!add_receipt(&pile, receipt, time, err)
		|| !take_lines(&pile, log, time, &message, &left, err))
		return false;
	if (pile.count == 0)
		return true;
	return pile_print(&pile, left, time, &body, err)
		&& buf_append(out, buf_bytes(&body), err);
}
