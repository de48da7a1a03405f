"""Devices of the lab: agents on the far ends of serial lines, their software, their moods.

  ports/ID              the end of the cable a courier plugs into
  devices/ID/           the device:
    courier-agent.conf  state/  tty  boot-id
    software/running    what it runs; journal: what its installer was told, in order
    NAME-verdict        what a script is to answer: an exit status, then a reason
                        (health, gate-transfer, gate-install, gate-reboot, install, commit,
                        rollback)
"""

import json
import os
import shlex
import shutil
import signal
import subprocess
import sys

from . import artifact
from .fleet import requested_key
from .home import LabError

SUPERVISOR = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))),
                          "supervisor.py")
DEVICE_TYPE = "testbox"
SHIPPED = "rel-1"
GROUP = "pumps"
SCRIPTS = ("health", "gate-transfer", "gate-install", "gate-reboot", "install", "commit",
           "rollback", "identify")
BOOT_S = "0.7"

CONFIGURATION = """\
[agent]
state = state
link = serial:{here}/tty,{baud}
identity = identity
inventory = inventory
device-type = device_type
artifact = {shipped}
{keys}
health = {here}/hook health
gate = {here}/hook gate
identify = {here}/hook identify
reboot = {here}/hook reboot
boot-id = boot-id
hook-timeout = 20s
health-timeout = 20s

[installer lab-exec]
kind = exec
install = {here}/hook install {{file}}
commit = {here}/hook commit
rollback = {here}/hook rollback
running = {here}/hook running {{file}}
timeout = 60s

[installer lab-file]
kind = file
target = {here}/software/running
timeout = 60s
"""

MENDER = """
[installer single-file]
kind = mender
command = mender --config {here}/mender.conf --data {here}/mender
timeout = 60s
"""
MENDER_PROVIDES = "provides = mender --config {here}/mender.conf --data {here}/mender show-provides"

# Every script the agent calls.  An installation is two slots' worth: next is what the machine
# will run after it rebooted, previous what it ran before, kept until commit.
HOOK = """#!/bin/sh
set -eu
cd "$(dirname "$0")"
what=$1
[ "$what" = gate ] && what=gate-$2
if [ "$what" = running ]; then # exactly what it says, and not a word in the journal
	! cmp -s "$2" software/running || exit 0
	[ ! -e software/previous ] || ! cmp -s software/previous software/running || exit 10
	exit 1
fi
echo "$what" >>software/journal || echo "$what" >>software/journal
verdict=0 reason=
if [ -e "$what-verdict" ]; then
	{ read -r verdict; read -r reason || true; } <"$what-verdict"
fi
[ -z "$reason" ] || echo "$reason"
case $what in
install)
	[ "$verdict" = 0 ] || [ "$verdict" = 4 ] || exit "$verdict"
	[ -e software/previous ] || { cp software/running software/copy; mv software/copy software/previous; }
	cp "$2" software/copy
	sleep "$(cat install-seconds)"
	mv software/copy software/next
	[ "$verdict" = 4 ] || mv software/next software/running ;;
commit)
	[ ! -e software/next ] || exit 1 # not what the machine booted
	rm -f software/previous ;;
rollback)
	rm -f software/next
	[ ! -e software/previous ] || mv software/previous software/running ;;
reboot) kill -USR1 "$(cat machine.pid)" ;;
esac
exit "$verdict"
"""


def write(path, text, mode=0o644):
    with open(path, "w", encoding="utf-8") as out:
        out.write(text)
    os.chmod(path, mode)


