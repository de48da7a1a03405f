/* The device's revocation list and who signed it, over a rotation of the issuer. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/file.h"
#include "device-link/agent/trust.h"
#include "device-link/agent/work.h"
#include "tests/fleet.h"
#include "tests/test.h"

/* A device with list 1 of the old issuer; couriers of both; list 2 of the new issuer. */
struct scene {
	char state[64];
	struct agent_settings settings;
	struct fleet fleet;
	struct party before, after;
	struct buf old_list, new_list;
	struct trust trust;
	struct marks marks;
};

static void make_list(const struct scene *scene, int64_t number, struct buf *list)
{
	const struct fleet *const fleet = &scene->fleet;
	struct error err = {0};

	MUST(certificate_make_crl(fleet->issuer[CERTIFICATE_COURIER],
		buf_bytes(&fleet->issuer_pem[CERTIFICATE_COURIER]), number, FLEET_BORN + number,
		NULL, 0, list, &err));
}

static void put(const struct scene *scene, const char *name, struct bytes content)
{
	struct error err = {0};
	char path[PATH_MAX];

	MUST(agent_settings_fact(&scene->settings, name, path, &err));
	MUST(file_replace(path, content, 0600, &err));
}

static void get(const struct scene *scene, const char *name, struct buf *content)
{
	struct error err = {0};
	char path[PATH_MAX];

	MUST(agent_settings_fact(&scene->settings, name, path, &err));
	MUST(file_read(path, 1 << 20, content, NULL, &err));
}

/* What the agent does at its start. */
static void restart(struct scene *scene)
{
	struct error err = {0};

	trust_free(&scene->trust);
	MUST(trust_load_own(&scene->settings, &scene->trust, &err));
	MUST(trust_load_fleet(&scene->settings, &scene->marks, &scene->trust, &err));
}

static int make(void **state)
{
	const enum certificate_role role = CERTIFICATE_COURIER;
	struct scene *const scene = calloc(1, sizeof(*scene));
	struct error err = {0};

	(void)snprintf(scene->state, sizeof(scene->state), "/tmp/courier-trust-XXXXXX");
	if (mkdtemp(scene->state) == NULL)
		return -1;
	scene->settings.state = scene->state;
	MUST(fleet_make(&scene->fleet, "test", &err));
	make_list(scene, 1, &scene->old_list);
	MUST(fleet_member(&scene->fleet, role, CRYPTO_ED25519, "c1", NULL, INT64_MAX,
		&scene->before, &err));
	MUST(fleet_rotate(&scene->fleet, role, &err));
	make_list(scene, 2, &scene->new_list);
	MUST(fleet_member(&scene->fleet, role, CRYPTO_ED25519, "c2", NULL, INT64_MAX,
		&scene->after, &err));
	put(scene, "root.pem", buf_bytes(&scene->fleet.root_pem));
	put(scene, "crl.pem", buf_bytes(&scene->old_list));
	restart(scene);
	*state = scene;
	return 0;
}

static int clear(void **state)
{
	struct scene *const scene = *state;
	struct error err = {0};

	MUST(work_remove_tree(scene->state, &err));
	trust_free(&scene->trust);
	party_done(&scene->before);
	party_done(&scene->after);
	buf_free(&scene->old_list);
	buf_free(&scene->new_list);
	fleet_done(&scene->fleet);
	free(scene);
	return 0;
}

/* A courier shows itself, and LIST if it is not empty: is there a list to judge it by? */
static bool meets(struct scene *scene, const struct party *courier, struct bytes list)
{
	struct error why = {0}, paper = {0}, err = {0};
	bool taken = false;

	MUST(trust_know_crl(
		&scene->trust, &scene->settings, courier->chain, &scene->marks, &why, &err));
	MUST(trust_take_crl(&scene->trust, &scene->settings, courier->chain, list,
		&scene->marks, &taken, &paper, &err));
	assert_int_equal(scene->trust.crl != NULL, why.code == ERROR_NONE || taken);
	assert_int_equal(
		trust_revoked(&scene->trust, courier->chain), scene->trust.crl == NULL);
	return scene->trust.crl != NULL;
}

