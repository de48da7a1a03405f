#!/bin/sh
# The journey of one update, told step by step: two devices that have no network, a
# central server, a repository of signed metadata, and a courier between them.  Everything
# is real - programs, keys, signed artifacts, TLS - but for the server, a stand-in for
# Mender's, and the cables, which are pseudo-terminals at 115200 baud.  Uses and removes a
# throwaway directory.
# usage: sh tests/demo.sh       (Debian 12; root or sudo)
set -eu
top=$(cd "$(dirname "$0")/.." && pwd)
cd "$top"
PATH=/usr/local/sbin:/usr/sbin:/sbin:/usr/bin:/bin:$PATH
export PATH

echo 'Setting up: packages, then the build (tests/packages says what and why).'
sh tests/setup.sh
[ -f build/build.ninja ] || meson setup build . >/dev/null
ninja -C build >build/demo-build.log 2>&1 || {
	tail -n 40 build/demo-build.log
	exit 1
}

work=$(mktemp -d /tmp/courier-demo.XXXXXX)
PATH=$top/build/courier:$top/build/courier/admin:$top/build/device-link/agent:$top/tests/lab:$PATH
finish() {
	status=$?
	lab down "$work/lab" >/dev/null 2>&1 || true
	rm -rf "$work"
	exit $status
}
trap finish EXIT
trap 'exit 130' INT TERM
cd "$work"

step() { printf '\n\n== %s\n' "$1"; }
tell() { printf '%s\n' "$*" | fmt -w 88 | sed 's/^/   /'; }
run() { # show a command as a person types it, then run it; end here if it fails
	printf '\n   $ %s\n' "$*" | sed "s#$work/##g"
	"$@" >said 2>&1 || failed=$?
	sed "s#$work/##g" said | fold -s -w 100 | sed 's/^/     /'
	[ "${failed:-0}" -eq 0 ] || {
		echo "demo: exit status $failed: $*" >&2
		exit 1
	}
}

step 'The place'
tell 'A central server, and two pumps in a mine: pump-1 and pump-2. Each pump runs
courier-agent and has nothing but a serial port. They run rel-1.'
lab up "$work/lab" --bare --devices 2 --build "$top/build" >/dev/null
server=$(cat lab/server/url)
lab repository "$work/lab" >repository
repository=$(sed -n 's/^url: //p' repository)
tell "The server is at $server; each cable ends in lab/ports/. A plain web server gives away
a directory of files at $repository."

step '1. The operator makes a fleet'
tell 'A fleet root that every party pins, and two issuers under it: one certifies devices, one
couriers. Keys lie encrypted in the authority directory; the root can stay offline.'
printf 'correct horse battery staple\n' >authority-passphrase
chmod 600 authority-passphrase
run courier-admin init authority --fleet 'Northern Mines' \
	--passphrase-file authority-passphrase --root-passphrase-file authority-passphrase \
	--artifact-key lab/keys/artifact-rsa.pub --artifact-key lab/keys/artifact-p256.pub \
	--artifact-key lab/keys/artifact-ed25519.pub
COURIER_ADMIN_DIR=$work/authority
export COURIER_ADMIN_DIR

step '2. The ceremony: who may say what a device installs'
tell 'Ruth and Otto each hold a key, made and kept on a machine without a network. Together they
sign which keys count from now on: their own, and three that the operator may use
every day. Each reads what it is before signing; the digest is what they read.'
for holder in ruth otto; do
	run courier-admin trust key $holder --key-passphrase-file authority-passphrase
done
run courier-admin trust init --root-key ruth.pub --root-key otto.pub --bins 4 \
	--tree lab/repository/www/tuf --online-passphrase-file authority-passphrase
cp -r authority/trust/staged stick
read=$(courier-admin trust show stick --json | sed -E 's/.*"digest":"([0-9a-f]+)".*/--digest \1/')
for holder in ruth otto; do
	# shellcheck disable=SC2086 # words
	run courier-admin trust sign stick --key $holder.pem \
		--key-passphrase-file authority-passphrase $read
done
run courier-admin trust accept stick --online-passphrase-file authority-passphrase

