#!/bin/sh
# Do all set-up, run every test that is short enough for every change, and a sample of those
# that are not, close with "N passed, N failed".  All of them: scenarios.sh, sweep.sh, fuzz.sh.
# usage: sh tests/check.sh            (root or sudo, Debian 12; under 40 minutes)
set -u
cd "$(dirname "$0")/.." || exit 1
PATH=/usr/local/sbin:/usr/sbin:/sbin:/usr/bin:/bin:$PATH
export PATH
sh tests/setup.sh || exit 1

passed=0 failed=0 skipped=0
logs=$(mktemp -d) || exit 1
trap 'rm -rf "$logs"' EXIT

# step NAME COMMAND...: run it, count it, show what it said only when it fails.
step() {
	name=$1
	shift
	if "$@" >"$logs/step" 2>&1; then
		passed=$((passed + 1))
		echo "ok      $name"
	else
		failed=$((failed + 1))
		echo "FAILED  $name"
		tail -n 60 "$logs/step" | sed 's/^/        /'
	fi
}

# build DIRECTORY OPTION...: configure once, compile.
build() {
	dir=$1
	shift
	[ -f "$dir/build.ninja" ] || meson setup "$@" "$dir" . || return 1
	ninja -C "$dir"
}

# suite NAME DIRECTORY OPTION...: run meson tests and count each of them.
suite() {
	name=$1 dir=$2
	shift 2
	meson test -C "$dir" --no-rebuild --timeout-multiplier 5 "$@" \
		>"$logs/suite" 2>&1
	count() { sed -nE "s/^($1): +([0-9]+) *\$/\2/p" "$logs/suite" | awk '{ n += $1 } END { print n + 0 }'; }
	ok=$(count 'Ok|Expected Fail') bad=$(count 'Fail|Timeout|Unexpected Pass')
	skip=$(count Skipped)
	[ "$ok" -gt 0 ] || bad=$((bad + 1)) # a suite of nothing proves nothing
	passed=$((passed + ok)) failed=$((failed + bad)) skipped=$((skipped + skip))
	if [ "$bad" -eq 0 ]; then
		echo "ok      $name: $ok tests"
	else
		echo "FAILED  $name: $bad"
		grep -E ' (FAIL|TIMEOUT|ERROR) ' "$logs/suite" | sed 's/^/        /'
		tail -n 150 "$dir/meson-logs/testlog.txt" | sed 's/^/        /'
	fi
	[ "$skip" -eq 0 ] || grep ' SKIP ' "$logs/suite" | sed 's/^/        /'
}

formatted() {
	find common courier device-link tests -name '*.[ch]' -print0 |
		xargs -0 clang-format --dry-run --Werror
}

manuals() {
	mandoc -T lint -W warning man/*
}

# Three events of each kind at each place; sweep.sh has all.  Cases wait more than they work.
seed=1
faults() {
	/usr/bin/python3 tests/faults/faults.py --build build --seed "$seed" --sample 3
}

step 'layers and doors' sh tests/check_layers.sh .
step 'packages are those in use' sh tests/check_packages.sh
step 'format' formatted
step 'manual pages' manuals
step 'build with gcc' build build -Dwerror=true
suite 'tests' build --no-suite scenarios
suite 'scenarios' build --suite scenarios --num-processes 6
step "faults at some events, seed $seed" faults
step 'build with ASan and UBSan' build build-asan --native-file build-aux/asan.ini -Dwerror=true
suite 'tests under ASan and UBSan' build-asan --no-suite lab --no-suite peer --no-suite scale \
	--no-suite scenarios --no-suite e2e --no-suite trust
suite 'the loop under ASan and UBSan' build-asan --suite e2e
step 'demo' sh tests/demo.sh

printf '%d passed, %d failed' "$passed" "$failed"
[ "$skipped" -eq 0 ] || printf ', %d skipped' "$skipped"
echo
[ "$failed" -eq 0 ]
