#!/bin/sh
# courier-admin at a central server (tests/lab, started by with_server.sh): enroll from a
# file and from what couriers met, displacing who had the devices before; receipts verified.
# usage: with_server.sh admin_server.sh COURIER-ADMIN WRITE-STATEMENTS
set -u
here=$(cd "$(dirname "$0")" && pwd)
admin=$(realpath "$1") statements=$(realpath "$2") || exit 1
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
cd "$dir" || exit 1
umask 077 # secrets must be ours alone
export COURIER_ADMIN_DIR=auth
. "$here/expect.sh"

lab() { /usr/bin/python3 "$here/admin_device.py" "$@"; }
at_server="--server $LAB_URL --ca $LAB_CA --token-file $LAB_TOKEN_FILE"

# key_of FILE: the fingerprint of a private key.
key_of() {
	openssl pkey -in "$1" -pubout -outform DER 2>/dev/null | sha256sum | cut -d' ' -f1
}

# courier NAME: what courier init writes, and the authority's answer.
courier() {
	openssl genpkey -algorithm ed25519 -out "$1.key" 2>/dev/null
	openssl genpkey -algorithm ed25519 -out "$1-server.key" 2>/dev/null
	openssl req -new -key "$1.key" -subj /CN=courier -out "$1.pem" 2>/dev/null
	openssl pkey -in "$1-server.key" -pubout >>"$1.pem" 2>/dev/null
	status 0 "issue $1" "$admin" issue "$1.pem" --id "$1" --technician "$1" \
		--passphrase-file pass
}

# has WANTED IDENTITY KEY-FILE: that key's auth set has that status.
has() {
	lab sets "$2" >sets
	said "^$1 $(key_of "$3")" sets
}

echo 'passphrase of the issuers' >pass
status 0 init "$admin" init auth --fleet F --root-passphrase-file pass --passphrase-file pass
courier anna
courier bert

# ---- a file ----
cat >bad.csv <<-CSV
	identity,id,type
	serial=7,pump 7,pump
	serial=8.1E+12,pump-8,pump
CSV
status 2 'a file with mistakes' "$admin" enroll bad.csv --courier anna $at_server \
	--passphrase-file pass
said 'bad.csv:2: id: pump 7' err
said 'bad.csv:3: identity: 8.1E' err
lab sets '{"serial":"7"}' >sets
status 0 'nothing was done' test ! -s sets

# pump-7 is known at the server with a key of its own; pump-8 was never heard of.
openssl genpkey -algorithm ed25519 -out own.key 2>/dev/null
lab ask own.key '{"serial":"7"}' >answer
said 401 answer
"$LAB" accept "$LAB_DIR" >accepted
lab ask own.key '{"serial":"7"}' >answer
said 200 answer

cat >devices.csv <<-CSV
	identity,id,type,artifact,label,site
	serial=7,pump-7,pump,rel-1,"Pump 7, north",mine
	"{""serial"":""8""}",pump-8,pump,rel-1,,
CSV
status 2 'an unknown courier' "$admin" enroll devices.csv --courier ann $at_server \
	--passphrase-file pass
said 'did you mean anna' err
printf 'admin@lab.example\nnot the password\n' >login
status 10 'a wrong password' "$admin" enroll devices.csv --courier anna --server "$LAB_URL" \
	--ca "$LAB_CA" --login-file login --passphrase-file pass
status 10 'a wrong passphrase' "$admin" enroll devices.csv --courier anna $at_server \
	--passphrase-file login
lab sets '{"serial":"8"}' >sets
status 0 'still nothing was done' test ! -s sets
status 0 'enroll' "$admin" enroll devices.csv --courier anna $at_server --passphrase-file pass \
	--json
said '"device":"pump-7".*"preauthorised".*"displaced":\[\{"holder":"key .*"was":"accepted"' out
said '"device":"pump-8".*"preauthorised".*"displaced":\[\]' out
said '"device":"anna","identity":"\{\\"courier\\":\\"anna\\"\}"' out
said '"number":2,"devices":2' out
has rejected '{"serial":"7"}' own.key
lab ask anna-server.key '{"serial":"7"}' >answer
said 200 answer
lab ask own.key '{"serial":"7"}' >answer
said 401 answer
has accepted '{"serial":"7"}' anna-server.key
{
	echo admin@lab.example
	cat "$LAB_DIR/server/admin-password"
} >login
status 0 'enroll again, by name and password' "$admin" enroll devices.csv --courier anna \
	--server "$LAB_URL" --ca "$LAB_CA" --login-file login --passphrase-file pass --json
