#!/bin/sh
# courier-link(7) shows the very vectors that the tests hold to: all of the messages,
# and the frames that fit a line.
# usage: check_vectors.sh [source-root]
cd "${1:-$(dirname "$0")/..}" || exit 2
passed=0 failed=0
page=man/courier-link.7

# shown FILE: what the page says is in it.
shown() {
	sed -n "\\|^\\.\\\\\" begin $1\$|,/^\\.\\\\\" end\$/p" "$page" | grep -v '^\.'
}

verdict() { # verdict FILE WHAT-IT-HAS
	if [ -n "$2" ] && [ "$(shown "$1")" = "$2" ]; then
		passed=$((passed + 1))
	else
		echo "$page does not show what is in $1"
		failed=$((failed + 1))
	fi
}

verdict tests/vectors/message.hex "$(cat tests/vectors/message.hex)"
verdict tests/vectors/frame.hex "$(grep -v '^#' tests/vectors/frame.hex | grep -xE '.{1,120}')"

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
