#!/usr/bin/python3
"""Writes carried/: a pinned root (root.json) and what is carried for pump-1 (set): three roots,
a publisher, hash bins in which directions lie, x-issued.

Made with python3-cryptography and tests/tuf_repository.py from the specifications, not from our
C code.
usage: carried.py DIRECTORY
"""
import copy
import hashlib
import json
import os
import sys

sys.path[:0] = [os.path.dirname(os.path.abspath(__file__)),
                os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")]

from cryptography.hazmat.primitives.asymmetric import ed25519  # noqa: E402

import tuf_repository  # noqa: E402
import tuf_set  # noqa: E402

EXPIRES, ISSUED = "2100-01-01T00:00:00Z", "2026-11-01T00:00:00Z"
BITS, ARTIFACT = 3, b"pump software 2\n"
made = 0


class Known:
    """Keys that are the same each time this is run."""

    @staticmethod
    def generate():
        global made
        made += 1
        return ed25519.Ed25519PrivateKey.from_private_bytes(
            hashlib.sha256(b"courier carried vector %d" % made).digest())


def bin_of(path):
    return "bin-%x" % (hashlib.sha256(path.encode()).digest()[0] >> (8 - BITS))


def direction(device, sequence):
    return json.dumps({
        "_type": "direction", "version": 1, "device": device, "deployment": "dep-1",
        "sequence": sequence, "note": "a member that nobody knows",
        "artifacts": [{"path": "artifacts/rel-2.mender", "length": len(ARTIFACT),
                       "sha256": hashlib.sha256(ARTIFACT).hexdigest(), "device_type": "pump"},
                      {"path": "artifacts/rel-2-valve.mender", "length": 7,
                       "sha256": "ab" * 32, "device_type": "valve"}]}, indent=1).encode()


def build():
    repository = tuf_repository.Repository()
    signed = repository.signed
    repository.delegate("targets", "publisher",
                        ["artifacts/*", "devices/*/direction.json"], terminating=True)
    online = repository.signers["publisher"]
    signed["publisher"]["delegations"] = {
        "keys": {key.id: copy.deepcopy(key.public) for key in online},
        "succinct_roles": {"keyids": [key.id for key in online], "threshold": 1,
                           "bit_length": BITS, "name_prefix": "bin"}}
    for number in range(1 << BITS):
        repository.add_role("bin-%x" % number, online)
    repository.add_target("artifacts/rel-2.mender", ARTIFACT, "publisher", ("sha256", "sha512"))
    for number in range(1, 20):
        path = f"devices/pump-{number}/direction.json"
        repository.add_target(path, direction(f"pump-{number}", 40 + number), bin_of(path))
    for role in signed:
        signed[role].update({"expires": EXPIRES, "x-issued": ISSUED})
    repository.served.clear()
    repository.publish_root()
    old = repository.signers["root"]
    repository.appoint("root", [tuf_repository.Key(), tuf_repository.Key()], 2)
    repository.new_root(old + repository.signers["root"])
    repository.new_root()
    repository.publish_all()
    return repository


def main():
    tuf_repository.ed25519 = type("known", (), {"Ed25519PrivateKey": Known})
    repository = build()
    path = "devices/pump-1/direction.json"
    own = (bin_of(path), "publisher", "targets", "snapshot")
    files = [name for name in repository.served if name.endswith(".root.json")]
    files += ["timestamp.json"] + [
        "%d.%s.json" % (repository.signed[role]["version"], role) for role in own]
    records = [(0, name.encode(), repository.served[name]) for name in files]
    records += [(1, path.encode(), repository.files[path]), (2, b"artifacts/rel-2.mender", b"")]
    os.makedirs(sys.argv[1], exist_ok=True)
    for name, content in (("root.json", repository.served["1.root.json"]),
                          ("set", tuf_set.made(*records))):
        with open(os.path.join(sys.argv[1], name), "wb") as out:
            out.write(content)


if __name__ == "__main__":
    main()
