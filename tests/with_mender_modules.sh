#!/bin/sh
# Run a command where Debian's mender client finds update modules of ours, and leave
# the machine as it was: a private mount namespace.  Needs root.
# usage: with_mender_modules.sh COMMAND...
#
# Modules (Mender update module protocol v3), all writing what they install to
# $MENDER_TEST/software:
#   test-plain       rolls back when told to
#   test-final       knows no rollback: the client commits by itself
#   test-reboot      wants a reboot
#   test-broken      fails to install
set -eu
if [ "${MENDER_TEST_INSIDE:-}" != 1 ]; then
	MENDER_TEST_INSIDE=1 exec unshare -m --propagation private "$0" "$@"
fi
modules=/usr/share/mender/modules/v3
mount -t tmpfs none "$modules"
mount -t tmpfs none /etc/mender
echo artifact_name=rel-1 >/etc/mender/artifact_info
cat >"$modules/test-plain" <<'MODULE'
#!/bin/sh
set -eu
state=$1 files=$2/files
case $(basename "$0") in
test-final) rollback=No ;;
*) rollback=Yes ;;
esac
case $state in
NeedsArtifactReboot)
	case $0 in *reboot) echo Yes ;; *) echo No ;; esac
	;;
SupportsRollback) echo $rollback ;;
ArtifactInstall)
	cp "$MENDER_TEST/software" "$MENDER_TEST/software.old"
	case $0 in *broken) echo "cannot write the flash" >&2; exit 1 ;; esac
	cat "$files"/* >"$MENDER_TEST/software"
	;;
ArtifactRollback)
	[ ! -f "$MENDER_TEST/software.old" ] || mv "$MENDER_TEST/software.old" "$MENDER_TEST/software"
	;;
ArtifactCommit) rm -f "$MENDER_TEST/software.old" ;;
esac
MODULE
chmod +x "$modules/test-plain"
for name in test-final test-reboot test-broken; do
	cp "$modules/test-plain" "$modules/$name"
done
exec "$@"
