# expect.sh - what shell tests say; sourced.  They end with "N passed, N failed".
passed=0 failed=0

# status WANTED NAME COMMAND...: the command ends with that exit status.
status() {
	wanted=$1 name=$2
	shift 2
	"$@" >out 2>err
	got=$?
	if [ "$got" -eq "$wanted" ]; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
		echo "FAILED $name: exit status $got, not $wanted"
		sed 's/^/  /' out err
	fi
}

# said PATTERN FILE: a line of it matches.
said() {
	if grep -Eq -- "$1" "$2"; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
		echo "FAILED: no line matches $1 in $2:"
		sed 's/^/  /' "$2"
	fi
}