static void every_cut_of_a_rotation_leaves_a_list_that_can_be_read(void **state)
{
	static const struct bytes none = {0};
	struct scene *const scene = *state;
	CLEANUP(buf_free) struct buf old_pair = {0}, new_pair = {0};

	assert_null(scene->trust.crl); /* whose it is, a courier must show first */
	assert_true(meets(scene, &scene->before, none));
	get(scene, "crl.pem", &old_pair);
	assert_true(meets(scene, &scene->after, buf_bytes(&scene->new_list)));
	assert_int_equal(scene->marks.crl, 2);
	get(scene, "crl.pem", &new_pair);

	/* There is one rename: before it, and then also without the marks that follow it. */
	put(scene, "crl.pem", buf_bytes(&old_pair));
	scene->marks.crl = 1;
	restart(scene);
	assert_int_equal(certificate_crl_number(scene->trust.crl), 1);
	put(scene, "crl.pem", buf_bytes(&new_pair));
	restart(scene);
	assert_int_equal(certificate_crl_number(scene->trust.crl), 2);
	assert_int_equal(scene->marks.crl, 2);
	assert_true(meets(scene, &scene->after, none));
}

/* Former versions kept the issuer beside the list, and could be cut between the two. */
static void what_a_former_version_left_is_mended(void **state)
{
	static const struct bytes none = {0};
	struct scene *const scene = *state;
	char path[PATH_MAX];
	struct error err = {0};

	put(scene, "crl-issuer.pem", buf_bytes(&scene->before.pem));
	restart(scene);
	assert_int_equal(certificate_crl_number(scene->trust.crl), 1);
	put(scene, "crl-issuer.pem", buf_bytes(&scene->after.pem)); /* the cut */
	restart(scene);
	assert_null(scene->trust.crl);
	assert_false(meets(scene, &scene->after, none));
	assert_false(meets(scene, &scene->after, buf_bytes(&scene->old_list)));
	assert_true(meets(scene, &scene->after, buf_bytes(&scene->new_list)));
	restart(scene);
	assert_int_equal(certificate_crl_number(scene->trust.crl), 2);
	MUST(agent_settings_fact(&scene->settings, "crl-issuer.pem", path, &err));
	assert_int_not_equal(access(path, F_OK), 0);
}

static void an_old_list_put_back_needs_one_that_is_not(void **state)
{
	struct scene *const scene = *state;

	scene->marks.crl = 3;
	assert_false(meets(scene, &scene->before, (struct bytes){0}));
	assert_false(meets(scene, &scene->after, buf_bytes(&scene->new_list)));
	scene->marks.crl = 2; /* the very list it had */
	assert_true(meets(scene, &scene->after, buf_bytes(&scene->new_list)));
}

static void a_list_of_nobodys_is_not_kept(void **state)
{
	struct scene *const scene = *state;
	CLEANUP(buf_free) struct buf before = {0}, after = {0};

	get(scene, "crl.pem", &before);
	/* Another fleet's issuer did not sign it, and what is no list is none. */
	assert_false(meets(scene, &scene->after, bytes_of("0x")));
	assert_false(meets(scene, &scene->after, bytes_of("-----BEGIN X509 CRL-----")));
	get(scene, "crl.pem", &after);
	assert_true(bytes_equal(buf_bytes(&before), buf_bytes(&after)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			every_cut_of_a_rotation_leaves_a_list_that_can_be_read, make, clear),
		cmocka_unit_test_setup_teardown(
			what_a_former_version_left_is_mended, make, clear),
		cmocka_unit_test_setup_teardown(
			an_old_list_put_back_needs_one_that_is_not, make, clear),
		cmocka_unit_test_setup_teardown(a_list_of_nobodys_is_not_kept, make, clear),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
