/* trust key: a holder's key, on the holder's machine. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/file.h"
#include "courier/admin/trust.h"

struct key_options {
	const char *passphrase_file;
};

static const struct argument options_table[] = {
	{"key-passphrase-file", ARGUMENT_TEXT, offsetof(struct key_options, passphrase_file),
		"FILE", "the new key's passphrase; else it is asked for"},
};

static bool is_free(const char *path, struct error *err)
{
	if (access(path, F_OK) == 0)
		return error_set(err, ERROR_BUSY, "%s: is there already", path);
	return errno == ENOENT || error_errno(err, "%s: cannot look at it", path);
}

static bool make(const char *path, const char *public_path, const struct unlock *unlock,
	struct error *err)
{
	CLEANUP(crypto_key_cleanup) struct crypto_key *key = NULL;
	CLEANUP(crypto_public_cleanup) struct crypto_public *public = NULL;
	CLEANUP(buf_free) struct buf pem = {0};
	PASSPHRASE passphrase = {{0}};

	if (!passphrase_get_new(unlock, "new passphrase of the key", &passphrase, err))
		return false;
	if (strnlen(passphrase.at, sizeof(passphrase.at)) < AUTHORITY_PASSPHRASE_MIN)
		return error_set(err, ERROR_USAGE, "a key's passphrase has at least %d bytes",
			AUTHORITY_PASSPHRASE_MIN);
	return crypto_key_generate(CRYPTO_ED25519, &key, err)
		&& crypto_public_of(key, &public, err) && crypto_public_pem(public, &pem, err)
		&& crypto_key_save(key, path, &passphrase, err)
		&& file_replace(public_path, buf_bytes(&pem), 0644, err);
}

static bool show(
	struct admin_call *call, const char *path, const char *public_path, struct error *err)
{
	CLEANUP(json_cleanup) struct json *fact = json_new_object();
	CLEANUP(json_cleanup) struct json *keys = json_new_object();
	CLEANUP(buf_free) struct buf text = {0};
	char id[DIGEST_TEXT], holder[TRUST_HOLDER_MAX + 1];
	const char *line = NULL;

	if (!trust_key_read(public_path, keys, id, holder, err)
		|| !buf_print(&text, err, "%s: key of %s, id %s; its public half is %s", path,
			holder, id, public_path)
		|| !buf_text(&text, &line, err))
		return false;
	json_add_string(fact, "key", path);
	json_add_string(fact, "public", public_path);
	json_add_string(fact, "holder", holder);
	json_add_string(fact, "id", id);
	output_fact(&call->output, fact, line);
	output_say(&call->output,
		"%s stays here, with a copy in a safe; carry only %s to the operator", path,
		public_path);
	return true;
}

static bool run_key(struct admin_call *call, const void *given,
	const struct argument_list *words, struct error *err)
{
	const struct key_options *const options = given;
	const struct unlock unlock = {options->passphrase_file, -1};
	const char *name = NULL;
	char path[PATH_MAX], public_path[PATH_MAX];

	if (!admin_only_word(
		    words, "a holder's name, with the directory it is to be in", &name, err))
		return false;

	const char *const slash = strrchr(name, '/');

	if (!trust_holder_valid(slash == NULL ? name : slash + 1))
		return error_set(err, ERROR_USAGE,
			"%s: a holder's name has letters, digits, - and _", name);
	if ((size_t)snprintf(path, sizeof(path), "%s.pem", name) >= sizeof(path)
		|| (size_t)snprintf(public_path, sizeof(public_path), "%s.pub", name)
			>= sizeof(public_path))
		return error_set(err, ERROR_USAGE, "the path is too long");
	return is_free(path, err) && is_free(public_path, err)
		&& make(path, public_path, &unlock, err) && show(call, path, public_path, err);
}

const struct admin_command trust_verb_key = {
	.name = "key",
	.arguments = "HOLDER",
	.summary = "make a holder's key, on a machine without a network",
	.options = options_table,
	.option_count = COUNT(options_table),
	.options_size = sizeof(struct key_options),
	.run = run_key,
};
