/*
 * A control bundle whose papers are in order and whose other members are the input, signed
 * as the operator would, so that what is behind the signature is reached.  A bundle that
 * opens, signed again, opens as the same: from then on its bytes do not change.
 */
#include <stdlib.h>
#include <string.h>

#include "common/dsse.h"
#include "courier/control.h"
#include "tests/fleet.h"
#include "tests/fuzz/fuzz.h"

static void must(bool ok)
{
	if (!ok)
		abort();
}

/* Made once: the fleet, and the members that must be in order. */
struct office {
	struct fleet fleet;
	struct buf members;
};

static void add_text(struct json *object, const char *name, struct buf *buf)
{
	const char *text = NULL;
	struct error err = {0};

	must(buf_text(buf, &text, &err));
	json_add_string(object, name, text);
}

static void open_office(struct office *office)
{
	CLEANUP(json_cleanup) struct json *object = json_new_object();
	CLEANUP(party_done) struct party anna = {0};
	CLEANUP(buf_free) struct buf crl = {0};
	struct error err = {0};

	must(fleet_make(&office->fleet, "fuzz", &err)
		&& fleet_member(&office->fleet, CERTIFICATE_COURIER, CRYPTO_ED25519, "anna",
			"north", FLEET_BORN + 86400, &anna, &err)
		&& certificate_make_crl(office->fleet.issuer[CERTIFICATE_COURIER],
			buf_bytes(&office->fleet.issuer_pem[CERTIFICATE_COURIER]), 1,
			FLEET_BORN, NULL, 0, &crl, &err));
	json_add_string(object, "courier", "anna");
	add_text(object, "root", &office->fleet.root_pem);
	add_text(object, "chain", &anna.pem);
	add_text(object, "crl", &crl);
	must(json_print(object, &office->members, &err));
	office->members.len--; /* its brace: more members follow */
}

static bool again(const struct office *office, struct bytes envelope, struct buf *out)
{
	CLEANUP(control_free) struct control control = {0};
	struct error err = {0};

	if (!control_open(envelope, buf_bytes(&office->fleet.root_pem), 0, &control, &err)) {
		must(control.devices == NULL && control.root == NULL);
		return false;
	}
	must(strcmp(control.courier, "anna") == 0 && control.number > 0);
	for (size_t i = 0; i < control.device_count; i++)
		must(certificate_id_valid(control.devices[i].id)
			&& control.devices[i].identity[0] == '{'
			&& control_device(&control, control.devices[i].id)
				== &control.devices[i]);
	must(control_sign(&control, office->fleet.issuer[CERTIFICATE_COURIER], out, &err));
	return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t len)
{
	static struct office office;
	CLEANUP(buf_free) struct buf payload = {0}, envelope = {0}, once = {0}, twice = {0};
	struct error err = {0};

	if (office.members.len == 0)
		open_office(&office);
	must(buf_append(&payload, buf_bytes(&office.members), &err)
		&& buf_append(&payload, bytes_of(","), &err)
		&& buf_append(&payload, (struct bytes){at, len}, &err)
		&& buf_append(&payload, bytes_of("}"), &err));
	if (!dsse_sign(office.fleet.issuer[CERTIFICATE_COURIER], DSSE_CONTROL,
		    buf_bytes(&payload), &envelope, &err)
		|| !again(&office, buf_bytes(&envelope), &once))
		return 0;
	must(again(&office, buf_bytes(&once), &twice));
	must(bytes_equal(buf_bytes(&once), buf_bytes(&twice)));
	return 0;
}
