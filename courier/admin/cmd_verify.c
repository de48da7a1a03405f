#include <stdlib.h>
#include <string.h>

#include "common/file.h"
#include "courier/admin/admin_command.h"
#include "courier/admin/receipt_file.h"
#include "courier/admin/record.h"

struct verify_options {
	const char *root, *device_cert;
};

#define AT(member) offsetof(struct verify_options, member)

static const struct argument options_table[] = {
	{"root", ARGUMENT_TEXT, AT(root), "FILE", "the fleet root; else the authority's"},
	{"device-cert", ARGUMENT_TEXT, AT(device_cert), "FILE",
		"the device's certificate chain; else the authority's records"},
};

struct verify {
	const struct admin_call *call;
	const struct verify_options *options;
	struct authority authority; /* directory NULL: there is none, or none is needed */
	struct buf root, chain;     /* PEM; the chain as given */
	size_t good;
	struct error worst; /* the weightiest of what was wrong */
};

static void verify_done(struct verify *verify)
{
	authority_close(&verify->authority);
	buf_free(&verify->root);
	buf_free(&verify->chain);
}

/* ---- whose key is it? ---- */

/* The chain that certifies the key that says it signed; not *FOUND when nobody did. */
static bool find_chain(const struct verify *verify, const struct receipt_claim *claim,
	struct buf *pem, bool *found, struct error *err)
{
	*found = true;
	if (verify->chain.len > 0)
		return buf_append(pem, buf_bytes(&verify->chain), err);
	if (verify->authority.directory == NULL)
		return error_set(err, ERROR_USAGE,
			"needs --device-cert FILE, or the authority's directory");
	return device_record_find_key(&verify->authority, &claim->key, pem, found, err);
}

/* Does the chain certify the key of the claim, for the device of the claim?  A device's own
 * uncertified certificate proves a signature and nothing else. */
static bool judge_chain(const struct verify *verify, const struct receipt_claim *claim,
	const struct certificate *chain, struct crypto_public **key, bool *certified,
	struct error *err)
{
	CLEANUP(crypto_public_cleanup) struct crypto_public *public = NULL;
	struct certificate_holder holder;
	struct digest fingerprint = {{0}};

	if (!certificate_holder(chain, &holder, err) || !certificate_public(chain, &public, err)
		|| !crypto_public_fingerprint(public, &fingerprint, err))
		return false;

	const bool issued = strcmp(holder.id, CERTIFICATE_UNCERTIFIED) != 0;

	if (issued
		&& !certificate_verify(
			chain, buf_bytes(&verify->root), CERTIFICATE_DEVICE, err))
		return error_while(err, "the device's certificate");
	*certified = issued && strcmp(holder.id, claim->device) == 0
		&& digest_equal(&fingerprint, &claim->key);
	if (digest_equal(&fingerprint, &claim->key)) {
		*key = public;
		public = NULL;
	}
	return true;
}

/* *KEY NULL: nobody's that we know. */
static bool find_key(const struct verify *verify, const struct receipt_claim *claim,
	struct crypto_public **key, bool *certified, struct error *err)
{
	CLEANUP(certificate_cleanup) struct certificate *chain = NULL;
	CLEANUP(buf_free) struct buf pem = {0};
	bool found = false;

	if (!find_chain(verify, claim, &pem, &found, err))
		return false;
	if (!found)
		return true;
	return certificate_parse(buf_bytes(&pem), &chain, err)
		&& judge_chain(verify, claim, chain, key, certified, err);
}

/* ---- one receipt ---- */

static const char *verdict_name(const struct error *err)
{
	if (err->code == ERROR_NONE)
		return "genuine";
	return err->code == ERROR_UNVERIFIED ? "uncertified" : "forged";
}

/* What it says, and whether it is true: err is set, and false, when it is not. */
static bool judge(const struct verify *verify, struct bytes envelope, struct receipt *receipt,
	struct error *err)
{
	CLEANUP(crypto_public_cleanup) struct crypto_public *key = NULL;
	struct receipt_claim claim;
	bool certified = false;

	if (!receipt_claim_read(envelope, &claim, err)
		|| !find_key(verify, &claim, &key, &certified, err))
		return false;
	if (key == NULL)
		return receipt_claim_peek(envelope, receipt, err)
			&& error_set(err, ERROR_UNVERIFIED,
				"its key is not one that was certified for %s", claim.device);
	if (!receipt_open(envelope, key, receipt, err))
		return false;
	return certified
		|| error_set(err, ERROR_UNVERIFIED,
			"the signature is right, but nobody certified the key for %s",
			claim.device);
}

/* Did this authority certify the courier that brought it? */
static const char *courier_standing(const struct verify *verify, const struct receipt *receipt)
{
	struct error none = {0};
	bool found = false;

	if (verify->authority.directory == NULL)
		return NULL;
	return authority_log_has(
		       &verify->authority, &receipt->courier_certificate, &found, &none)
			&& found
		? "known"
		: "unknown";
}

