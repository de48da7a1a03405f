#!/bin/sh
# Install the packages of tests/packages that are missing: all of them, or with
# "build" only those that building needs.  usage: setup.sh [build]
set -eu
cd "$(dirname "$0")"
kind=${1:-build|test}

missing=
for package in $(grep -v '^#' packages | grep -E "^[^ ]+ +($kind) " | cut -d' ' -f1); do
	dpkg-query -W -f '${Status}\n' "$package" 2>/dev/null | grep -q '^install ok installed' ||
		missing="$missing $package"
done
[ -n "$missing" ] || exit 0

sudo=
if [ "$(id -u)" -ne 0 ]; then
	sudo=sudo
	command -v sudo >/dev/null || {
		echo "setup: become root or install sudo; missing:$missing" >&2
		exit 1
	}
fi
echo "setup: installing:$missing" >&2
$sudo apt-get update -q >&2
# shellcheck disable=SC2086 # a list of words
$sudo env DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends $missing >&2