class Device:
    """One device, by its number (from 1)."""

    def __init__(self, home, number):
        self.home = home
        self.number = number
        self.id = "pump-%d" % number
        self.label = "Pump %d" % number
        self.identity = {"mac": "02:00:00:00:%02x:%02x" % divmod(number, 256),
                         "serial": "SN-%04d" % number}
        self.machine = "machine-" + self.id
        self.relay = "relay-" + self.id

    def path(self, *names):
        return self.home.path("devices", self.id, *names)

    @property
    def port(self):
        return self.home.path("ports", self.id)

    # Making it

    def make(self, keys, baud, mender=False):
        """Its directory.  keys: names of artifact keys its configuration names."""
        for names in ((), ("state",), ("software",), ("inventory",)):
            self.home.ensure("devices", self.id, *names)
        values = {"here": self.path(), "baud": baud, "shipped": SHIPPED,
                  "keys": "".join("artifact-key = state/artifact-key-%d.pem\n" % at
                                  for at in range(1, keys + 1)).strip()}
        text = CONFIGURATION.format(**values)
        if mender:
            self.make_mender()
            text = text.replace("\nhealth = ", "\n" + MENDER_PROVIDES.format(**values)
                                + "\nhealth = ") + MENDER.format(**values)
        write(self.path("courier-agent.conf"), text)
        write(self.path("identity"), "#!/bin/sh\n" + "".join(
            "echo %s=%s\n" % pair for pair in self.identity.items()), 0o755)
        write(self.path("inventory", "mender-inventory-lab"),
              "#!/bin/sh\necho kernel=Linux-lab\necho hall=7\necho ip=10.0.0.1\n"
              "echo ip=10.0.0.2\n", 0o755)
        write(self.path("device_type"), "device_type=%s\n" % DEVICE_TYPE)
        write(self.path("hook"), HOOK, 0o755)
        write(self.path("boot-id"), "boot-0\n")
        write(self.path("boot-seconds"), BOOT_S + "\n")
        write(self.path("install-seconds"), "0\n")
        write(self.path("software", "running"), SHIPPED + "\n")

    def make_mender(self):
        """Debian's mender-client, standalone, with memory of its own."""
        self.home.ensure("devices", self.id, "mender")
        self.home.ensure("devices", self.id, "etc")
        write(self.path("mender.conf"), json.dumps({"DeviceTypeFile": self.path("device_type")}))
        write(self.path("etc", "artifact_info"), "artifact_name=%s\n" % SHIPPED)

    def trust(self, fleet, artifact_keys):
        """What `courier-admin provision` would give it: whom to believe."""
        for name in ("root.pem", "crl.pem"):
            write(self.path("state", name), fleet.text(name))
        for at, name in enumerate(artifact_keys, 1):
            shutil.copyfile(artifact.key_paths(self.home, name)[1],
                            self.path("state", "artifact-key-%d.pem" % at))

    def request(self, agent):
        """What it asks to be certified with; the agent makes the key."""
        done = subprocess.run([agent, "-c", self.path("courier-agent.conf"), "request"],
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False,
                              encoding="utf-8")
        if done.returncode != 0:
            raise LabError("%s: request: %s" % (self.id, done.stderr.strip()))
        return done.stdout

    def certify(self, fleet, agent, group=GROUP):
        write(self.path("state", "certificate.pem"), fleet.certify_device(
            requested_key(self.request(agent)), self.id, self.identity, group))

    # Its life

    def plug(self, relay, options, baud):
        """Its serial line."""
        self.home.ensure("ports")
        self.home.start(self.relay, [relay, "--quiet", "--baud", str(baud)] + options
                        + [self.port, self.path("tty")],
                        ready=lambda: os.path.exists(self.port)
                        and os.path.exists(self.path("tty")))

    def cable(self, what):
        pid = self.home.running(self.relay)
        if pid is None:
            raise LabError("%s: its line does not run" % self.id)
        self.home.send(pid, {"cut": signal.SIGUSR1, "restore": signal.SIGUSR2}[what])

    def start(self, agent):
        """Switch it on."""
        command = [sys.executable, SUPERVISOR, self.path(), agent]
        if os.path.exists(self.path("mender.conf")):
            command = ["unshare", "-m", "sh", "-c", "mount --bind %s /etc/mender && exec %s" % (
                shlex.quote(self.path("etc")), " ".join(map(shlex.quote, command)))]
        pid = self.home.start(self.machine, command,
                              ready=lambda: os.path.exists(self.path("agent.pid")))
        write(self.path("machine.pid"), "%d\n" % pid)

    def stop(self):
        """Switch it off."""
        self.home.stop(self.machine)

    def agent_pid(self):
        with open(self.path("agent.pid"), encoding="ascii") as file:
            return int(file.read())

    def kill(self):
        """kill -9 the agent; it is started again."""
        os.kill(self.agent_pid(), signal.SIGKILL)

    def say(self, what, status, reason=""):
        """What a script is to answer from now on."""
        write(self.path(what + "-verdict"), "%d\n%s\n" % (status, reason))

    def behave(self):
        """Every script answers as it was made to."""
        for script in SCRIPTS:
            if os.path.exists(self.path(script + "-verdict")):
                os.unlink(self.path(script + "-verdict"))
        write(self.path("install-seconds"), "0\n")

    def take(self, seconds):
        """How long its installer takes."""
        write(self.path("install-seconds"), "%s\n" % seconds)

    def software(self):
        """What it runs."""
        with open(self.path("software", "running"), "rb") as file:
            return file.read()

    def journal(self):
        try:
            return self.home.read("devices", self.id, "software", "journal").split()
        except FileNotFoundError:
            return []
