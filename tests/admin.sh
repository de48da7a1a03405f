#!/bin/sh
# courier-admin from end to end: a fleet is made, a courier and devices are certified;
# openssl(1) judges the papers.
# usage: admin.sh COURIER-ADMIN
set -u
here=$(cd "$(dirname "$0")" && pwd)
admin=$(realpath "$1") || exit 1
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
cd "$dir" || exit 1
umask 077 # secrets must be ours alone
export COURIER_ADMIN_DIR=auth
. "$here/expect.sh"

# request NAME: a certificate request of a new Ed25519 key.
request() {
	openssl genpkey -algorithm ed25519 -out "$1.key" 2>/dev/null
	openssl req -new -key "$1.key" -subj "/CN=$1" -out "$1.pem" 2>/dev/null
}

# courier NAME: what courier init writes.
courier() {
	request "$1"
	openssl genpkey -algorithm ed25519 -out "$1-server.key" 2>/dev/null
	openssl pkey -in "$1-server.key" -pubout >>"$1.pem" 2>/dev/null
}

echo 'passphrase of the root' >root-pass
echo 'passphrase of the issuers' >pass
echo 'another passphrase' >wrong-pass
echo short >short-pass
openssl ecparam -genkey -name prime256v1 -noout 2>/dev/null |
	openssl ec -pubout -out artifact.pub 2>/dev/null

# ---- init ----
status 2 'init without a name' "$admin" init auth
status 2 'a short passphrase' "$admin" init short --fleet F \
	--root-passphrase-file short-pass --passphrase-file pass
status 0 'init' "$admin" init auth --fleet 'Northern Mines' --artifact-key artifact.pub \
	--root-passphrase-file root-pass --passphrase-file pass
status 21 'init again' "$admin" init auth --fleet 'Northern Mines' \
	--root-passphrase-file root-pass --passphrase-file pass
for key in root courier-issuer device-issuer; do
	said 'BEGIN ENCRYPTED PRIVATE KEY' auth/$key/key.pem
done
status 0 'openssl opens the root key' \
	openssl pkey -in auth/root/key.pem -passin file:root-pass -noout
status 1 'but not with the passphrase of the issuers' \
	openssl pkey -in auth/root/key.pem -passin file:pass -noout
status 0 'openssl verifies the CRL' openssl crl -in auth/crl.pem -noout \
	-CAfile auth/courier-issuer/certificate.pem
said 'verify OK' err
mv auth/root root-at-home # no daily command needs it

# ---- issue ----
courier anna
courier bert
status 2 'issue without a technician' "$admin" issue anna.pem --id anna --passphrase-file pass
status 2 'issue to nobody known without a request' "$admin" issue --id anna \
	--technician A --passphrase-file pass
status 10 'issue with a wrong passphrase' "$admin" issue anna.pem --id anna \
	--technician 'Anna Berg' --passphrase-file wrong-pass
status 0 'issue' "$admin" issue anna.pem --id anna --technician 'Anna Berg' --group north \
	--passphrase-file pass --json
said '"number":1,' out
status 0 'renew from what is known' "$admin" issue --id anna --days 7 --passphrase-file pass \
	--json
said '"number":2,' out
status 21 'another key for the same id' "$admin" issue bert.pem --id anna --technician A \
	--passphrase-file pass
status 0 'openssl verifies the courier' openssl verify -CAfile auth/root.pem \
	-untrusted auth/courier-issuer/certificate.pem auth/couriers/anna/certificate.pem
status 2 'a courier is no device' openssl verify -CAfile auth/root.pem \
	-untrusted auth/device-issuer/certificate.pem auth/couriers/anna/certificate.pem
openssl x509 -in auth/couriers/anna/certificate.pem -noout -text >text
said 'URI:urn:courier:anna' text
said 'URI:urn:courier-group:north' text
said 'CN = Anna Berg' text
request nobody
status 1 'a request without a server key' "$admin" issue nobody.pem --id carl \
	--technician Carl --passphrase-file pass

# ---- provision ----
request pump
status 0 'provision what is not certified' "$admin" provision --out later --group north
[ ! -e later/certificate.pem ] && said 'group = north' later/courier-agent.conf
said 'artifact-key = /var/lib/courier-agent/artifact-key-1.pem' later/courier-agent.conf
status 2 'a certificate needs an identity' "$admin" provision --out pump7 --request pump.pem \
	--id pump-7 --passphrase-file pass
status 0 'provision' "$admin" provision --out pump7 --request pump.pem --id pump-7 \
	--group north --identity '{"serial": "7", "mac": "02:00"}' --passphrase-file pass --json
said '"identity":"\{\\"mac\\":\\"02:00\\",\\"serial\\":\\"7\\"\}"' out
status 0 'openssl verifies the device' openssl verify -CAfile pump7/root.pem \
	-untrusted auth/device-issuer/certificate.pem pump7/certificate.pem
digest=$(printf '{"mac":"02:00","serial":"7"}' | sha256sum | cut -d' ' -f1)
openssl x509 -in pump7/certificate.pem -noout -text >text
said "URI:urn:device-identity:sha256:$digest" text
lines=$(wc -l <auth/issued.log)
status 0 'provision the same again' "$admin" provision --out pump7 --request pump.pem \
	--id pump-7 --group north --identity '{"mac":"02:00","serial":"7"}' --passphrase-file pass
status 0 'issues nothing' test "$lines" -eq "$(wc -l <auth/issued.log)"
request other
status 21 'another key for the same device' "$admin" provision --out pump7 \
	--request other.pem --id pump-7 --identity '{"mac":"02:00","serial":"7"}' \
	--passphrase-file pass

# ---- what the directory remembers ----
cp -r auth changed
sed -i 's/Anna/Anne/' changed/issued.log
status 31 'a changed log is noticed' "$admin" --dir changed provision --out x
grep -v 'device certified' auth/issued.log >changed/issued.log
status 0 'a log without its end is as good as before' "$admin" --dir changed provision --out x
grep -v '"number":1' auth/issued.log >changed/issued.log
status 31 'one without its middle is not' "$admin" --dir changed provision --out x
status 2 'no authority' "$admin" --dir nowhere provision --out x

# ---- talk ----
status 2 'no command' "$admin"
status 2 'a mistyped option' "$admin" issue --technican A
said 'did you mean --technician' err
status 0 'help' "$admin" --help
sed -nE 's/^  ([a-z]+) .*/\1/p' out >commands
status 0 'there are commands' test -s commands
while read -r command; do
	said "^\.Ss courier-admin $command" "$here/../man/courier-admin.1"
	status 0 "help of $command" "$admin" "$command" --help
	for option in $(sed -nE 's/^  -(-[a-z-]+) .*/\1/p' out); do
		said "Fl $option( |$)" "$here/../man/courier-admin.1"
	done
done <commands

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
