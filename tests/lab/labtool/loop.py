"""The whole loop in one directory: central server, courier, cables, devices.

lab.json remembers how it was made: build, baud, devices, artifact keys.
"""

import json
import os

from . import artifact, server_side
from .courier_side import Courier
from .devices import Device, write
from .fleet import Fleet
from .home import LabError

BUILD = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "..", "build")
PROGRAMS = {"courier": ("courier", "courier"), "agent": ("device-link", "agent", "courier-agent"),
            "relay": ("tests", "lab", "serial-relay"), "trip-tool": ("tests", "trip_tool"),
            "meter": ("tests", "meter")}
BAUD = 115200
ARTIFACT_KEYS = ("rsa", "p256", "ed25519")
DEVICES_MAX = 255


class Lab:
    def __init__(self, home):
        self.home = home
        path = home.path("lab.json")
        self.facts = None
        if os.path.exists(path):
            with open(path, encoding="utf-8") as file:
                self.facts = json.load(file)

    def program(self, name):
        path = os.path.join(self.facts["build"], *PROGRAMS[name])
        if not os.path.exists(path):
            raise LabError("%s is not built" % path)
        return path

    @property
    def fleet(self):
        return Fleet(self.home)

    @property
    def devices(self):
        count = self.facts["devices"] if self.facts else 0
        return [Device(self.home, number) for number in range(1, count + 1)]

    def device(self, name):
        """The device of that id, label or number."""
        for device in self.devices:
            if name in (device.id, device.label, str(device.number)):
                return device
        raise LabError("%s: no such device here" % name)

    def courier(self, name="courier", **how):
        if self.facts.get("cheap"):
            how.setdefault("store_tool", self.program("trip-tool"))
        return Courier(self.home, self.program("courier"), name, **how)

    # Bringing it up

    def up(self, devices, build=None, baud=BAUD, relay=(), bare=False, uncertified=(),
           mender=(), v2=False, rs256=False, cheap=False):
        """Everything, as far as it does not run yet; the server's URL.

        bare: nobody is certified, trusted or enrolled, that is left to the operator.
        uncertified, mender: numbers of devices that have no certificate, or Debian's
        mender-client as an installer.  cheap: passphrases cost nothing to stretch, which is
        most of what a small command costs, in time and in memory.
        """
        url = server_side.up(self.home, v2=v2, rs256=rs256)
        if self.facts is not None:
            self.switch_on(relay)
            return url
        if not 0 <= devices <= DEVICES_MAX:
            raise LabError("devices: 0 to %d" % DEVICES_MAX)
        self.facts = {"build": os.path.abspath(build or BUILD), "baud": baud,
                      "devices": devices, "artifact_keys": list(ARTIFACT_KEYS), "bare": bare,
                      "cheap": cheap}
        if devices == 0:
            return url
        for name in ARTIFACT_KEYS:
            artifact.signing_key(self.home, name)
        for device in self.devices:
            device.make(len(ARTIFACT_KEYS), baud, mender=device.number in mender)
        self.courier().configure(baud)
        if bare:
            self.make_keys()
        else:
            self.certify(uncertified)
        write(self.home.path("lab.json"), json.dumps(self.facts, indent=1) + "\n")
        self.switch_on(relay)
        return url

    def make_keys(self):
        """Each device's request, as its integrator would find it."""
        for device in self.devices:
            write(device.path("request.pem"), device.request(self.program("agent")))

    def certify(self, uncertified):
        """All that an operator does before the first trip."""
        fleet, courier = self.fleet, self.courier()
        fleet.make()
        for device in self.devices:
            device.trust(fleet, ARTIFACT_KEYS)
            if device.number not in uncertified:
                device.certify(fleet, self.program("agent"))
        courier.issue(fleet)
        courier.take_control(fleet, ARTIFACT_KEYS, self.devices,
                             ["pump-%d" % number for number in uncertified])
        courier.enrol(self.devices)

    def switch_on(self, relay=()):
        for device in self.devices:
            if self.home.running(device.relay) is None:
                device.plug(self.program("relay"), list(relay), self.facts["baud"])
            if self.home.running(device.machine) is None:
                device.start(self.program("agent"))
