#include <stdio.h>
#include <string.h>

#include "common/file.h"
#include "courier/admin/authority_parts.h"

static bool read_log(const struct authority *authority, struct buf *out, struct error *err)
{
	char path[PATH_MAX];

	return authority_path(authority, path, err, "issued.log")
		&& file_read(path, AUTHORITY_LOG_MAX, out, NULL, err);
}

/* The line names the one before it; *LAST becomes its own digest. */
static bool check_line(struct bytes line, struct digest *last, struct error *err)
{
	CLEANUP(json_cleanup) struct json *object = NULL;
	struct digest previous = {{0}};

	if (!json_parse(line, JSON_SIGNED, &object, err)
		|| !json_need_digest(object, "previous", &previous, err))
		return false;
	if (!digest_equal(&previous, last))
		return error_set(err, ERROR_DAMAGED,
			"it does not follow the line before: one was changed or taken away");
	return crypto_sha256(line, last, err);
}

static bool check_lines(struct bytes log, struct digest *last, struct error *err)
{
	for (size_t number = 1; log.len > 0; number++) {
		const uint8_t *const end = memchr(log.at, '\n', log.len);
		const size_t len = end == NULL ? log.len : (size_t)(end - log.at);

		if (end == NULL)
			return error_set(err, ERROR_DAMAGED, "line %zu has no end", number);
		if (!check_line((struct bytes){log.at, len}, last, err))
			return error_while(err, "line %zu", number);
		log.at += len + 1;
		log.len -= len + 1;
	}
	return true;
}

bool authority_log_check(struct authority *authority, struct error *err)
{
	CLEANUP(buf_free) struct buf log = {0};
	struct digest last = {{0}};

	if (!read_log(authority, &log, err))
		return false;
	if (!check_lines(buf_bytes(&log), &last, err)) {
		err->code = ERROR_DAMAGED;
		return error_while(err, "%s/issued.log", authority->directory);
	}
	authority->last = last;
	return true;
}

bool authority_log(struct authority *authority, const char *event, int64_t now,
	const struct json *members, struct error *err)
{
	CLEANUP(json_cleanup) struct json *object = json_new_object();
	CLEANUP(buf_free) struct buf log = {0}, line = {0};
	struct digest last = {{0}};
	char path[PATH_MAX];
	bool found = false;

	json_add_digest(object, "previous", &authority->last);
	json_add_integer(object, "time", now);
	json_add_string(object, "event", event);
	for (const struct json *at = members == NULL ? NULL : json_first(members); at != NULL;
		at = json_next(at))
		json_add_copy(object, json_name(at), at);
	if (!json_print(object, &line, err) || !crypto_sha256(buf_bytes(&line), &last, err)
		|| !buf_append(&line, bytes_of("\n"), err)
		|| !authority_path(authority, path, err, "issued.log")
		|| !file_read(path, AUTHORITY_LOG_MAX, &log, &found, err)
		|| !buf_append(&log, buf_bytes(&line), err)
		|| !file_replace(path, buf_bytes(&log), 0600, err))
		return error_while(err, "issued.log");
	authority->last = last;
	return true;
}

bool authority_log_has(const struct authority *authority, const struct digest *certificate,
	bool *found, struct error *err)
{
	CLEANUP(buf_free) struct buf log = {0};
	char hex[DIGEST_TEXT], member[DIGEST_TEXT + 32];

	digest_text(certificate, hex);
	(void)snprintf(member, sizeof(member), "\"certificate\":\"%s\"", hex);
	if (!read_log(authority, &log, err))
		return false;
	*found = log.len > 0 && memmem(log.at, log.len, member, strlen(member)) != NULL;
	return true;
}
