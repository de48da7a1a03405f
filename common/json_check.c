#include "common/json_token.h"

bool json_check(struct bytes document, enum json_dialect dialect, struct error *err)
{
	CLEANUP(json_tokens_cleanup) struct json_tokens *tokens = NULL;
	struct json_token token = {0};

	if (!json_tokens_new(document, dialect, &tokens, err))
		return false;
	do
		if (!json_tokens_next(tokens, &token, err))
			return false;
	while (token.kind != JSON_TOKEN_END);
	return true;
}