step '3. The operator certifies the devices'
tell 'Each device made its own key; it never leaves it. The operator signs its request, and
what comes back tells the device whom to believe: fleet root, revocation list, artifact keys,
and the root that Ruth and Otto signed. From now on it installs nothing that the repository
does not direct it to.'
for pump in pump-1 pump-2; do
	courier-agent -c "lab/devices/$pump/courier-agent.conf" request >$pump.request
	run courier-admin provision --out $pump.provision --request $pump.request --id $pump \
		--group pumps --passphrase-file authority-passphrase
	cp $pump.provision/*.pem $pump.provision/tuf-root.json "lab/devices/$pump/state/"
	sed -i '/^\[agent\]/a tuf-root = state/tuf-root.json' \
		"lab/devices/$pump/courier-agent.conf"
	lab agent lab $pump restart
done

step '4. The technician gets a courier'
tell "Anna's laptop makes two keys, sealed under her passphrase: one proves who she is on
site, one acts for the devices at the server. Only the public halves leave it."
COURIER_HOME=$work/laptop
export COURIER_HOME
printf 'a passphrase only Anna knows\n' >anna-passphrase
chmod 600 anna-passphrase
mkdir -m 700 laptop
cat >laptop/courier.conf <<CONF
[server central]
kind = mender
url = $server
ca = $work/lab/server/ca.pem

[repository fleet]
url = $repository
root = $work/lab/repository/www/tuf/metadata/1.root.json
ca = $work/lab/repository/cert.pem

[links]
serial = $work/lab/ports/*,115200
wait = 20s
CONF
run courier --passphrase-file anna-passphrase init --out courier-request.pem
run courier-admin issue courier-request.pem --id anna --technician 'Anna Berg' \
	--group pumps --passphrase-file authority-passphrase

step '5. The operator enrols both devices for this courier'
tell 'At the server each pump becomes an ordinary device, accepted under a key that Anna holds
and that the operator can refuse at any time. Then the courier is told whom it serves.'
cat >devices.csv <<'CSV'
id,identity,type,artifact,label,site,group
pump-1,mac=02:00:00:00:00:01;serial=SN-0001,testbox,rel-1,"Pump 1, north shaft",Mine 4,pumps
pump-2,mac=02:00:00:00:00:02;serial=SN-0002,testbox,rel-1,"Pump 2, south shaft",Mine 4,pumps
CSV
run courier-admin enroll --courier anna devices.csv --server "$server" \
	--ca lab/server/ca.pem --token-file lab/server/admin-token \
	--passphrase-file authority-passphrase
run courier --passphrase-file anna-passphrase init authority/couriers/anna/anna.control

step '6. First sync: the server meets the devices'
tell 'The courier logs in as each pump. From now on the server knows them, and can assign.'
run courier --passphrase-file anna-passphrase sync

step '7. The operator deploys rel-2, as always'
tell 'A signed artifact, made by mender-artifact, and a deployment to both pumps. It is published,
too, and each pump is directed to it by name: the server says which pumps and what it is called,
the digest is that of the file the operator has. Nothing shall expire during the trip.'
lab artifact lab rel-2 --type lab-exec --device-type testbox --counter 2 \
	--signed-by rsa --size 40000 >/dev/null
deployment=$(lab deploy lab rel-2 pump-1 pump-2)
run courier-admin trust publish lab/artifacts/rel-2.mender \
	--online-passphrase-file authority-passphrase
run courier-admin trust direct --from-mender "$deployment" --server "$server" \
	--ca lab/server/ca.pem --token-file lab/server/admin-token \
	--online-passphrase-file authority-passphrase
run courier-admin trust freshen --until "$(date -u -d '60 days' +%F)" \
	--online-passphrase-file authority-passphrase

step '8. Sync, and plan: still connected'
tell 'The artifact and the metadata cross once, are verified, and wait sealed on the laptop. The
plan rehearses what each device will decide, with the very code the device runs.'
run courier --passphrase-file anna-passphrase sync
run courier --passphrase-file anna-passphrase plan

step '9. On site: deliver'
tell 'Both cables at once. Each device verifies everything itself, installs, checks its health,
commits, and signs a receipt.'
run courier --passphrase-file anna-passphrase deliver
run courier --passphrase-file anna-passphrase status

step '10. Back home: sync'
tell 'Outcome, log and inventory go to the server under the identity of each device, with the
signed receipt itself.'
run courier --passphrase-file anna-passphrase sync

step 'What the server says now'
run lab state lab

lab state lab --json >state.json
/usr/bin/python3 - state.json <<'PY'
import json, sys
devices = [device for device in json.load(open(sys.argv[1]))
           if "serial" in device.get("identity", {})]
confirmed = [device for device in devices
             if device["inventory"].get("inventory", {}).get("artifact_name") == "rel-2"]
reported = [device for device in devices
            if [each["status"] for each in device["deployments"]] == ["success"]]
print("\n\ndemo: %d devices confirmed, %d reported" % (len(confirmed), len(reported)))
sys.exit(0 if len(confirmed) == len(reported) == 2 else 1)
PY
