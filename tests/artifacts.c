#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/file.h"
#include "tests/artifacts.h"
#include "tests/test.h"

static int run(const char *const *argv)
{
	pid_t child = 0;
	int status = -1;

	if (posix_spawnp(&child, argv[0], NULL, NULL, (char *const *)(uintptr_t)argv, environ)
			!= 0
		|| waitpid(child, &status, 0) != child)
		return -1;
	return status;
}

int artifacts_make(void **state)
{
	char *const directory = strdup("/tmp/courier-artifacts-XXXXXX");

	if (directory == NULL || mkdtemp(directory) == NULL)
		return -1;
	*state = directory;
	return run((const char *const[]){"sh", TEST_MAKE_ARTIFACTS, directory, NULL});
}

int artifacts_remove(void **state)
{
	char *const directory = *state;
	const int status = run((const char *const[]){"rm", "-rf", directory, NULL});

	free(directory);
	return status;
}

void artifacts_load(const char *directory, const char *name, struct buf *content)
{
	struct error err = {0};
	char path[256];

	(void)snprintf(path, sizeof(path), "%s/%s.mender", directory, name);
	MUST(file_read(path, 64 << 20, content, NULL, &err));
}

struct crypto_public *artifacts_key(const char *directory, const char *name)
{
	CLEANUP(buf_free) struct buf pem = {0};
	struct crypto_public *key = NULL;
	struct error err = {0};
	char path[256];

	(void)snprintf(path, sizeof(path), "%s/%s.pub", directory, name);
	MUST(file_read(path, 65536, &pem, NULL, &err));
	MUST(crypto_public_parse(buf_bytes(&pem), &key, &err));
	return key;
}

static bool give(void *self, uint8_t *at, size_t room, size_t *got, struct error *err)
{
	struct artifacts_source *const source = self;
	const size_t most = source->piece < room ? source->piece : room;

	(void)err;
	*got = source->rest.len < most ? source->rest.len : most;
	if (*got == 0)
		return true;
	memcpy(at, source->rest.at, *got);
	source->rest.at += *got;
	source->rest.len -= *got;
	return true;
}

struct source artifacts_source(struct artifacts_source *source)
{
	return (struct source){give, source};
}

bool artifacts_read(struct bytes bytes, size_t piece, struct crypto_public *key,
	const struct artifact_payload *payload, struct artifact *out, struct error *err)
{
	struct artifacts_source source = {bytes, piece};
	const struct artifact_trust trust = {&key, key != NULL ? 1 : 0};

	return artifact_read(artifacts_source(&source), &trust, payload, out, err);
}

static bool same_text(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static bool same_pairs(const struct artifact_pairs *a, const struct artifact_pairs *b)
{
	if (a->count != b->count)
		return false;
	for (size_t i = 0; i < a->count; i++)
		if (!same_text(a->at[i].name, b->at[i].name)
			|| !same_text(a->at[i].value, b->at[i].value))
			return false;
	return true;
}

static bool same_clears(const struct artifact *a, const struct artifact *b)
{
	if (a->clear_count != b->clear_count)
		return false;
	for (size_t i = 0; i < a->clear_count; i++)
		if (!same_text(a->clears[i], b->clears[i]))
			return false;
	return true;
}

bool artifacts_alike(const struct artifact *a, const struct artifact *b)
{
	return same_text(a->name, b->name) && same_text(a->payload_type, b->payload_type)
		&& same_pairs(&a->provides, &b->provides)
		&& same_pairs(&a->depends, &b->depends) && same_clears(a, b)
		&& a->payload_size == b->payload_size && a->file_count == b->file_count
		&& a->script_count == b->script_count && a->is_signed == b->is_signed;
}
