/* trust sign: a holder reads what is to be signed, and signs it, or does not. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/file.h"
#include "courier/admin/trust.h"

struct sign_options {
	const char *key, *passphrase_file;
	struct argument_list digests;
};

#define AT(member) offsetof(struct sign_options, member)

static const struct argument options_table[] = {
	{"key", ARGUMENT_TEXT, AT(key), "FILE", "the holder's key, HOLDER.pem"},
	{"key-passphrase-file", ARGUMENT_TEXT, AT(passphrase_file), "FILE",
		"its passphrase; else it is asked for"},
	{"digest", ARGUMENT_LIST, AT(digests), "HEX",
		"sign what has this digest, which you read before; else you are asked"},
};

/* ---- consent ---- */

static bool read_answer(int fd, char *answer, size_t room, struct error *err)
{
	size_t len = 0;
	char byte = 0;

	for (;;) {
		const ssize_t got = read(fd, &byte, 1);

		if (got < 0)
			return error_errno(err, "cannot read the answer");
		if (got == 0 || byte == '\n')
			break;
		if (len + 1 < room)
			answer[len++] = byte;
	}
	answer[len] = 0;
	return true;
}

static bool ask(const char *description, struct error *err)
{
	static const char question[] = "sign this? type yes: ";
	CLEANUP(file_close) int fd = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);
	const struct sink tty = file_sink(&fd);
	char answer[8] = "";

	if (fd < 0)
		return error_set(err, ERROR_USAGE,
			"no terminal to ask at: read it with courier-admin trust show DIR, and "
			"give --digest");
	if (!tty.write(tty.self, bytes_of(description), err)
		|| !tty.write(tty.self, bytes_of(question), err)
		|| !read_answer(fd, answer, sizeof(answer), err))
		return false;
	return strcmp(answer, "yes") == 0
		|| error_set(err, ERROR_UNAUTHORISED, "not signed, as you wish");
}

static bool is_given(const struct sign_options *options, const char *digest)
{
	for (size_t i = 0; i < options->digests.count; i++)
		if (strcmp(options->digests.at[i], digest) == 0)
			return true;
	return false;
}

static bool consent(const struct sign_options *options, const struct trust_stage *stage,
	enum tuf_kind kind, struct error *err)
{
	CLEANUP(buf_free) struct buf text = {0};
	char digest[DIGEST_TEXT];
	const char *description = NULL;

	if (!trust_stage_digest(stage, kind, digest, err))
		return false;
	if (options->digests.count > 0)
		return is_given(options, digest)
			|| error_set(err, ERROR_UNAUTHORISED,
				"%s: what is to be signed has digest %s, which was not given",
				tuf_kind_name(kind), digest);
	return trust_stage_describe(stage, kind, &text, err)
		&& buf_text(&text, &description, err) && ask(description, err);
}

/* ---- signing ---- */

/* Under which keyids ROOT has this key among those that sign KIND. */
static size_t keyids_of(const struct tuf_metadata *root, enum tuf_kind kind,
	const struct digest *fingerprint, const char **ids, size_t room)
{
	const struct tuf_role *const role = &root->roles[kind];
	const char *const *const all = role->keyids.at;
	size_t count = 0;

	for (size_t i = 0; i < role->keyids.count && count < room; i++) {
		const struct tuf_key *const key = tuf_key_find(&root->keys, all[i]);

		if (key != NULL && key->public != NULL
			&& digest_equal(&key->fingerprint, fingerprint))
			ids[count++] = all[i];
	}
	return count;
}

enum { IDS_MAX = 8 };

static size_t all_keyids(const struct trust_stage *stage, enum tuf_kind kind,
	const struct digest *fingerprint, const char *ids[static IDS_MAX])
{
	size_t count = 0;

	if (stage->has[TUF_ROOT])
		count = keyids_of(stage->metadata[TUF_ROOT], kind, fingerprint, ids, IDS_MAX);
	if (stage->trusted != NULL)
		count += keyids_of(
			stage->trusted, kind, fingerprint, ids + count, IDS_MAX - count);
	return count;
}

struct signing {
	struct admin_call *call;
	const struct sign_options *options;
	struct trust_stage stage;
	struct crypto_key *key;
	struct digest fingerprint;
	size_t done;
};

static void signing_done(struct signing *signing)
{
	trust_stage_free(&signing->stage);
	crypto_key_free(signing->key);
}

static bool show(const struct signing *signing, enum tuf_kind kind, struct error *err)
{
	CLEANUP(json_cleanup) struct json *fact = json_new_object();
	CLEANUP(buf_free) struct buf text = {0};
	const char *line = NULL;
	const struct tuf_metadata *const metadata = signing->stage.metadata[kind];

	json_add_string(fact, "signed", tuf_kind_name(kind));
	json_add_integer(fact, "version", metadata->version);
	if (!buf_print(&text, err, "signed %s, version %lld", tuf_kind_name(kind),
		    (long long)metadata->version)
		|| !buf_text(&text, &line, err))
		return false;
	output_fact(&signing->call->output, fact, line);
	return true;
}

static bool sign_kind(struct signing *signing, enum tuf_kind kind, struct error *err)
{
	const char *ids[IDS_MAX];
	size_t count = 0;

	if (!signing->stage.has[kind])
		return true;
	count = all_keyids(&signing->stage, kind, &signing->fingerprint, ids);
	if (count == 0)
		return true;
	if (!consent(signing->options, &signing->stage, kind, err))
		return false;
	for (size_t i = 0; i < count; i++)
		if (!tuf_draft_sign(&signing->stage.draft[kind], ids[i], signing->key, err))
			return false;
	signing->done++;
	return show(signing, kind, err);
}

static bool load_key(struct signing *signing, struct error *err)
{
	const struct unlock unlock = {signing->options->passphrase_file, -1};
	CLEANUP(crypto_public_cleanup) struct crypto_public *public = NULL;
	PASSPHRASE passphrase = {{0}};

	return passphrase_get(&unlock, "passphrase of the key", &passphrase, err)
		&& crypto_key_load(signing->options->key, &passphrase, &signing->key, err)
		&& crypto_public_of(signing->key, &public, err)
		&& crypto_public_fingerprint(public, &signing->fingerprint, err);
}

static bool run_sign(struct admin_call *call, const void *given,
	const struct argument_list *words, struct error *err)
{
	CLEANUP(signing_done) struct signing signing = {.call = call, .options = given};
	const char *directory = NULL;

	if (!admin_only_word(words, "the staged directory", &directory, err))
		return false;
	if (signing.options->key == NULL)
		return error_set(err, ERROR_USAGE, "needs --key FILE");
	if (!trust_stage_read(directory, &signing.stage, err) || !load_key(&signing, err)
		|| !sign_kind(&signing, TUF_ROOT, err)
		|| !sign_kind(&signing, TUF_TARGETS, err))
		return false;
	if (signing.done == 0)
		return error_set(err, ERROR_UNAUTHORISED,
			"%s: nothing here is for this key to sign", signing.options->key);
	return trust_stage_write(directory, &signing.stage, err);
}

const struct admin_command trust_verb_sign = {
	.name = "sign",
	.arguments = "DIR --key FILE [--digest HEX]...",
	.summary = "sign what is staged, as a holder, after reading it",
	.options = options_table,
	.option_count = COUNT(options_table),
	.options_size = sizeof(struct sign_options),
	.run = run_sign,
};
