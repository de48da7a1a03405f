#!/bin/sh
# Make, in DIRECTORY, the artifacts that test_agent offers, and the key that signed them.
# usage: sh tests/agent_artifacts.sh DIRECTORY
set -eu
cd "$1"
openssl ecparam -name prime256v1 -genkey -noout -out p256.key
openssl pkey -in p256.key -pubout -out p256.pub
printf 'old\n' >app-0
printf 'new\n' >app-2
printf 'newer\n' >app-3
awk 'BEGIN { s = 1; for (i = 0; i < 60000; i++) { s = (s * 69069 + 5) % 4294967296; printf "%d\n", s } }' >big

write() { # write NAME RELEASE TYPE OPTION...
	name=$1 release=$2 type=$3
	shift 3
	mender-artifact write module-image -o "$name.mender" -n "$release" -T "$type" "$@" \
		>made.log 2>&1 || { cat made.log >&2; exit 1; }
}

for n in 2 3; do
	cp app-$n app
	write file-$n rel-$n file -t testbox -f app -k p256.key -p courier.counter:$n
	write exec-$n rel-$n exec -t testbox -f app -k p256.key -p courier.counter:$n
done
write big rel-2 file -t testbox -f big -k p256.key -p courier.counter:2 --compression none
write big-3 rel-3 file -t testbox -f big -k p256.key -p courier.counter:3 --compression none
cat big big >bigger
write bigger rel-2 file -t testbox -f bigger -k p256.key -p courier.counter:2 --compression none
write other rel-2 file -t otherbox -f app -k p256.key -p courier.counter:2
write unsigned rel-2 file -t testbox -f app -p courier.counter:2
write uncounted rel-2 file -t testbox -f app -k p256.key
