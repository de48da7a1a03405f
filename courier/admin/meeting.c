#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "courier/admin/meeting.h"

enum { MEETINGS_MAX = 10000, KEY_SHORTEST = 8, KEY_SHOWN = 16 /* characters */ };

#define ATTRIBUTE "courier_pairing_"

static void meeting_done(struct meeting *meeting)
{
	device_request_free(&meeting->request);
}

void meetings_free(struct meetings *meetings)
{
	for (size_t i = 0; i < meetings->count; i++)
		meeting_done(&meetings->at[i]);
	free(meetings->at);
	*meetings = (struct meetings){0};
}

/* ---- finding them ---- */

/* What one adds to, and from what. */
struct finding {
	struct meetings *meetings;
	const struct output *output;
	const struct authority *authority;
	const struct courier_record *record;
	const struct control *control;
	const struct enrol_devices *devices;
	const struct enrol_keys *keys;
};

static bool push(struct meetings *meetings, struct meeting *meeting, struct error *err)
{
	if (meetings->count == MEETINGS_MAX)
		return error_set(err, ERROR_FAILED, "over %d devices were met", MEETINGS_MAX);
	if (meetings->count == meetings->room) {
		const size_t room = 2 * meetings->room + 16;
		struct meeting *const at = realloc(meetings->at, room * sizeof(*meetings->at));

		if (at == NULL)
			return error_errno(err, "cannot allocate");
		meetings->at = at;
		meetings->room = room;
	}
	meetings->at[meetings->count++] = *meeting;
	*meeting = (struct meeting){.done = false};
	return true;
}

/* How it stands with the authority, the bundle and the server. */
static bool look_up(const struct finding *finding, struct meeting *meeting, struct error *err)
{
	CLEANUP(device_record_free) struct device_record known = {0};
	const struct identity *const said = &meeting->request.statement;
	const struct control_device *const listed
		= bundle_find(finding->control, said->identity);
	bool found = false;

	meeting->device = enrol_devices_find(finding->devices, said->identity);
	enrol_displaces(meeting->device, finding->record, finding->keys, &meeting->now);

	const struct admin_set *const ours = meeting->device == NULL
		? NULL
		: admin_device_set(meeting->device, &finding->record->server);

	meeting->now.status = ours == NULL ? ADMIN_NO_SETS : ours->status;
	if (listed == NULL)
		return true;
	memcpy(meeting->id, listed->id, sizeof(meeting->id));
	if (!device_record_read(finding->authority, listed->id, &known, &found, err))
		return false;
	meeting->done = found && digest_equal(&known.key, &said->key) && listed->chain != NULL
		&& (meeting->now.status == ADMIN_ACCEPTED
			|| meeting->now.status == ADMIN_PREAUTHORISED);
	return true;
}

static void meeting_cleanup(struct meeting *meeting)
{
	meeting_done(meeting);
}

OWNER_UNSEEN_BEGIN
static bool add(const struct finding *finding, const char *name, const char *envelope,
	struct error *err)
{
	CLEANUP(meeting_cleanup) struct meeting meeting = {.done = false};
	struct error why = {0};

	memcpy(meeting.courier, finding->record->id, sizeof(meeting.courier));
	if (!device_request_parse(bytes_of(envelope), &meeting.request, &why)
		|| meeting.request.statement.identity == NULL) {
		output_say(finding->output, "%s met by %s does not verify and is left out: %s",
			name, finding->record->id, why.text);
		return true;
	}
	digest_text(&meeting.request.statement.key, meeting.key);
	return look_up(finding, &meeting, err) && push(finding->meetings, &meeting, err);
}
OWNER_UNSEEN_END

static bool add_all(
	const struct finding *finding, const struct json *inventory, struct error *err)
{
	for (const struct json *at = json_first(inventory); at != NULL; at = json_next(at)) {
		const char *const name = json_string(json_member(at, "name"));
		const char *const value = json_string(json_member(at, "value"));

		if (name != NULL && value != NULL
			&& strncmp(name, ATTRIBUTE, strlen(ATTRIBUTE)) == 0
			&& !add(finding, name, value, err))
			return false;
	}
	return true;
}

