/* trust publish: artifacts into the tree and under the publisher's signature. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "common/artifact.h"
#include "common/file.h"
#include "courier/admin/trust.h"

struct publish_options {
	const char *passphrase_file;
};

static const struct argument options_table[] = {
	{"online-passphrase-file", ARGUMENT_TEXT,
		offsetof(struct publish_options, passphrase_file), "FILE",
		"passphrase of the online keys; else it is asked for"},
};

/* The keys that artifacts of this fleet are signed with. */
struct trusted_keys {
	struct crypto_public *at[AUTHORITY_ARTIFACT_KEYS_MAX];
	size_t count;
};

static void trusted_keys_done(struct trusted_keys *keys)
{
	for (size_t i = 0; i < keys->count; i++)
		crypto_public_free(keys->at[i]);
}

static bool read_keys(const struct trust *trust, struct trusted_keys *out, struct error *err)
{
	char **pems = NULL;
	size_t count = 0;
	bool ok = true;

	if (!authority_artifact_keys(&trust->authority, &pems, &count, err))
		return false;
	for (size_t i = 0; ok && i < count; i++) {
		ok = crypto_public_parse(bytes_of(pems[i]), &out->at[out->count], err);
		out->count += ok;
	}
	authority_texts_free(pems, count);
	return ok;
}

/* ---- one file ---- */

struct publishing {
	struct trust *trust;
	struct trusted_keys keys;
	size_t changed;
};

