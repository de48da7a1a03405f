/* trust direct: what each device is to install, by name or as a deployment at the server has
 * it.  From the server come only names: digests are those of what was published. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "courier/admin/enrol.h"
#include "courier/admin/trust.h"

struct direct_options {
	struct argument_list artifacts;
	const char *deployment, *from_mender, *device_type, *passphrase_file;
	struct enrol_access access;
};

#define AT(member) offsetof(struct direct_options, member)

static const struct argument options_table[] = {
	{"artifact", ARGUMENT_LIST, AT(artifacts), "FILE",
		"published artifact, by its file name; may be repeated"},
	{"deployment", ARGUMENT_TEXT, AT(deployment), "ID", "the deployment it belongs to"},
	{"device-type", ARGUMENT_TEXT, AT(device_type), "TYPE",
		"of these devices; chooses among several artifacts"},
	{"from-mender", ARGUMENT_TEXT, AT(from_mender), "DEPLOYMENT",
		"devices and artifact as this deployment at the server has them"},
	{"server", ARGUMENT_TEXT, AT(access.url), "URL", "the central server"},
	{"ca", ARGUMENT_TEXT, AT(access.ca), "FILE",
		"its certificate authority; else the system's"},
	{"proxy", ARGUMENT_TEXT, AT(access.proxy), "URL", "to reach it through"},
	{"token-file", ARGUMENT_TEXT, AT(access.token_file), "FILE", "your access token there"},
	{"login-file", ARGUMENT_TEXT, AT(access.login_file), "FILE",
		"two lines: user, password"},
	{"user", ARGUMENT_TEXT, AT(access.user), "NAME",
		"your user; the password is asked for"},
	{"online-passphrase-file", ARGUMENT_TEXT, AT(passphrase_file), "FILE",
		"passphrase of the online keys; else it is asked for"},
};

struct directing {
	struct trust trust;
	const struct direct_options *options;
	struct trust_directing it;
	char (*paths)[NAME_MAX + 16]; /* of the artifacts named */
	struct admin *admin;
	struct device_id {
		char *identity, *id;
	} * devices; /* on record here */
	size_t device_count;
};

static void directing_done(struct directing *self)
{
	for (size_t i = 0; i < self->device_count; i++) {
		free(self->devices[i].identity);
		free(self->devices[i].id);
	}
	free(self->devices);
	free(self->paths);
	json_free(self->it.directed);
	admin_close(self->admin);
	trust_close(&self->trust);
}

/* One device that cannot be directed keeps none of the others waiting. */
static bool direct(
	struct directing *self, const char *device, const char *device_type, struct error *err)
{
	CLEANUP(json_cleanup) struct json *fact = json_new_object();
	struct error why = {0};

	if (trust_direct_device(&self->it, device, device_type, &why))
		return true;
	self->it.failed++;
	json_add_string(fact, "device", device);
	json_add_string(fact, "error", why.text);
	return trust_say(&self->trust, fact, err, "%-24s FAILED: %s", device, why.text);
}

/* ---- by name ---- */

static bool name_artifacts(struct directing *self, struct error *err)
{
	const struct argument_list *const names = &self->options->artifacts;

	self->paths = calloc(names->count, sizeof(*self->paths));
	if (self->paths == NULL)
		return error_errno(err, "cannot allocate");
	for (size_t i = 0; i < names->count; i++) {
		const char *const name = strncmp(names->at[i], "artifacts/", 10) == 0
			? names->at[i] + 10
			: names->at[i];

		if (strlen(name) > NAME_MAX)
			return error_set(err, ERROR_USAGE, "--artifact: the name is too long");
		(void)snprintf(self->paths[i], sizeof(*self->paths), "artifacts/%s", name);
		self->it.artifacts.at[self->it.artifacts.count++] = self->paths[i];
	}
	return true;
}

static bool direct_named(
	struct directing *self, const struct argument_list *words, struct error *err)
{
	self->it.deployment = self->options->deployment;
	if (!name_artifacts(self, err))
		return false;
	for (size_t i = 0; i < words->count; i++)
		if (!direct(self, words->at[i], self->options->device_type, err))
			return false;
	return true;
}

/* ---- from a deployment ---- */

OWNER_UNSEEN_BEGIN
static bool remember(void *at, const struct device_record *record, struct error *err)
{
	struct directing *const self = at;
	void *const more
		= realloc(self->devices, (self->device_count + 1) * sizeof(*self->devices));

	if (more == NULL)
		return error_errno(err, "cannot allocate");
	self->devices = more;
	if (record->identity == NULL)
		return true;

	struct device_id *const device = &self->devices[self->device_count++];

	*device = (struct device_id){strdup(record->identity), strdup(record->id)};
	return (device->identity != NULL && device->id != NULL)
		|| error_errno(err, "cannot allocate");
}
OWNER_UNSEEN_END

