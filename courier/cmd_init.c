/* courier init: make the store, the keys and a request; take the operator's bundle in. */
#include <getopt.h>
#include <string.h>

#include "common/file.h"
#include "courier/command.h"
#include "courier/enrolment.h"
#include "courier/opening.h"

enum { PUBLIC_FILE_MODE = 0644 };

#define REQUEST_FILE "courier-request.pem"

/* ---- the store and its keys ---- */

static bool make_key(struct store *store, enum store_secret which, struct error *err)
{
	CLEANUP(crypto_key_cleanup) struct crypto_key *key = NULL;
	SECRET seed = {{0}};

	if (store_get_secret(store, which, &seed, err))
		return true; /* an interrupted init came this far */
	return err->code == ERROR_NOTHING && crypto_key_generate(CRYPTO_ED25519, &key, err)
		&& crypto_key_seed(key, &seed, err)
		&& store_put_secret(store, which, &seed, err);
}

static bool make_store(struct courier *courier, struct store **out, struct error *err)
{
	CLEANUP(store_cleanup) struct store *store = NULL;
	PASSPHRASE passphrase = {{0}};
	const char *const home = courier->settings->home;

	if (store_exists(home)) {
		if (!opening_store(courier->settings, &courier->unlock, &store, err))
			return false;
	} else if (!passphrase_get_new(
			   &courier->unlock, "passphrase for the new store", &passphrase, err)
		|| !store_create(home, &passphrase, err)
		|| !store_open(home, &passphrase, &store, err)) {
		return false;
	}
	if (!make_key(store, STORE_COURIER_KEY, err) || !make_key(store, STORE_SERVER_KEY, err))
		return false;
	*out = store;
	store = NULL;
	return true;
}

/* ---- the request ---- */

static bool print_request(struct store *store, struct buf *out, struct error *err)
{
	CLEANUP(crypto_key_cleanup) struct crypto_key *ours = NULL, *server = NULL;
	CLEANUP(crypto_public_cleanup) struct crypto_public *half = NULL;

	return opening_key(store, STORE_COURIER_KEY, &ours, err)
		&& opening_key(store, STORE_SERVER_KEY, &server, err)
		&& certificate_request_make(ours, "courier", out, err)
		&& crypto_public_of(server, &half, err) && crypto_public_pem(half, out, err);
}

static bool request(struct courier *courier, const char *path, struct error *err)
{
	CLEANUP(store_cleanup) struct store *store = NULL;
	CLEANUP(json_cleanup) struct json *fact = json_new_object();
	CLEANUP(buf_free) struct buf pem = {0}, line = {0};
	const char *text = NULL;

	if (!make_store(courier, &store, err) || !print_request(store, &pem, err)
		|| !file_replace(path, buf_bytes(&pem), PUBLIC_FILE_MODE, err)
		|| !buf_print(&line, err, "store %s, request %s", courier->settings->home, path)
		|| !buf_text(&line, &text, err))
		return false;
	json_add_string(fact, "store", courier->settings->home);
	json_add_string(fact, "request", path);
	output_fact(&courier->output, fact, text);
	output_say(&courier->output,
		"next: give %s to the operator (courier-admin issue), and take what comes "
		"back in with `courier init FILE.control`",
		path);
	return true;
}

/* ---- the bundle ---- */

static void tell_plainly(const struct courier *courier, const struct enrolment *enrolment)
{
	if (enrolment->first)
		output_say(&courier->output,
			"the fleet root above is trusted from here on: compare its fingerprint "
			"with the operator's");
	if (enrolment->kept > 0)
		output_say(&courier->output,
			"%zu devices are not served any more, but have outcomes to upload: "
			"`courier sync`, then take the bundle in again",
			enrolment->kept);
}

static bool tell(const struct courier *courier, const struct control *control,
	const struct enrolment *enrolment, struct error *err)
{
	CLEANUP(json_cleanup) struct json *fact = json_new_object();
	CLEANUP(certificate_cleanup) struct certificate *chain = NULL;
	CLEANUP(buf_free) struct buf line = {0};
	char root[DIGEST_TEXT], until[32];
	struct certificate_holder holder;
	const char *text = NULL;

	if (!certificate_parse(bytes_of(control->chain), &chain, err)
		|| !certificate_holder(chain, &holder, err))
		return false;
	digest_text(&enrolment->root, root);
	output_time(holder.not_after, until);
	if (!buf_print(&line, err,
		    "courier %s (%s), certificate until %s, bundle %llu, fleet root %s: "
		    "%zu devices (%zu new, %zu changed, %zu removed)",
		    control->courier, holder.name, until, (unsigned long long)control->number,
		    root, control->device_count, enrolment->added, enrolment->changed,
		    enrolment->removed)
		|| !buf_text(&line, &text, err))
		return false;
	json_add_string(fact, "courier", control->courier);
	json_add_string(fact, "technician", holder.name);
	json_add_integer(fact, "number", (int64_t)control->number);
	json_add_string(fact, "root", root);
	json_add_bool(fact, "pinned", enrolment->first);
	json_add_integer(fact, "not_after", holder.not_after);
	json_add_integer(fact, "devices", (int64_t)control->device_count);
	json_add_integer(fact, "added", (int64_t)enrolment->added);
	json_add_integer(fact, "changed", (int64_t)enrolment->changed);
	json_add_integer(fact, "removed", (int64_t)enrolment->removed);
	json_add_integer(fact, "kept", (int64_t)enrolment->kept);
	output_fact(&courier->output, fact, text);
	tell_plainly(courier, enrolment);
	return true;
}

static bool take(struct courier *courier, const char *path, struct error *err)
{
	CLEANUP(store_cleanup) struct store *store = NULL;
	CLEANUP(control_free) struct control control = {0};
	CLEANUP(buf_free) struct buf envelope = {0};
	struct enrolment enrolment = {0};

	if (!file_read(path, CONTROL_MAX, &envelope, NULL, err)
		|| !opening_store(courier->settings, &courier->unlock, &store, err))
		return false;
	while (envelope.len > 0 && envelope.at[envelope.len - 1] == '\n')
		envelope.len--;
	if (!enrolment_take(
		    store, courier->settings, buf_bytes(&envelope), &control, &enrolment, err))
		return error_while(err, "%s", path);
	return tell(courier, &control, &enrolment, err);
}

bool cmd_init(struct courier *courier, int argc, char **argv, struct error *err)
{
	static const struct option options[]
		= {{"out", required_argument, NULL, 'o'}, {NULL, 0, NULL, 0}};
	const char *out = NULL;

	for (int option = 0; (option = getopt_long(argc, argv, ":o:", options, NULL)) != -1;) {
		if (option != 'o')
			return error_set(err, ERROR_USAGE,
				"usage: courier init [--out FILE] "
				"[FILE.control]");
		out = optarg;
	}
	if (argc - optind > 1 || (argc - optind == 1 && out != NULL))
		return error_set(err, ERROR_USAGE,
			"either a request is written, or one bundle is taken in");
	if (argc - optind == 1)
		return take(courier, argv[optind], err);
	return request(courier, out == NULL ? REQUEST_FILE : out, err);
}
