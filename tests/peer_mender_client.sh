#!/bin/sh
# Debian's mender-client 3.4 against the lab's server: enrol, update, fail, be aborted.
#
# The client has fixed directories below /usr/share/mender and /etc/mender, so it runs in a
# mount namespace of its own, where they are others: the host's stay untouched.  Needs root.
#
# usage: peer_mender_client.sh [--record DIR]
set -eu
here=$(dirname "$0")

missing() {
	echo "peer_mender_client: skipped: $1" >&2
	exit 77
}

command -v mender >/dev/null || missing "no mender-client"
command -v mender-artifact >/dev/null || missing "no mender-artifact"
if [ "$(id -u)" != 0 ]; then
	sudo -n true 2>/dev/null || missing "not root"
	exec sudo -n sh "$0" "$@"
fi
unshare -m true 2>/dev/null || missing "no mount namespaces here"

exec unshare -m /usr/bin/python3 "$here/lab/peer_mender_client.py" "$@"