said '"device":"pump-7".*"accepted","changed":false' out
said 'stays as it is' err

# A colleague takes over; what anna left in the inventory goes with it.
printf '{"deployment":"d-1","request":"{\\"artifact_name\\":\\"rel-1\\"}"}' >next
lab inventory anna-server.key '{"serial":"7"}' courier_next=next >answer
said 200 answer
status 0 'hand over' "$admin" enroll devices.csv --courier bert $at_server \
	--passphrase-file pass --json
said '"device":"pump-7".*"holder":"courier anna","was":"accepted"' out
said '"device":"pump-8".*"holder":"courier anna","was":"preauthorised"' out
has rejected '{"serial":"7"}' anna-server.key
has preauthorized '{"serial":"7"}' bert-server.key
has preauthorized '{"serial":"8"}' bert-server.key
sed -E 's/.*"payload":"([^"]*)".*/\1/' auth/couriers/bert/bert.control | base64 -d >bundle
said '"next_deployment":"d-1","next_request":"\{\\"artifact_name\\":\\"rel-1\\"\}"' bundle
said '"label":"Pump 7, north"' bundle
echo 'identity,id,type' >clash.csv
echo 'serial=9,pump-7,pump' >>clash.csv
status 2 'an id that is another device' "$admin" enroll clash.csv --courier bert $at_server \
	--passphrase-file pass

# ---- what couriers met ----
"$statements" . pump-8 8
"$statements" . pump-9 9
"$statements" . rival 9
status 3 'nothing is pending' "$admin" enroll --pending $at_server
lab ask bert-server.key '{"serial":"9"}' >answer
said 401 answer
lab inventory bert-server.key '{"courier":"bert"}' \
	"courier_pairing_$(key_of pump-8.key | cut -c1-16)=pump-8.identity" \
	"courier_pairing_$(key_of pump-9.key | cut -c1-16)=pump-9.identity" \
	"courier_pairing_0000000000000000=pump-9.forged" >answer
said 200 answer
status 0 'pending' "$admin" enroll --pending $at_server --json
said '"device":"pump-8".*"serial\\":\\"8.*"courier":"bert".*"status":"preauthorised"' out
said '"identity":"\{\\"serial\\":\\"9.*"status":"pending","rival":false' out
said 'does not verify' err
status 2 'accepting what was not met' "$admin" enroll --pending --accept pump-77 $at_server \
	--passphrase-file pass
key=$(key_of pump-9.key | cut -c1-12)
status 2 'accepting without an id' "$admin" enroll --pending --accept "$key" $at_server \
	--passphrase-file pass
status 0 'accept' "$admin" enroll --pending --accept "$key" --id pump-9 --label Nine $at_server \
	--passphrase-file pass --json
said '"device":"pump-9".*"status":"accepted"' out
has accepted '{"serial":"9"}' bert-server.key
status 0 'openssl verifies pump-9' openssl verify -CAfile auth/root.pem \
	-untrusted auth/device-issuer/certificate.pem auth/devices/pump-9/certificate.pem
status 0 'accept all the rest' "$admin" enroll --pending --all $at_server --passphrase-file pass
status 3 'then nothing is pending' "$admin" enroll --pending $at_server
sed -E 's/.*"payload":"([^"]*)".*/\1/' auth/couriers/bert/bert.control | base64 -d >bundle
said '"id":"pump-8".*"chain":"-----BEGIN.*"id":"pump-9".*"label":"Nine".*"chain":"-----BEGIN' \
	bundle

# Somebody else says to be pump-9.
lab inventory bert-server.key '{"courier":"bert"}' \
	"courier_pairing_$(key_of pump-9.key | cut -c1-16)=pump-9.identity" \
	"courier_pairing_$(key_of rival.key | cut -c1-16)=rival.identity" >answer
status 0 'a rival is shown as one' "$admin" enroll --pending $at_server --json
said "\"pending\":\"$(key_of rival.key)\".*\"rival\":true" out
status 3 '--all does not take it' "$admin" enroll --pending --all $at_server \
	--passphrase-file pass
status 4 'nor its id without more ado' "$admin" enroll --pending --accept pump-9 $at_server \
	--passphrase-file pass
