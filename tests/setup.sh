#!/bin/sh
# Install the packages of tests/packages that are missing: what building and testing
# needs, or what the kinds given need.  What comes from PyPI goes to build/tuf-venv; when
# it cannot be reached, the tests that need it say that they were skipped.
# usage: setup.sh [build | 'build|test|analyse']
set -eu
cd "$(dirname "$0")"
kind=${1:-build|test}

missing=
for package in $(grep -v '^#' packages | grep -E "^[^ ]+ +($kind) " | cut -d' ' -f1); do
	dpkg-query -W -f '${Status}\n' "$package" 2>/dev/null | grep -q '^install ok installed' ||
		missing="$missing $package"
done
install() {
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
	$sudo env DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends \
		$missing >&2
}

[ -z "$missing" ] || install
[ "$kind" != build ] || exit 0

venv=../build/tuf-venv
wanted=$(grep -v '^#' packages | grep -E '^[^ ]+ +pip ' | cut -d' ' -f1)
if [ "$(cat "$venv/installed" 2>/dev/null)" != "$wanted" ]; then
	echo "setup: installing from PyPI:" $wanted >&2
	# shellcheck disable=SC2086 # a list of words
	{ /usr/bin/python3 -m venv "$venv" &&
		"$venv/bin/pip" install -q --retries 1 --timeout 15 $wanted >&2 &&
		echo "$wanted" >"$venv/installed"; } ||
		echo "setup: PyPI cannot be reached: tests that need it will be SKIPPED" >&2
fi
