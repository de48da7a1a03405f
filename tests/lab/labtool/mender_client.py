"""Debian's mender-client 3.4 as a device of the lab: the peer that nobody here wrote.

Only within a mount namespace of our own (unshare -m): its fixed directories are bound over.
"""

import json
import os
import subprocess

BINDINGS = {"share": "/usr/share/mender", "etc": "/etc/mender"}
POLL_SECONDS = 1
INVENTORY_SECONDS = 600  # beyond the tests: what is sent is sent for a reason

# An update module whose behaviour the tests choose.  With "hold", Download makes the file
# holding and waits until release appears, so that a test can do something meanwhile.
MODULE = """#!/bin/sh
behaviour=$(cat /usr/share/mender/behaviour)
case "$1 $behaviour" in
"NeedsArtifactReboot "*) echo No ;;
"SupportsRollback "*) echo Yes ;;
"ArtifactInstall fail") echo "no room in the shed" >&2; exit 1 ;;
"Download hold")
	touch /usr/share/mender/holding
	while [ ! -e /usr/share/mender/release ]; do sleep 0.1; done ;;
esac
exit 0
"""


def write(path, text, mode=0o644):
    with open(path, "w", encoding="utf-8") as out:
        out.write(text)
    os.chmod(path, mode)


class MenderClient:
    """One device.  artifact_key: path of the public key updates must be signed with."""

    def __init__(self, home, identity, device_type="testbox", artifact_name="rel-1",
                 artifact_key=None):
        self.home = home
        self.identity = identity
        self.device_type = device_type
        home.ensure("device", "data")
        for name in BINDINGS:
            home.ensure("device", name)
        for name in ("identity", "inventory"):
            home.ensure("device", "share", name)
        home.ensure("device", "share", "modules", "v3")
        self.write_files(artifact_name)
        self.write_configuration(artifact_key)

    def path(self, *names):
        return self.home.path("device", *names)

    def write_files(self, artifact_name):
        lines = "".join("echo '%s=%s'\n" % pair for pair in self.identity.items())
        write(self.path("share", "identity", "mender-device-identity"),
              "#!/bin/sh\n" + lines, 0o755)
        write(self.path("share", "inventory", "mender-inventory-test"),
              "#!/bin/sh\necho kernel=Linux-test\necho ip=10.0.0.1\necho ip=10.0.0.2\n", 0o755)
        write(self.path("share", "modules", "v3", "testmod"), MODULE, 0o755)
        write(self.path("data", "device_type"), "device_type=%s\n" % self.device_type)
        write(self.path("etc", "artifact_info"), "artifact_name=%s\n" % artifact_name)
        self.behave("succeed")

    def write_configuration(self, artifact_key):
        configuration = {
            "ServerURL": self.home.read("server", "url"),
            "ServerCertificate": self.home.path("server", "ca.pem"),
            "UpdatePollIntervalSeconds": POLL_SECONDS,
            "InventoryPollIntervalSeconds": INVENTORY_SECONDS,
            "RetryPollIntervalSeconds": POLL_SECONDS,
            "DeviceTypeFile": self.path("data", "device_type"), "DBus": {"Enabled": False}}
        if artifact_key:
            configuration["ArtifactVerifyKey"] = artifact_key
        write(self.path("mender.conf"), json.dumps(configuration))

    def behave(self, behaviour):
        """How the update module does: succeed, fail, or hold until release()."""
        for name in ("holding", "release"):
            if os.path.exists(self.path("share", name)):
                os.unlink(self.path("share", name))
        write(self.path("share", "behaviour"), behaviour + "\n")

    def is_holding(self):
        return os.path.exists(self.path("share", "holding"))

    def release(self):
        write(self.path("share", "release"), "")

    def start(self):
        for name, place in BINDINGS.items():
            subprocess.run(["mount", "--bind", self.path(name), place], check=True)
        self.home.start("mender", [
            "mender", "--no-syslog", "-c", self.path("mender.conf"), "-b", "/nonexistent",
            "-d", self.path("data"), "-l", "debug", "daemon"])

    def stop(self):
        self.home.stop("mender")
        for place in BINDINGS.values():
            subprocess.run(["umount", place], check=False, stderr=subprocess.DEVNULL)


def detach_mounts():
    """Let no mount of ours reach the host.  Call once, in the new namespace."""
    subprocess.run(["mount", "--make-rprivate", "/"], check=True)