bool meetings_add(struct meetings *meetings, const struct output *output,
	const struct authority *authority, const struct courier_record *record,
	const struct control *control, struct admin *admin, const struct enrol_devices *devices,
	const struct enrol_keys *keys, struct error *err)
{
	const struct finding finding
		= {meetings, output, authority, record, control, devices, keys};
	CLEANUP(json_cleanup) struct json *inventory = NULL;
	char identity[CERTIFICATE_ID_MAX + 16];

	if (!enrol_courier_identity(record->id, identity, err))
		return false;

	const struct admin_device *const self = enrol_devices_find(devices, identity);

	if (self == NULL)
		return true;
	return (admin->kind->inventory(admin, self->id, &inventory, err)
		       && add_all(&finding, inventory, err))
		|| error_while(err, "what %s met", record->id);
}

/* ---- choosing ---- */

static bool same_identity(const struct meeting *a, const struct meeting *b)
{
	return strcmp(a->request.statement.identity, b->request.statement.identity) == 0;
}

void meetings_sift(struct meetings *meetings)
{
	size_t kept = 0;

	for (size_t i = 0; i < meetings->count; i++)
		for (size_t j = 0; j < meetings->count; j++)
			meetings->at[i].rival |= i != j && !meetings->at[i].done
				&& same_identity(&meetings->at[i], &meetings->at[j]);
	for (size_t i = 0; i < meetings->count; i++) {
		if (meetings->at[i].done)
			meeting_done(&meetings->at[i]);
		else
			meetings->at[kept++] = meetings->at[i];
	}
	meetings->count = kept;
}

static bool is_called(const struct meeting *meeting, const char *name)
{
	const size_t len = strlen(name);

	return strcmp(meeting->id, name) == 0
		|| (meeting->device != NULL && strcmp(meeting->device->id, name) == 0)
		|| (len >= KEY_SHORTEST && strncmp(meeting->key, name, len) == 0);
}

bool meetings_find(
	const struct meetings *meetings, const char *name, size_t *out, struct error *err)
{
	size_t found = meetings->count;

	for (size_t i = 0; i < meetings->count; i++) {
		if (!is_called(&meetings->at[i], name))
			continue;
		if (found < meetings->count)
			return error_set(err, ERROR_BUSY,
				"%s was met more than once: say which by its key or with "
				"--courier",
				name);
		found = i;
	}
	if (found == meetings->count)
		return error_set(err, ERROR_USAGE,
			"%s: nothing pending is called so; courier-admin enroll --pending "
			"shows what is",
			name);
	*out = found;
	return true;
}

/* ---- showing ---- */

static bool print_text(const struct meeting *meeting, struct buf *text, struct error *err)
{
	const struct identity *const said = &meeting->request.statement;

	if (!buf_print(text, err, "%-16s key %.*s, type %s, %s; met by %s; its key is %s",
		    meeting->id[0] == 0 ? "(no id yet)" : meeting->id, KEY_SHOWN, meeting->key,
		    said->device_type, said->identity, meeting->courier,
		    meeting->now.status == ADMIN_NO_SETS
			    ? "unknown to the server"
			    : admin_status_name(meeting->now.status)))
		return false;
	for (size_t i = 0; i < meeting->now.displaced_count; i++)
		if (!buf_print(text, err, "%s%s (%s)", i == 0 ? "; accepting displaces " : ", ",
			    meeting->now.displaced[i].holder,
			    admin_status_name(meeting->now.displaced[i].was)))
			return false;
	return !meeting->rival
		|| buf_print(text, err,
			"; BEWARE: this identity was met more than once, or with two keys");
}

bool meeting_show(const struct meeting *meeting, const struct output *output, struct error *err)
{
	CLEANUP(json_cleanup) struct json *fact = json_new_object();
	CLEANUP(buf_free) struct buf text = {0};
	const char *line = NULL;

	json_add_string(fact, "pending", meeting->key);
	if (meeting->id[0] != 0)
		json_add_string(fact, "device", meeting->id);
	json_add_string(fact, "identity", meeting->request.statement.identity);
	json_add_string(fact, "type", meeting->request.statement.device_type);
	json_add_string(fact, "courier", meeting->courier);
	if (meeting->device != NULL)
		json_add_string(fact, "server_device", meeting->device->id);
	json_add_string(fact, "status", admin_status_name(meeting->now.status));
	json_add_bool(fact, "rival", meeting->rival);

	struct json *const displaces = json_add_array(fact, "displaces");

	for (size_t i = 0; i < meeting->now.displaced_count; i++)
		json_append_string(displaces, meeting->now.displaced[i].holder);
	if (!print_text(meeting, &text, err) || !buf_text(&text, &line, err))
		return false;
	output_fact(output, fact, line);
	return true;
}
