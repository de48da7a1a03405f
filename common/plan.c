#include <stdlib.h>
#include <string.h>

#include "common/plan.h"

enum { COUNTER_DIGITS_MAX = 15 }; /* 10^15 < 2^53 */

bool plan_space(
	const struct inventory *device, uint64_t size, uint64_t unpacked, struct error *err)
{
	if (size > UINT64_MAX - unpacked)
		return error_set(err, ERROR_SPACE, "the artifact claims an impossible size");

	const uint64_t need = size + unpacked;

	return need <= device->space
		|| error_set(err, ERROR_SPACE,
			"needs %llu bytes, the device has %llu free: free %llu more",
			(unsigned long long)need, (unsigned long long)device->space,
			(unsigned long long)(need - device->space));
}

static bool signature_permits(
	const struct inventory *device, const struct artifact *artifact, struct error *err)
{
	if (!device->has_anchor)
		return error_set(err, ERROR_SIGNATURE,
			"the device has no anchor of trust configured: it installs nothing");
	if (device->signature_required && !artifact->is_signed)
		return error_set(err, ERROR_SIGNATURE,
			"the artifact is not signed, and the device demands it");
	return true;
}

static bool installer_permits(
	const struct inventory *device, const struct artifact *artifact, struct error *err)
{
	const char *const type = artifact->payload_type;

	for (size_t i = 0; type != NULL && i < device->type_count; i++)
		if (strcmp(device->types[i], type) == 0 || strcmp(device->types[i], "*") == 0)
			return true;
	return error_set(err, ERROR_WRONG_DEVICE, "the device has no installer for payload %s",
		type == NULL ? "(empty)" : type);
}

bool plan_counter(const struct artifact *artifact, const char *counter_name, uint64_t *counter,
	bool *found, struct error *err)
{
	const char *const text = artifact_pairs_find(&artifact->provides, counter_name);
	const size_t digits = text == NULL ? 0 : strspn(text, "0123456789");

	if (text == NULL) {
		*found = false;
		return true;
	}
	if (digits == 0 || digits > COUNTER_DIGITS_MAX || text[digits] != 0)
		return error_set(
			err, ERROR_MALFORMED, "%s: not a counter: '%.40s'", counter_name, text);
	*counter = strtoull(text, NULL, 10);
	*found = true;
	return true;
}

static bool counter_permits(
	const struct inventory *device, const struct artifact *artifact, struct error *err)
{
	uint64_t counter = 0;
	bool found = false;

	if (!plan_counter(artifact, device->counter_name, &counter, &found, err))
		return false;
	if (!found && device->counter_required)
		return error_set(err, ERROR_ROLLBACK,
			"the artifact has no %s: make it with mender-artifact write ... "
			"--provides %s:%llu",
			device->counter_name, device->counter_name,
			(unsigned long long)device->counter + 1);
	if (found && counter < device->counter)
		return error_set(err, ERROR_ROLLBACK,
			"%s is %llu, the device has already seen %llu", device->counter_name,
			(unsigned long long)counter, (unsigned long long)device->counter);
	return true;
}

bool plan_permits(
	const struct inventory *device, const struct artifact *artifact, struct error *err)
{
	return signature_permits(device, artifact, err)
		&& artifact_fits(artifact, &device->provides, err)
		&& installer_permits(device, artifact, err)
		&& counter_permits(device, artifact, err)
		&& plan_space(device, artifact->size, artifact->payload_size, err);
}

bool plan_terminal(enum error_code code)
{
	return code == ERROR_SIGNATURE || code == ERROR_WRONG_DEVICE || code == ERROR_ROLLBACK
		|| code == ERROR_MALFORMED;
}
