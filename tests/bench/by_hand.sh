#!/bin/sh
# What people script today: act for offline devices at a Mender server with curl and
# openssl, many at a time.  The peer of sync.py.
# usage: by_hand.sh DIR PARALLEL <DEVICES     one serial number a line
#
# DIR has: url, ca.pem, key.pem and key.pub (the proxy's), artifact.pub.  Afterwards it has
# for each device its token and its assignment, and each artifact once, verified.
#
# Made as fast as such a script gets: one shell serves many devices, and requests that do not
# depend on an answer share one curl, so one connection.
set -eu
DIR=$1
PARALLEL=$2
export DIR
mkdir -p "$DIR/devices" "$DIR/artifacts"

cat >"$DIR/serve.sh" <<'SERVE'
set -eu
cd "$DIR"
url=$(cat url)/api/devices/v1
pem=$(sed 's/$/\\n/' key.pub | tr -d '\n')
json='Content-Type: application/json'
ask() { curl -sS -f --cacert ca.pem "$@"; }
member() { printf '%s' "$2" | sed -n "s/.*\"$1\":\"\\([^\"]*\\)\".*/\\1/p"; }

for serial; do
	own=devices/$serial
	printf '{"id_data":"{\\"serial\\":\\"%s\\"}","pubkey":"%s","tenant_token":""}' \
		"$serial" "$pem" >"$own.body"
	signature=$(openssl pkeyutl -sign -rawin -inkey key.pem -in "$own.body" | base64 -w 0)
	ask -H "$json" -H "X-MEN-Signature: $signature" --data-binary "@$own.body" \
		-o "$own.token" "$url/authentication/auth_requests"
	token="Authorization: Bearer $(cat "$own.token")"
	next=$(ask -H "$json" -H "$token" -d '{"artifact_name":"rel-1","device_type":"pump"}' \
		"$url/deployments/device/deployments/next")
	printf '%s' "$next" >"$own.next"
	deployment=$(printf '%s' "$next" | sed 's/^{"id":"\([^"]*\)".*/\1/')
	curl -sS -f --cacert ca.pem -X PUT -H "$json" -H "$token" -d '{"status":"downloading"}' \
		"$url/deployments/device/deployments/$deployment/status" \
		--next -sS -f --cacert ca.pem -X PUT -H "$json" -H "$token" \
		-d '[{"name":"artifact_name","value":"rel-1"},{"name":"device_type","value":"pump"}]' \
		"$url/inventory/device/attributes"
	name=$(member artifact_name "$next")
	if [ ! -e "artifacts/$name" ]; then
		(
			flock 9
			[ -e "artifacts/$name" ] && exit 0
			ask -C - -o "artifacts/$name.part" "$(member uri "$next" |
				sed 's/\\u0026/\&/g')"
			mender-artifact validate -k artifact.pub "artifacts/$name.part" >/dev/null
			mv "artifacts/$name.part" "artifacts/$name"
		) 9>"artifacts/$name.lock"
	fi
done
SERVE

xargs -P "$PARALLEL" -n 20 sh "$DIR/serve.sh"
