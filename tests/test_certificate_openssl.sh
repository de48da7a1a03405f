#!/bin/sh
# openssl(1), at its strictest, judges what our code makes.
# usage: test_certificate_openssl.sh WRITE_FLEET
set -u
write_fleet=$1
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
passed=0 failed=0

# expect WHAT PATTERN COMMAND...: its output, on either channel, has a line like PATTERN.
expect() {
	what=$1 pattern=$2
	shift 2
	if "$@" >"$dir/said" 2>&1 || true; grep -qE -- "$pattern" "$dir/said"; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
		echo "$what: no \"$pattern\" in"
		sed 's/^/  /' "$dir/said"
	fi
}

verify() {
	openssl verify -x509_strict -no_check_time -CAfile "$dir/root.pem" "$@"
}

"$write_fleet" "$dir" || exit 1

expect 'a courier is a TLS client' 'courier.pem: OK' \
	verify -purpose sslclient -untrusted "$dir/courier.pem" "$dir/courier.pem"
expect 'a device is a TLS server' 'device.pem: OK' \
	verify -purpose sslserver -untrusted "$dir/device.pem" "$dir/device.pem"
expect 'either may be the other' 'device.pem: OK' \
	verify -purpose sslclient -untrusted "$dir/device.pem" "$dir/device.pem"
expect 'issuers are the root'"'"'s' 'couriers.pem: OK' verify "$dir/couriers.pem"
expect 'issuers are the root'"'"'s' 'devices.pem: OK' verify "$dir/devices.pem"
expect 'a courier is not of the device issuer' 'verification failed' \
	verify -untrusted "$dir/devices.pem" "$dir/courier.pem"
expect 'a revoked courier is revoked' 'certificate revoked' \
	verify -crl_check -CRLfile "$dir/crl.pem" -untrusted "$dir/courier.pem" "$dir/courier.pem"

cat "$dir/couriers.pem" "$dir/root.pem" >"$dir/above.pem"
expect 'the list verifies' 'verify OK' \
	openssl crl -in "$dir/crl.pem" -noout -CAfile "$dir/above.pem"
expect 'the list has its number' 'crlNumber=(0x)?0*7$' \
	openssl crl -in "$dir/crl.pem" -noout -crlnumber
expect 'the list begins when it was made' 'lastUpdate=Mar +1 00:00:00 2026 GMT' \
	openssl crl -in "$dir/crl.pem" -noout -lastupdate

text() { openssl x509 -in "$dir/$1" -noout -text; }
expect 'authorities begin a day early' 'Not Before: Feb 28 00:00:00 2026' text couriers.pem
expect 'authorities do not end' 'Not After : Dec 31 23:59:59 9999 GMT' text couriers.pem
expect 'a courier begins when it says' 'Not Before: Mar +1 00:00:00 2026' text courier.pem
expect 'a courier is named' 'URI:urn:courier:c-17, URI:urn:courier-group:north' text courier.pem
expect 'constraints are critical' 'X509v3 Basic Constraints: critical' text courier.pem
expect 'key usage is critical' 'X509v3 Key Usage: critical' text courier.pem

expect 'the request proves its key' 'verify OK' \
	openssl req -in "$dir/request.pem" -noout -verify
expect 'the key opens' 'ED25519 Private-Key' \
	openssl pkey -in "$dir/key.pem" -passin pass:correct -noout -text
expect 'the key is sealed with scrypt' ':scrypt' openssl asn1parse -in "$dir/key.pem"
expect 'the key is sealed with AES-256' ':aes-256-cbc' openssl asn1parse -in "$dir/key.pem"
expect 'the key does not open otherwise' 'Could not read|unable to load|bad decrypt' \
	openssl pkey -in "$dir/key.pem" -passin pass:incorrect -noout

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
