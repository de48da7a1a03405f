#!/bin/sh
# tests/packages against what the tree uses: each library meson asks for, and each
# program a script calls, comes from a listed package; each listed package is used.
cd "$(dirname "$0")/.." || exit 2
passed=0 failed=0
listed=$(grep -v '^#' tests/packages | cut -d' ' -f1)

expect() { # expect PACKAGE WHAT
	if printf '%s\n' "$listed" | grep -qxF "$1"; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
		echo "$2 needs $1, which tests/packages does not list"
	fi
}

owner() { # owner FILE: the package that installed it
	dpkg-query -S "$(readlink -f "$1")" "$1" 2>/dev/null | sed 's/[:,].*//' | head -n 1
}

for library in $(grep -rhoE "dependency\('[a-z0-9-]+'" --include=meson.build . |
	sed "s/.*('//;s/'//" | sort -u | grep -vE '^(threads|dl)$'); do
	directory=$(pkg-config --variable=pcfiledir "$library") || {
		failed=$((failed + 1))
		echo "pkg-config does not know $library"
		continue
	}
	expect "$(owner "$directory/$library.pc")" "$library"
done

# Programs the scripts call, beyond what every Debian has (priority required).
for program in gcc meson ninja pkg-config openssl mender-artifact mender clang-format mandoc \
	clang unshare python3 valgrind faketime nginx; do
	path=$(PATH=/usr/sbin:/usr/bin:/sbin:/bin command -v "$program") || {
		failed=$((failed + 1))
		echo "$program is not there"
		continue
	}
	package=$(owner "$path")
	case $package in
	gcc-[0-9]* | clang-[0-9]* | clang-format-[0-9]* | python3*-minimal | python3.*) package=${package%%-[0-9]*} ;;
	esac
	case $package in
	python3*) package=python3 ;;
	pkgconf*) package=pkg-config ;;
	esac
	expect "$package" "$program"
done

# What comes from PyPI is pinned, and used.
for package in $(grep -v '^#' tests/packages | grep -E '^[^ ]+ +pip ' | cut -d' ' -f1); do
	case $package in
	*==[0-9]*) passed=$((passed + 1)) ;;
	*)
		failed=$((failed + 1))
		echo "$package: no version is pinned"
		;;
	esac
done
expect python3-venv 'build/tuf-venv'
for module in $(grep -hoE '^from tuf' tests/*.py | cut -d' ' -f2 | sort -u); do
	expect "$(printf '%s\n' "$listed" | grep "^$module==")" "$module"
done
# What only tests/analyse.sh calls need not be installed here.
for program in clang-tidy gcovr; do
	expect "$program" "$program"
done

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
