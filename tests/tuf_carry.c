#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/test.h"
#include "tests/tuf_carry.h"

void carry_new(struct carry *carry, const char *device, const char *deployment,
	const char *path, const struct digest *digest, uint64_t size)
{
	struct direction_artifact *const artifact = &carry->direction.artifacts[0];

	*carry = (struct carry){.state = office_first};
	office_new(&carry->office);
	carry->direction.sequence = 1;
	carry->direction.count = 1;
	artifact->sha256 = *digest;
	artifact->length = size;
	(void)snprintf(carry->direction.device, sizeof(carry->direction.device), "%s", device);
	(void)snprintf(carry->at, sizeof(carry->at), "%s", device);
	(void)snprintf(carry->direction.deployment, sizeof(carry->direction.deployment), "%s",
		deployment);
	(void)snprintf(artifact->path, sizeof(artifact->path), "%s", path);
}

void carry_done(struct carry *carry)
{
	office_done(&carry->office);
	buf_free(&carry->content);
}

static void print_target(const char *path, uint64_t length, const struct digest *digest,
	const char *before, struct buf *out)
{
	char hex[DIGEST_TEXT];
	struct error err = {0};

	digest_text(digest, hex);
	MUST(buf_print(out, &err, "%s\"%s\":{\"length\":%llu,\"hashes\":{\"sha256\":\"%s\"}}",
		before, path, (unsigned long long)length, hex));
}

void carry_publish(struct carry *carry)
{
	CLEANUP(buf_free) struct buf targets = {0};
	const char *text = NULL;
	char path[DIRECTION_PATH_ROOM];
	struct digest digest;
	struct error err = {0};

	for (size_t i = 0; i < carry->direction.count; i++)
		print_target(carry->direction.artifacts[i].path,
			carry->direction.artifacts[i].length,
			&carry->direction.artifacts[i].sha256, i == 0 ? "" : ",", &targets);
	carry->content.len = 0;
	MUST(direction_print(&carry->direction, &carry->content, &err));
	MUST(crypto_sha256(buf_bytes(&carry->content), &digest, &err));
	direction_path(carry->at, path);
	if (!carry->undirected)
		print_target(path, carry->content.len, &digest, ",", &targets);
	MUST(buf_print(&targets, &err, "%s", carry->others == NULL ? "" : carry->others));
	MUST(buf_text(&targets, &text, &err));
	carry->state.targets = text;
	office_publish(&carry->office, &carry->state);
	carry->state.targets = NULL;
}

void carry_publish_next(struct carry *carry)
{
	for (int kind = TUF_TIMESTAMP; kind < TUF_KIND_COUNT; kind++)
		carry->state.roles[kind].version++;
	carry_publish(carry);
}

/* Is it "12.root.json" with a number above ROOTS? */
static bool is_left_out(const char *name, int64_t roots)
{
	char *rest = NULL;
	const long long version = strtoll(name, &rest, 10);

	return roots > 0 && rest != name && strcmp(rest, ".root.json") == 0 && version > roots;
}

void carry_pack(struct carry *carry, int64_t roots, struct buf *set)
{
	CLEANUP(tuf_set_writer_done) struct tuf_set_writer writer = {0};
	char path[DIRECTION_PATH_ROOM];
	struct error err = {0};

	for (size_t i = 0; i < OFFICE_FILES; i++) {
		const struct office_file *const file = &carry->office.served[i];

		if (file->name[0] != '\0' && !is_left_out(file->name, roots))
			MUST(tuf_set_add(&writer, TUF_SET_METADATA, file->name,
				buf_bytes(&file->content), &err));
	}
	direction_path(carry->at, path);
	MUST(tuf_set_add(&writer, TUF_SET_DIRECTION, path, buf_bytes(&carry->content), &err));
	MUST(tuf_set_add(&writer, TUF_SET_ARTIFACT, carry->direction.artifacts[0].path,
		bytes_of(""), &err));
	MUST(tuf_set_encode(&writer, buf_sink(set), &err));
}
