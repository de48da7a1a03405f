#!/bin/sh
# Look at all of the code by other means than running it once: valgrind, gcc's and
# clang's static analysis, and which lines no test reaches.  Does all set-up.
# usage: sh tests/analyse.sh [STEP...]
#   valgrind   every unit test and every fuzz corpus: uninitialised reads, leaks
#   analyser   gcc -fanalyzer over the whole product
#   tidy       clang-tidy over the whole product, as .clang-tidy says
#   coverage   lines reached by all tests but the long ones; those in error paths that
#              none reaches are listed in build-coverage/unreached.txt
# Without STEP all of them: about an hour on two cores.
set -u
cd "$(dirname "$0")/.." || exit 1
PATH=/usr/local/sbin:/usr/sbin:/sbin:/usr/bin:/bin:$PATH
export PATH
sh tests/setup.sh 'build|test|analyse' || exit 1
[ $# -gt 0 ] || set -- valgrind analyser tidy coverage

passed=0 failed=0
logs=$(mktemp -d) || exit 1
trap 'rm -rf "$logs"' EXIT
trap 'exit 130' INT TERM

say() { # say NAME STATUS: count, and show what it said only when it failed
	if [ "$2" -eq 0 ]; then
		passed=$((passed + 1))
		echo "ok      $1"
	else
		failed=$((failed + 1))
		echo "FAILED  $1"
		tail -n 100 "$logs/step" | sed 's/^/        /'
	fi
}

# configure DIRECTORY OPTION...
configure() {
	dir=$1
	shift
	[ -f "$dir/build.ninja" ] || meson setup "$@" "$dir" . >"$logs/step" 2>&1
}

# product DIRECTORY: what is compiled of it, but for tests.
product() {
	ninja -C "$1" -t targets all |
		sed -n 's/^\(.*\.o\): c_COMPILER.*/\1/p' | grep -v '^tests/'
}

count() { sed -nE "s/^($1): +([0-9]+) *\$/\2/p" "$logs/tests" | awk '{ n += $1 } END { print n + 0 }'; }

# tests NAME DIRECTORY OPTION...: run meson tests and count each of them.
tests() {
	name=$1 dir=$2
	shift 2
	meson test -C "$dir" --no-rebuild "$@" >"$logs/tests" 2>&1
	ok=$(count 'Ok|Expected Fail') bad=$(count 'Fail|Timeout|Unexpected Pass')
	[ "$ok" -gt 0 ] || bad=$((bad + 1)) # a suite of nothing proves nothing
	passed=$((passed + ok)) failed=$((failed + bad))
	if [ "$bad" -eq 0 ]; then
		echo "ok      $name: $ok tests"
	else
		echo "FAILED  $name: $bad"
		grep -E ' (FAIL|TIMEOUT|ERROR) ' "$logs/tests" | sed 's/^/        /'
		tail -n 100 "$(ls -t "$dir"/meson-logs/*.txt | head -n 1)" | sed 's/^/        /'
	fi
}

run_valgrind() {
	configure build -Dwerror=true && ninja -C build >"$logs/step" 2>&1 || {
		say 'build for valgrind' 1
		return
	}
	# artifact_memory measures what valgrind changes.
	# shellcheck disable=SC2046 # a list of words
	tests 'valgrind' build --timeout-multiplier 60 --logbase valgrind \
		--wrap='valgrind -q --error-exitcode=9 --leak-check=full' \
		$(meson test -C build --no-rebuild --list --suite unit --suite fuzz 2>/dev/null |
			sed -n 's|.* / ||p' | grep -vx artifact_memory)
}

run_analyser() {
	configure build-analyser -Dc_args=-fanalyzer -Dwerror=true &&
		product build-analyser >"$logs/objects" && [ -s "$logs/objects" ] &&
		xargs ninja -k 0 -C build-analyser <"$logs/objects" >"$logs/all" 2>&1
	status=$?
	grep -E ' (error|warning): ' "$logs/all" >"$logs/step"
	say "gcc -fanalyzer: $(wc -l <"$logs/objects") files" "$status"
}

run_tidy() {
	CC=clang configure build-tidy && ninja -C build-tidy build.ninja >"$logs/step" &&
		run-clang-tidy -quiet -p build-tidy '/(common|device-link|courier)/[^:]*[.]c$' \
			>"$logs/all" 2>/dev/null
	status=$?
	sed 's/\x1b\[[0-9;]*m//g' "$logs/all" | grep -v '^clang-tidy' >"$logs/step"
	say "clang-tidy: $(grep -c 'clang-tidy' "$logs/all") files" "$status"
}

run_coverage() {
	configure build-coverage -Db_coverage=true -Dbuildtype=debug &&
		ninja -C build-coverage >"$logs/step" 2>&1 || {
		say 'build for coverage' 1
		return
	}
	find build-coverage -name '*.gcda' -delete
	tests 'tests for coverage' build-coverage --timeout-multiplier 10 --no-suite scale \
		--no-suite scenarios
	/usr/bin/python3 tests/coverage.py build-coverage >"$logs/step" 2>&1
	status=$?
	say 'coverage' "$status"
	[ "$status" -ne 0 ] || cat "$logs/step"
}

for step; do
	case $step in
	valgrind | analyser | tidy | coverage) "run_$step" ;;
	*) sed -n '2,/^set/{/^set/d;s/^# \{0,1\}//;p;}' "$0" && exit 2 ;;
	esac
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
