#!/bin/sh
# Run a test program beside a stand-in for the Mender server of its own.
# usage: with_server.sh PROGRAM [ARGUMENT...]
#
# The program finds in its environment: LAB the lab's command, LAB_DIR its directory,
# LAB_URL, LAB_CA and LAB_TOKEN_FILE.
lab=$(cd "$(dirname "$0")" && pwd)/lab
directory=$(mktemp -d) || exit 2
server=

finish() {
	[ -z "$server" ] || kill "$server" 2>/dev/null
	[ -z "$server" ] || wait "$server" 2>/dev/null
	rm -rf "$directory"
}
trap finish EXIT
trap 'exit 1' HUP INT TERM

: >"$directory/ready"
/usr/bin/python3 -B "$lab/mender_server.py" "$directory" >"$directory/ready" &
server=$!
# The server says READY once it listens, and this file is not there for long without it.
until grep -q '^READY' "$directory/ready"; do
	kill -0 "$server" 2>/dev/null || exit 2
	sleep 0.1
done

LAB=$lab/lab LAB_DIR=$directory LAB_URL=$(cat "$directory/server/url")
LAB_CA=$directory/server/ca.pem LAB_TOKEN_FILE=$directory/server/admin-token
export LAB LAB_DIR LAB_URL LAB_CA LAB_TOKEN_FILE
"$@"
