#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "courier/mender_answer.h"
#include "tests/lab_server.h"
#include "tests/mender_office.h"
#include "tests/test.h"

static void set_up_holder(struct office *office, struct holder *holder)
{
	CLEANUP(crypto_public_cleanup) struct crypto_public *public = NULL;
	CLEANUP(buf_free) struct buf pem = {0};
	struct error err = {0};

	MUST(crypto_key_generate(CRYPTO_ED25519, &holder->key, &err));
	MUST(crypto_public_of(holder->key, &public, &err));
	MUST(crypto_public_fingerprint(public, &holder->fingerprint, &err));
	MUST(crypto_public_pem(public, &pem, &err));
	assert_true(pem.len < sizeof(holder->pem));
	memcpy(holder->pem, pem.at, pem.len);
	MUST(server_mender.open(&office->settings, holder->key, &holder->server, &err));
	holder->device.id_data = office->id_data;
}

int office_set_up(void **state)
{
	static unsigned made;
	struct office *const office = calloc(1, sizeof(*office));
	struct error err = {0};

	assert_non_null(office);
	/* Members in an order that is not the server's. */
	(void)snprintf(office->id_data, sizeof(office->id_data),
		"{\"serial\":\"SN-%04u\",\"mac\":\"02:00:00:00:00:01\"}", ++made);
	office->settings = (struct server_settings){.name = "lab",
		.url = lab_environment("LAB_URL"),
		.ca_file = lab_environment("LAB_CA")};
	for (size_t i = 0; i < HOLDERS; i++)
		set_up_holder(office, &office->holders[i]);
	MUST(admin_mender.open(&office->settings,
		&(struct admin_login){.token_file = lab_environment("LAB_TOKEN_FILE")},
		&office->admin, &err));
	*state = office;
	return 0;
}

int office_tear_down(void **state)
{
	struct office *const office = *state;

	lab_control("{\"do\": \"clear\"}");
	lab_control("{\"do\": \"set\", \"max_devices\": -1, \"token_cache\": false}");
	for (size_t i = 0; i < HOLDERS; i++) {
		server_close(office->holders[i].server);
		crypto_key_free(office->holders[i].key);
		mender_token_free(&office->holders[i].device.token);
	}
	admin_close(office->admin);
	free(office);
	return 0;
}

bool holder_may_enter(struct holder *holder)
{
	struct error err = {0};
	const bool may = server_mender.login(holder->server, &holder->device, &err);

	assert_true(may || err.code == ERROR_UNAUTHORISED);
	mender_token_free(&holder->device.token);
	return may;
}

const char *holder_set(const struct admin_device *device, const struct holder *holder)
{
	const struct admin_set *const set = admin_device_set(device, &holder->fingerprint);

	assert_non_null(set);
	return set->id;
}

enum admin_status holder_status(const struct admin_device *device, const struct holder *holder)
{
	const struct admin_set *const set = admin_device_set(device, &holder->fingerprint);

	return set == NULL ? ADMIN_NO_SETS : set->status;
}

void office_preauthorise(
	struct office *office, const struct holder *holder, struct admin_device *after)
{
	struct error err = {0};

	admin_device_free(after);
	MUST(admin_mender.preauthorise(
		office->admin, office->id_data, holder->pem, after, &err));
}

bool holder_is_served(struct holder *holder, struct error *err)
{
	CLEANUP(artifact_pairs_free) struct artifact_pairs provides = {0};

	return artifact_pairs_add(&provides, "device_type", "testbox", err)
		&& server_mender.report(holder->server, &holder->device, SERVER_INVENTORY,
			&(struct server_report){.provides = &provides}, err);
}