/* What a device would refuse is refused here: the copy is judged, not what was copied. */
static bool judge(const struct publishing *publishing, const char *path,
	const struct digest *digest, struct artifact *out, struct error *err)
{
	const struct artifact_trust trusted = {publishing->keys.at, publishing->keys.count};
	CLEANUP(file_close) int fd = -1;
	char file[PATH_MAX];

	if (!trust_file_path(publishing->trust, path, digest, file, err))
		return false;
	fd = open(file, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return error_errno(err, "%s: cannot open", file);
	if (!artifact_read(file_source(&fd), &trusted, NULL, out, err))
		return false;
	return digest_equal(&out->digest, digest)
		|| error_set(err, ERROR_DAMAGED, "%s: not what was written there", file);
}

static bool make_facts(const struct artifact *artifact, int64_t length,
	const struct digest *digest, struct json **out, struct error *err)
{
	struct json *const facts = json_new_object();
	struct json *custom = NULL, *types = NULL;

	if (facts == NULL)
		return error_errno(err, "cannot allocate");
	tuf_write_hashes(facts, length, digest);
	custom = json_add_object(facts, "custom");
	json_add_string(custom, "artifact_name", artifact->name);
	types = json_add_array(custom, "device_types");
	for (size_t i = 0; i < artifact->depends.count; i++)
		if (strcmp(artifact->depends.at[i].name, "device_type") == 0)
			json_append_string(types, artifact->depends.at[i].value);
	*out = facts;
	return true;
}

static bool name_of(const char *file, char path[static NAME_MAX + 16], struct error *err)
{
	const char *const slash = strrchr(file, '/');
	const char *const name = slash == NULL ? file : slash + 1;
	const size_t len = strlen(name);
	const size_t plain = strspn(
		name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._+~-");

	if (len == 0 || len > NAME_MAX - DIGEST_TEXT || plain != len || name[0] == '.')
		return error_set(err, ERROR_USAGE,
			"%s: a published file's name has letters, digits and . _ + ~ -, and at "
			"most %d of them",
			file, (int)(NAME_MAX - DIGEST_TEXT));
	(void)snprintf(path, NAME_MAX + 16, "artifacts/%s", name);
	return true;
}

/* Listed already: as the same content, or as other. */
static bool check_listed(const struct publishing *publishing, const char *path,
	const struct digest *digest, bool *same, struct error *err)
{
	const struct json *listed = NULL;
	struct digest before = {{0}};

	if (!trust_target(publishing->trust, path, &listed, err))
		return false;
	*same = false;
	if (listed == NULL)
		return true;
	if (!json_need_digest(json_member(listed, "hashes"), "sha256", &before, err))
		return false;
	*same = digest_equal(&before, digest);
	return *same
		|| error_set(err, ERROR_BUSY,
			"%s is published with other content: give the file another name", path);
}

static bool say_file(const struct publishing *publishing, const char *path, bool same,
	const struct artifact *artifact, struct error *err)
{
	CLEANUP(json_cleanup) struct json *fact = json_new_object();

	json_add_string(fact, "target", path);
	json_add_digest(fact, "sha256", &artifact->digest);
	json_add_integer(fact, "length", (int64_t)artifact->size);
	json_add_bool(fact, "changed", !same);
	return trust_say(publishing->trust, fact, err, "%s: %s%s", path, artifact->name,
		same ? ", as before" : "");
}

static bool log_file(
	struct trust *trust, const char *path, const struct digest *digest, struct error *err)
{
	CLEANUP(json_cleanup) struct json *members = json_new_object();

	json_add_string(members, "target", path);
	json_add_digest(members, "sha256", digest);
	return trust_log(trust, "artifact published", members, err);
}

static bool list_file(struct publishing *publishing, const char *path,
	const struct digest *digest, int64_t length, struct error *err)
{
	CLEANUP(artifact_free) struct artifact artifact = {0};
	CLEANUP(json_cleanup) struct json *facts = NULL;
	bool same = false;

	if (!check_listed(publishing, path, digest, &same, err)
		|| !judge(publishing, path, digest, &artifact, err))
		return false;
	if (!same
		&& (!make_facts(&artifact, length, digest, &facts, err)
			|| !log_file(publishing->trust, path, digest, err)
			|| !trust_target_set(publishing->trust, path, facts, err)))
		return false;
	publishing->changed += !same;
	return say_file(publishing, path, same, &artifact, err);
}

/* A copy of what is then not listed does not stay. */
static void forget(const struct publishing *publishing, const char *path)
{
	const struct json *listed = NULL;
	struct digest digest = {{0}};
	struct error err = {0};
	const bool known = trust_target(publishing->trust, path, &listed, &err)
		&& listed != NULL
		&& json_need_digest(json_member(listed, "hashes"), "sha256", &digest, &err);

	/* What could not be removed lies there unlisted, and harms nobody. */
	if (!trust_file_prune(publishing->trust, path, known ? &digest : NULL, NULL, &err))
		output_trace(publishing->trust->output, "%s", err.text);
}

static bool publish(struct publishing *publishing, const char *file, struct error *err)
{
	char path[NAME_MAX + 16];
	struct digest digest = {{0}};
	int64_t length = 0;

	if (!name_of(file, path, err)
		|| !trust_file_copy(publishing->trust, file, path, &digest, &length, err))
		return false;
	if (list_file(publishing, path, &digest, length, err))
		return true;
	forget(publishing, path);
	return error_while(err, "%s", file);
}

static void publishing_done(struct publishing *publishing)
{
	trusted_keys_done(&publishing->keys);
}

static bool run_publish(struct admin_call *call, const void *given,
	const struct argument_list *words, struct error *err)
{
	const struct publish_options *const options = given;
	CLEANUP(trust_close) struct trust trust = {.authority = {.lock = -1}};
	CLEANUP(publishing_done)
	struct publishing publishing = {.trust = &trust};

	if (words->count == 0)
		return error_set(err, ERROR_USAGE, "needs one or more artifacts");
	if (!trust_open_live(call, &trust, err) || !trust_roles_load(&trust, err)
		|| !read_keys(&trust, &publishing.keys, err))
		return false;
	trust.unlock.file = options->passphrase_file;
	for (size_t i = 0; i < words->count; i++)
		if (!publish(&publishing, words->at[i], err))
			return false;
	return (publishing.changed == 0 || trust_mint(&trust, &(struct trust_change){0}, err))
		&& trust_say_minted(&trust, err);
}

const struct admin_command trust_verb_publish = {
	.name = "publish",
	.arguments = "FILE...",
	.summary = "publish artifacts, for devices to be directed to",
	.options = options_table,
	.option_count = COUNT(options_table),
	.options_size = sizeof(struct publish_options),
	.run = run_publish,
};
