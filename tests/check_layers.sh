#!/bin/sh
# Who may include whom, and which file is the door to which library.
# usage: check_layers.sh [source-root]
cd "${1:-$(dirname "$0")/..}" || exit 2
passed=0 failed=0

verdict() { # verdict FOUND WHAT
	if [ -n "$1" ]; then
		printf '%s\n%s\n' "$2" "$1" | sed '2,$s/^/  /'
		failed=$((failed + 1))
	else
		passed=$((passed + 1))
	fi
}

sources() { find "$@" -name '*.[ch]' 2>/dev/null | sort; }

# forbid WHAT PATTERN FILE...: no such file has a line that matches PATTERN.
forbid() {
	what=$1 pattern=$2
	shift 2
	verdict "$(grep -nE "$pattern" "$@" /dev/null)" "$what"
}

# door OWNERS HEADER: only files whose path matches OWNERS may include HEADER.
door() {
	verdict "$(sources common device-link courier | grep -vE "^($1)\.[ch]$" |
		xargs grep -nE "#include <$2" /dev/null)" "only $1 may include <$2...>"
}

# The same link_kind, server_kind or installer table is the only place that names its entries.
forbid 'common stands alone' '#include "(device-link|courier|tests)/' $(sources common)
forbid 'device-link knows only common' '#include "(courier|tests)/' $(sources device-link)
forbid 'courier does not know the agent or the tests' '#include "(device-link/agent|tests)/' \
	$(sources courier)
forbid 'only the agent includes the agent' '#include "device-link/agent/' \
	$(sources device-link | grep -v '^device-link/agent/')
forbid 'includes are written from the top' '#include "[^/"]*"' $(sources common device-link courier)
door 'common/crypto[a-z_]*|common/certificate[a-z_]*|device-link/session' 'openssl/'
door 'common/json[a-z_]*' '(cjson|cJSON)'
door 'common/artifact' 'archive'
door 'courier/http' 'curl/'
door 'courier/store[a-z_]*' 'sqlite3'
door 'courier/store_keyring' 'keyutils'
door 'device-link/link_usb' 'libusb'

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
