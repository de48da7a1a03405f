#!/bin/sh
# Everything that can be wrong with what comes in, and everything that happens to devices
# and couriers over the years, a family at a time, with the real programs; and an artifact
# of 10 GiB, for which 12 GiB of disk are needed; power lost at each write of a directed
# update.  About a quarter of an hour.
# usage: sh tests/scenarios.sh
set -u
cd "$(dirname "$0")/.." || exit 1
PATH=/usr/local/sbin:/usr/sbin:/sbin:/usr/bin:/bin:$PATH
COURIER_LARGE_GIB=${COURIER_LARGE_GIB:-10}
export PATH COURIER_LARGE_GIB
sh tests/setup.sh || exit 1
[ -f build/build.ninja ] || meson setup build . || exit 1
ninja -C build || exit 1
exec meson test -C build --no-rebuild --timeout-multiplier 5 --suite scenarios
