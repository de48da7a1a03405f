#!/bin/sh
# Run every fuzz target with libFuzzer, from its corpus, and keep what breaks it.
# usage: sh tests/fuzz.sh [SECONDS [SEED [TARGET...]]]     (60 seconds each, seed 1, all)
#
# A run with the same seed tries the same inputs in the same order; how far it comes
# depends on the machine.  What breaks a target is left in build-fuzz/found/TARGET/: run
# build-fuzz/tests/fuzz/fuzz_TARGET on it, mend, and add it to tests/fuzz/corpus/TARGET/.
set -u
cd "$(dirname "$0")/.." || exit 1
PATH=/usr/local/sbin:/usr/sbin:/sbin:/usr/bin:/bin:$PATH
export PATH
sh tests/setup.sh || exit 1
seconds=${1:-60} seed=${2:-1}
[ $# -lt 2 ] && shift $# || shift 2

[ -f build-fuzz/build.ninja ] ||
	meson setup --native-file build-aux/fuzz.ini build-fuzz . >/dev/null || exit 1
ninja -C build-fuzz >build-fuzz/build.log 2>&1 || {
	tail -n 40 build-fuzz/build.log
	exit 1
}
# shellcheck disable=SC2046 # a list of words
[ $# -gt 0 ] || set -- $(find build-fuzz/tests/fuzz -maxdepth 1 -type f -name 'fuzz_*' |
	sed 's/.*fuzz_//' | sort)

work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
passed=0 failed=0
echo "fuzz: $# targets, $seconds seconds each, seed $seed"
for target; do
	found=build-fuzz/found/$target
	mkdir -p "$found" "$work/$target"
	if build-fuzz/tests/fuzz/fuzz_"$target" -seed="$seed" -max_total_time="$seconds" \
		-timeout=20 -rss_limit_mb=2048 -print_final_stats=1 -verbosity=1 \
		-artifact_prefix="$found/" "$work/$target" tests/fuzz/corpus/"$target" \
		>"$work/log" 2>&1; then
		passed=$((passed + 1))
		runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$work/log")
		edges=$(sed -n 's/.* cov: \([0-9]*\) .*/\1/p' "$work/log" | tail -n 1)
		echo "ok      $target: $runs runs, $edges edges"
	else
		failed=$((failed + 1))
		echo "FAILED  $target (seed $seed; input in $found)"
		grep -vE '^#[0-9]+' "$work/log" | tail -n 40 | sed 's/^/        /'
	fi
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