said 'certified before with another key' out

# ---- provision with what courier-agent request writes ----
"$statements" . pump-10 10
openssl req -new -key pump-10.key -subj /CN=uncertified >both 2>/dev/null
cat pump-10.identity >>both
openssl req -new -key pump-9.key -subj /CN=uncertified >mixed 2>/dev/null
cat pump-10.identity >>mixed
sed 's/"sig":"./"sig":"\//' pump-10.identity >changed
status 0 'the identity statement says all' "$admin" provision --out ten --id pump-10 \
	--request pump-10.identity --passphrase-file pass --json
said '"certified":true.*"identity":"\{\\"serial\\":\\"10\\"\}"' out
status 0 'request and statement' "$admin" provision --out ten --id pump-10 --request both \
	--passphrase-file pass
status 14 'of different keys' "$admin" provision --out ten --id pump-10 --request mixed \
	--passphrase-file pass
status 13 'another identity than the device says' "$admin" provision --out ten --id pump-10 \
	--request both --identity '{"serial":"11"}' --passphrase-file pass
status 14 'a statement that was changed' "$admin" provision --out ten --id pump-10 \
	--request changed --passphrase-file pass

echo 'identity,id,type' >clash.csv
echo 'serial=10,pump-11,pump' >>clash.csv
status 2 'an identity that is certified for another id' "$admin" enroll clash.csv \
	--courier bert $at_server --passphrase-file pass
said 'clash.csv: nothing was done: line 2: that identity is certified for pump-10' err

# ---- set-time ----
nonce=00112233445566778899aabbccddeeff
status 2 'set-time without a nonce' "$admin" set-time pump-9 --passphrase-file pass
status 2 'a nonce that is none' "$admin" set-time pump-9 --nonce 0011 --passphrase-file pass
status 2 'a time that is none' "$admin" set-time pump-9 --nonce $nonce --time yesterday \
	--passphrase-file pass
status 2 'a device nobody certified' "$admin" set-time pump-77 --nonce $nonce \
	--passphrase-file pass
said 'pump-77: no device of that id is certified here' err
status 1 'a receipt for an inventory' "$admin" set-time pump-9 --inventory pump-9.receipt \
	--passphrase-file pass
status 0 'set-time' "$admin" set-time pump-9 --nonce $nonce --time 2026-12-24T18:00:00Z \
	--passphrase-file pass --json
said '"device":"pump-9","time":1798135200,"courier":"[a-z]*","number":[0-9]*,"control":' out
said 'courier init takes it in' err
said '"event":"time signed".*"id":"pump-9"' auth/issued.log

# ---- receipts ----
status 0 'verify' "$admin" verify pump-9.receipt --json
said '"verdict":"genuine".*"device":"pump-9".*"outcome":"CONFIRMED"' out
said '"courier_certificate_is":"unknown"' out
status 14 'a forged one' "$admin" verify pump-9.forged
status 5 'an uncertified key' "$admin" verify rival.receipt
status 14 'the worst counts' "$admin" verify rival.receipt pump-9.forged pump-9.receipt
cp auth/devices/pump-9/certificate.pem pump-9.pem
status 0 'without the authority' "$admin" --dir nowhere verify pump-9.receipt \
	--root auth/root.pem --device-cert pump-9.pem
status 5 'with the wrong certificate' "$admin" --dir nowhere verify pump-8.receipt \
	--root auth/root.pem --device-cert pump-9.pem
status 5 'a signature without a certificate' "$admin" --dir nowhere verify rival.receipt \
	--root auth/root.pem --device-cert rival.self
status 14 'and a bad one' "$admin" --dir nowhere verify rival.forged \
	--root auth/root.pem --device-cert rival.self
status 14 'under another root' "$admin" --dir nowhere verify pump-9.receipt \
	--root auth/courier-issuer/certificate.pem --device-cert pump-9.pem
{
	echo '2026-11-22 09:59:58 +0000 UTC info: it rained'
	printf '2026-11-22 10:00:00 +0000 UTC info: courier-receipt: '
	cat pump-9.receipt
	echo
} >log
status 0 'in a log' "$admin" verify log
said 'log: genuine; pump-9, receipt 4: CONFIRMED, rel-1 -> rel-2' out
status 3 'in a log without one' "$admin" verify devices.csv

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
