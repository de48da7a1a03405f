#!/bin/sh
# Make, in DIRECTORY, artifacts by Debian's mender-artifact, the keys that signed them
# (NAME.pub), and the odd ones of lab/hostile_artifacts.py.
# usage: sh tests/make_artifacts.sh DIRECTORY
set -eu
here=$(cd "$(dirname "$0")" && pwd)
cd "$1"

openssl genpkey -quiet -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out rsa8.key
openssl pkey -in rsa8.key -traditional -out rsa.key
openssl ecparam -name prime256v1 -genkey -noout -out p256.key
for key in rsa p256; do
	openssl pkey -in $key.key -pubout -out $key.pub
done
openssl ecparam -name prime256v1 -genkey -noout | openssl pkey -pubout -out stranger.pub

echo hello >hello.txt
awk 'BEGIN { for (i = 0; i < 20000; i++) printf "%d %d\n", i, i * i % 9973 }' >table.txt
echo '{"slots": [1, 2.5]}' >meta.json
printf '#!/bin/sh\nexit 0\n' >ArtifactInstall_Enter_00_note
chmod +x ArtifactInstall_Enter_00_note

# quietly COMMAND...: it says something only when it fails.
quietly() {
	"$@" >made.log 2>&1 || {
		cat made.log >&2
		exit 1
	}
}

write() { # write NAME OPTION...
	name=$1
	shift
	quietly mender-artifact write module-image -o "$name.mender" -T file -n rel-2 "$@"
}

write unsigned -t testbox -f hello.txt
write rsa -t testbox -f hello.txt -k rsa.key
write p256 -t testbox -f hello.txt -k p256.key
write no-files -t testbox
write augmented -t testbox -f hello.txt --augment-file table.txt --augment-type file
for packing in none gzip lzma; do
	write full-$packing -t testbox -t otherbox -f table.txt -f hello.txt -m meta.json \
		--compression $packing -k p256.key -s ArtifactInstall_Enter_00_note \
		-N rel-0 -N rel-1 -G lab -g field -p courier.counter:7 -d app.version:1 \
		--clears-provides 'app.*'
done
quietly mender-artifact write bootstrap-artifact -o bootstrap.mender -n rel-0 -t testbox

/usr/bin/python3 "$here/lab/hostile_artifacts.py" .
