#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/file.h"
#include "courier/mender_answer.h"
#include "tests/lab_server.h"
#include "tests/mender_courier.h"
#include "tests/test.h"

/* A device of its own for each test, known to nobody yet. */
int courier_set_up(void **state)
{
	static unsigned made;
	struct courier *const courier = calloc(1, sizeof(*courier));
	struct error err = {0};

	assert_non_null(courier);
	made++;
	(void)snprintf(courier->serial, sizeof(courier->serial), "SN-%04u", made);
	(void)snprintf(courier->artifact, sizeof(courier->artifact), "rel-2-%04u", made);
	(void)snprintf(courier->id_data, sizeof(courier->id_data),
		"{\"mac\":\"02:00:00:00:00:01\",\"serial\":\"%s\"}", courier->serial);
	courier->settings = (struct server_settings){
		.name = "lab",
		.kind = "mender",
		.url = lab_environment("LAB_URL"),
		.ca_file = lab_environment("LAB_CA"),
		.tenant_token = "TENANT",
	};
	courier->device
		= (struct server_device){.id_data = courier->id_data, .tier = "standard"};
	MUST(crypto_key_generate(CRYPTO_ED25519, &courier->key, &err));
	MUST(server_mender.open(&courier->settings, courier->key, &courier->server, &err));
	MUST(artifact_pairs_add(&courier->provides, "device_type", "testbox", &err));
	MUST(artifact_pairs_add(&courier->provides, "artifact_name", "rel-1", &err));
	MUST(artifact_pairs_add(&courier->provides, "rootfs-image.version", "rel-1", &err));
	*state = courier;
	return 0;
}

int courier_tear_down(void **state)
{
	struct courier *const courier = *state;

	lab_control("{\"do\": \"clear\"}");
	lab_control("{\"do\": \"clock\", \"offset\": 0}");
	lab_control("{\"do\": \"set\", \"v2\": false, \"token_seconds\": 604800}");
	server_close(courier->server);
	crypto_key_free(courier->key);
	artifact_pairs_free(&courier->provides);
	mender_token_free(&courier->device.token);
	free(courier);
	return 0;
}

/* Ask once, so that the server knows us, and let the operator accept. */
void courier_accepted(struct courier *courier)
{
	CLEANUP(buf_free) struct buf output = {0};
	struct error err = {0};

	assert_false(server_mender.login(courier->server, &courier->device, &err));
	assert_int_equal(err.code, ERROR_UNAUTHORISED);
	assert_non_null(strstr(err.text, "not accepted (pending, or revoked)"));
	lab_run(&output, "accept", "");
	MUST(server_mender.login(courier->server, &courier->device, &err));
}

/* An artifact and a deployment of it to this device. */
void courier_deploy(struct courier *courier)
{
	CLEANUP(buf_free) struct buf output = {0};
	char arguments[256];

	(void)snprintf(arguments, sizeof(arguments),
		"%s --type single-file --device-type testbox --size %d --unsigned",
		courier->artifact, ARTIFACT_SIZE);
	lab_run(&output, "artifact", arguments);
	output.len = 0;
	(void)snprintf(
		arguments, sizeof(arguments), "%s %s", courier->artifact, courier->serial);
	lab_run(&output, "deploy", arguments);
	assert_true(output.len < sizeof(courier->deployment));
	memcpy(courier->deployment, output.at, output.len);
}

void courier_ask(
	struct courier *courier, const char *frozen, struct server_assignment *assignment)
{
	struct error err = {0};
	bool found = false;

	MUST(server_mender.next(courier->server, &courier->device, &courier->provides, frozen,
		assignment, &found, &err));
	assert_true(found);
}

void courier_assigned(struct courier *courier, struct server_assignment *assignment)
{
	courier_accepted(courier);
	courier_deploy(courier);
	courier_ask(courier, NULL, assignment);
	assert_string_equal(assignment->deployment, courier->deployment);
}

/* Whether CONTENT is, byte for byte, the file that the server keeps. */
void courier_check_artifact(
	const struct server_assignment *assignment, const struct buf *content)
{
	CLEANUP(buf_free) struct buf kept = {0};
	struct error err = {0};
	char path[512];

	(void)snprintf(path, sizeof(path), "%s/server/artifacts/%s", lab_environment("LAB_DIR"),
		assignment->artifact_id);
	MUST(file_read(path, 4 * ARTIFACT_SIZE, &kept, NULL, &err));
	assert_true(kept.len > ARTIFACT_SIZE);
	assert_true(bytes_equal(buf_bytes(&kept), buf_bytes(content)));
}

bool courier_fetch(struct courier *courier, const struct server_assignment *assignment,
	struct buf *content, struct error *err)
{
	return server_mender.fetch(
		courier->server, assignment, content->len, buf_sink(content), err);
}

static const struct json *find_device(const struct json *devices, const char *serial)
{
	for (const struct json *device = json_first(devices); device != NULL;
		device = json_next(device))
		if (strcmp(json_string(json_member(json_member(device, "identity"), "serial")),
			    serial)
			== 0)
			return device;
	fail_msg("%s is not known", serial);
	return NULL;
}

/* What the server tells an operator about all devices; the caller frees *DOCUMENT. */
const struct json *courier_look(struct courier *courier, struct json **document)
{
	CLEANUP(buf_free) struct buf output = {0};
	struct error err = {0};

	lab_run(&output, "state", "--json");
	MUST(json_parse(buf_bytes(&output), JSON_FOREIGN, document, &err));
	return find_device(*document, courier->serial);
}

/* The status of the device's only deployment. */
void courier_check_status(struct courier *courier, const char *status)
{
	CLEANUP(json_cleanup) struct json *document = NULL;
	const struct json *const device = courier_look(courier, &document);
	const struct json *const first = json_first(json_member(device, "deployments"));

	assert_string_equal(json_string(json_member(first, "status")), status);
}

bool courier_report_inventory(struct courier *courier, struct error *err)
{
	return server_mender.report(courier->server, &courier->device, SERVER_INVENTORY,
		&(struct server_report){.provides = &courier->provides}, err);
}
