/* trust: the TUF repository.  Its verbs are commands, one file each. */
#include "courier/admin/trust.h"

/* Keep in the order of a repository's life. */
static const struct admin_command *const verbs[]
	= {&trust_verb_key, &trust_verb_init, &trust_verb_sign, &trust_verb_accept,
		&trust_verb_show, &trust_verb_publish, &trust_verb_direct, &trust_verb_control,
		&trust_verb_remove, &trust_verb_freshen, &trust_verb_rotate};

const struct admin_command cmd_trust = {
	.name = "trust",
	.arguments = "VERB ...",
	.summary = "keep a TUF repository: ceremonies, publishing, directions",
	.verbs = verbs,
	.verb_count = COUNT(verbs),
};
