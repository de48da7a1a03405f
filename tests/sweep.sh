#!/bin/sh
# The full sweep: kill, full disk, I/O error and power cut at every write of courier and
# agent; the cable cut at every byte, in both directions; the server failing at every
# request in every way: some 27,000 cases, in an order chosen by the seed.  A few hours on
# two idle cores, less than one without the cable.  It can be interrupted, and goes on
# where it was, with the same seed, as long as the code is the same.
# usage: sh tests/sweep.sh [--again] [--jobs N] [POINT...]
#   --again   forget what passed; a new seed
#   SEED=N in the environment chooses the seed of a new sweep
set -u
cd "$(dirname "$0")/.." || exit 1
PATH=/usr/local/sbin:/usr/sbin:/sbin:/usr/bin:/bin:$PATH
export PATH
sh tests/setup.sh || exit 1
[ -f build/build.ninja ] || meson setup build . >/dev/null || exit 1
ninja -C build >build/sweep-build.log 2>&1 || {
	tail -n 40 build/sweep-build.log
	exit 1
}

state=build/sweep
[ "${1:-}" != --again ] || {
	rm -rf "$state"
	shift
}
code=$(cat build/courier/courier build/device-link/agent/courier-agent tests/faults/*.py | sha256sum)
[ "$(cat "$state/code" 2>/dev/null)" = "$code" ] || rm -rf "$state"
mkdir -p "$state"
printf '%s\n' "$code" >"$state/code"
[ -f "$state/seed" ] || echo "${SEED:-$(od -An -N3 -tu4 /dev/urandom | tr -d ' ')}" >"$state/seed"

exec /usr/bin/python3 tests/faults/faults.py --all --seed "$(cat "$state/seed")" \
	--done "$state/done" "$@"