static bool show(const struct verify *verify, const char *path, struct bytes envelope,
	const struct receipt *receipt, const struct error *why, struct error *err)
{
	CLEANUP(json_cleanup) struct json *fact = json_new_object();
	CLEANUP(buf_free) struct buf text = {0};
	const char *const courier = receipt->device[0] == 0 || why->code != ERROR_NONE
		? NULL
		: courier_standing(verify, receipt);
	const char *line = NULL;

	json_add_string(fact, "file", path);
	json_add_string(fact, "verdict", verdict_name(why));
	if (why->code != ERROR_NONE)
		json_add_string(fact, "why", why->text);
	if (courier != NULL)
		json_add_string(fact, "courier_certificate_is", courier);
	if (!buf_print(&text, err, "%s: %s%s%s", path, verdict_name(why),
		    why->code == ERROR_NONE ? "" : ": ",
		    why->code == ERROR_NONE ? "" : why->text)
		|| !receipt_describe(receipt, fact, &text, err)
		|| (courier != NULL && strcmp(courier, "unknown") == 0
			&& !buf_print(&text, err,
				"; BEWARE: that courier's certificate is not of this "
				"authority"))
		|| !buf_text(&text, &line, err))
		return false;
	(void)envelope;
	output_fact(&verify->call->output, fact, line);
	return true;
}

/* A usage error ends all; a verdict is told, and the worst is the exit status: one
 * forgery outweighs any number of uncertified keys. */
static bool verify_one(
	struct verify *verify, const char *path, struct bytes envelope, struct error *err)
{
	struct receipt receipt = {.sequence = 0};
	struct error why = {0};

	if (judge(verify, envelope, &receipt, &why))
		verify->good++;
	else if (why.code == ERROR_USAGE || why.code == ERROR_FAILED)
		return error_set(err, why.code, "%s", why.text);
	else if (why.code != ERROR_UNVERIFIED)
		why.code = ERROR_SIGNATURE;
	if (why.code > verify->worst.code)
		verify->worst = why;
	return show(verify, path, envelope, &receipt, &why, err);
}

/* ---- the command ---- */

struct visit {
	struct verify *verify;
	const char *path;
};

static bool visit_receipt(void *self, struct bytes envelope, struct error *err)
{
	const struct visit *const visit = self;

	return verify_one(visit->verify, visit->path, envelope, err);
}

static bool verify_file(struct verify *verify, const char *path, struct error *err)
{
	CLEANUP(buf_free) struct buf content = {0};
	struct visit visit = {verify, path};
	size_t count = 0;

	if (!file_read(path, RECEIPT_FILE_MAX, &content, NULL, err)
		|| !receipt_file_each(buf_bytes(&content), visit_receipt, &visit, &count, err))
		return error_while(err, "%s", path);
	return count > 0
		|| error_set(err, ERROR_NOTHING,
			"%s: no receipt in it: neither an envelope nor a line with "
			"courier-receipt",
			path);
}

static bool read_papers(struct verify *verify, struct error *err)
{
	const struct verify_options *const options = verify->options;

	if (options->device_cert != NULL
		&& !file_read(
			options->device_cert, CERTIFICATE_PEM_MAX, &verify->chain, NULL, err))
		return false;
	if (options->root != NULL
		&& !file_read(options->root, CERTIFICATE_PEM_MAX, &verify->root, NULL, err))
		return false;
	if (options->root != NULL && options->device_cert != NULL)
		return true; /* anybody can verify with these two */
	return authority_open(verify->call->directory, false, &verify->authority, err)
		&& (options->root != NULL
			|| buf_append(&verify->root, buf_bytes(&verify->authority.root), err));
}

static bool run_verify(struct admin_call *call, const void *given,
	const struct argument_list *words, struct error *err)
{
	CLEANUP(verify_done)
	struct verify verify = {.call = call, .options = given, .authority = {.lock = -1}};

	if (words->count == 0)
		return error_set(err, ERROR_USAGE, "needs a receipt, or a log with one in it");
	if (!read_papers(&verify, err))
		return false;
	for (size_t i = 0; i < words->count; i++)
		if (!verify_file(&verify, words->at[i], err))
			return false;
	return verify.worst.code == ERROR_NONE
		|| error_set(err, verify.worst.code, "%s", verify.worst.text);
}

const struct admin_command cmd_verify = {
	.name = "verify",
	.arguments = "FILE... [--root FILE --device-cert FILE]",
	.summary = "judge receipts, alone or in deployment logs, and say what they say",
	.options = options_table,
	.option_count = COUNT(options_table),
	.options_size = sizeof(struct verify_options),
	.run = run_verify,
};
