#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "common/secret.h"

void secret_wipe_bytes(void *at, size_t len)
{
	explicit_bzero(at, len);
}

void secret_wipe(struct secret *secret)
{
	explicit_bzero(secret->at, sizeof(secret->at));
}

void passphrase_wipe(struct passphrase *passphrase)
{
	explicit_bzero(passphrase->at, sizeof(passphrase->at));
}

bool secret_harden_process(struct error *err)
{
	static const struct rlimit none = {0, 0};

	if (setrlimit(RLIMIT_CORE, &none) != 0 || prctl(PR_SET_DUMPABLE, 0L, 0L, 0L, 0L) != 0)
		return error_errno(err, "cannot forbid core dumps");
	return true;
}