static const char *id_of(const struct directing *self, const char *identity)
{
	for (size_t i = 0; i < self->device_count; i++)
		if (strcmp(self->devices[i].identity, identity) == 0)
			return self->devices[i].id;
	return NULL;
}

/* What the device said its type is; into TYPE, empty when it did not. */
static bool type_of(struct directing *self, const char *server_id,
	char type[static ARTIFACT_NAME_MAX + 1], struct error *err)
{
	CLEANUP(json_cleanup) struct json *inventory = NULL;
	const char *found = NULL;

	if (!self->admin->kind->inventory(self->admin, server_id, &inventory, err))
		return false;
	found = enrol_attribute(inventory, "device_type");
	if (found != NULL && strlen(found) <= ARTIFACT_NAME_MAX)
		memcpy(type, found, strlen(found) + 1);
	return true;
}

static bool direct_server_device(void *at, const char *server_id, struct error *err)
{
	struct directing *const self = at;
	CLEANUP(admin_device_free) struct admin_device device = {0};
	CLEANUP(json_cleanup) struct json *fact = json_new_object();
	char type[ARTIFACT_NAME_MAX + 1] = "";
	bool found = false;

	if (!self->admin->kind->device(self->admin, server_id, &device, &found, err))
		return false;

	const char *const id = found ? id_of(self, device.id_data) : NULL;

	if (id != NULL)
		return type_of(self, server_id, type, err)
			&& direct(self, id, type[0] == 0 ? NULL : type, err);
	self->it.failed++;
	json_add_string(fact, "server_device", server_id);
	json_add_string(fact, "error", "no device of that identity is certified here");
	return trust_say(&self->trust, fact, err,
		"%-24s FAILED: no device of identity %s is certified here", server_id,
		found ? device.id_data : "?");
}

static bool direct_deployment(struct directing *self, struct error *err)
{
	CLEANUP(admin_deployment_free) struct admin_deployment deployment = {.artifact = NULL};
	const char *const id = self->options->from_mender;

	self->it.deployment = id;
	if (!enrol_open(&self->options->access, &self->admin, err)
		|| !device_record_each(&self->trust.authority, remember, self, err)
		|| !self->admin->kind->deployment(self->admin, id, &deployment, err)
		|| !trust_artifacts_named(
			&self->trust, deployment.artifact, &self->it.artifacts, err))
		return error_while(err, "deployment %s", id);
	for (size_t i = 0; i < deployment.count; i++)
		if (!direct_server_device(self, deployment.devices[i], err))
			return false;
	return true;
}

/* ---- the verb ---- */

static bool check_options(const struct direct_options *options,
	const struct argument_list *words, struct error *err)
{
	if (options->from_mender != NULL)
		return (words->count == 0 && options->artifacts.count == 0
			       && options->deployment == NULL && options->device_type == NULL)
			|| error_set(err, ERROR_USAGE,
				"--from-mender says itself which devices and artifacts");
	if (options->access.url != NULL)
		return error_set(err, ERROR_USAGE, "--server goes with --from-mender");
	if (words->count == 0 || options->artifacts.count == 0 || options->deployment == NULL)
		return error_set(err, ERROR_USAGE,
			"needs devices, --artifact FILE and --deployment ID, or --from-mender");
	return true;
}

static bool run_direct(struct admin_call *call, const void *given,
	const struct argument_list *words, struct error *err)
{
	const struct direct_options *const options = given;
	CLEANUP(directing_done)
	struct directing self = {.trust.authority.lock = -1, .options = options};

	if (!check_options(options, words, err) || !trust_open_live(call, &self.trust, err)
		|| !trust_roles_load(&self.trust, err))
		return false;
	self.trust.unlock.file = options->passphrase_file;
	self.it.trust = &self.trust;
	self.it.directed = json_new_array();
	if (!(options->from_mender != NULL ? direct_deployment(&self, err)
					   : direct_named(&self, words, err))
		|| (self.it.changed > 0
			&& !(trust_directing_log(&self.it, err)
				&& trust_mint(&self.trust, &(struct trust_change){0}, err)))
		|| !trust_say_minted(&self.trust, err))
		return false;
	return self.it.failed == 0
		|| error_set(
			err, ERROR_PARTIAL, "%zu devices were not directed", self.it.failed);
}

const struct admin_command trust_verb_direct = {
	.name = "direct",
	.arguments = "DEVICE... --artifact FILE --deployment ID | --from-mender DEPLOYMENT "
		     "--server URL",
	.summary = "direct devices to what was published",
	.options = options_table,
	.option_count = COUNT(options_table),
	.options_size = sizeof(struct direct_options),
	.run = run_direct,
};
