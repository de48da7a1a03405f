#!/bin/sh
# Do all set-up, run every test, close with "N passed, N failed".
# usage: sh tests/check.sh            (root or sudo, Debian 12; under 20 minutes)
set -u
cd "$(dirname "$0")/.." || exit 1
PATH=/usr/local/sbin:/usr/sbin:/sbin:/usr/bin:/bin:$PATH
export PATH
sh tests/setup.sh || exit 1

passed=0 failed=0
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
	meson test -C "$dir" --no-rebuild "$@" >"$logs/suite" 2>&1
	while read -r verdict count; do
		case $verdict in
		Ok: | Expected) passed=$((passed + count)) ok=$count ;;
		Fail: | Timeout: | Unexpected) failed=$((failed + count)) bad=$((bad + count)) ;;
		esac
	done <<-TXT
		$(sed -nE 's/^(Ok|Fail|Timeout): +([0-9]+) *$/\1: \2/p' "$logs/suite")
	TXT
	if [ "${ok:-0}" -eq 0 ]; then
		failed=$((failed + 1)) bad=1
	fi
	if [ "$bad" -ne 0 ]; then
		echo "FAILED  $name: $bad"
		grep -E ' (FAIL|TIMEOUT|ERROR) ' "$logs/suite" | sed 's/^/        /'
		tail -n 150 "$dir/meson-logs/testlog.txt" | sed 's/^/        /'
	else
		echo "ok      $name: $ok tests"
	fi
}

formatted() {
	git ls-files '*.c' '*.h' | xargs clang-format --dry-run --Werror
}

manuals() {
	mandoc -T lint -W warning man/*
}

step 'layers and doors' sh tests/check_layers.sh .
step 'packages are those in use' sh tests/check_packages.sh
step 'format' formatted
step 'manual pages' manuals
step 'build with gcc' build build -Dwerror=true
ok=0 bad=0
suite 'tests' build
step 'build with ASan and UBSan' build build-asan --native-file build-aux/asan.ini -Dwerror=true
ok=0 bad=0
suite 'tests under ASan and UBSan' build-asan


echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
