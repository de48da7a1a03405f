#!/usr/bin/env python3
"""Writes the directory tuf/: a repository made by python-tuf, every kind of key and delegation.

Made with python-tuf and securesystemslib, an independent implementation, not from our code;
neither is a Debian 12 package, so the files are kept: pip install tuf 'securesystemslib[crypto]'.
usage: tuf_made_by_python.py DIRECTORY
"""
import datetime
import os
import sys

from securesystemslib.signer import CryptoSigner
from tuf.api.metadata import (DelegatedRole, Delegations, Metadata, MetaFile, Root, Snapshot,
                              SuccinctRoles, TargetFile, Targets, Timestamp)

EXPIRES = datetime.datetime(2040, 1, 1, tzinfo=datetime.timezone.utc)
ED25519, ECDSA, RSA = (CryptoSigner.generate_ed25519, CryptoSigner.generate_ecdsa,
                       CryptoSigner.generate_rsa)


def write(directory, name, signed, signers):
    """Sign and write VERSION.NAME.json; returns its bytes."""
    metadata = Metadata(signed)
    for signer in signers:
        metadata.sign(signer, append=True)
    content = metadata.to_bytes()
    with open(os.path.join(directory, f"{signed.version}.{name}.json"), "wb") as out:
        out.write(content)
    return content


def target(path, *algorithms, custom=None):
    file = TargetFile.from_data(path, path.encode(), list(algorithms))
    if custom is not None:
        file.unrecognized_fields["custom"] = custom
    return file


def main():
    directory = sys.argv[1]
    os.makedirs(directory, exist_ok=True)
    signers = {"root": [ED25519(), RSA(), ECDSA()], "timestamp": [ECDSA()], "snapshot": [RSA()],
               "targets": [ED25519(), ECDSA()]}
    root = Root(expires=EXPIRES, consistent_snapshot=True)
    for role, keys in signers.items():
        for key in keys:
            root.add_key(key.public_key, role)
        root.roles[role].threshold = max(1, len(keys) - 1)
    root.unrecognized_fields["x-note"] = {"b": "\u20ac\n\"\\\u2028\U0001f600", "a": [0, -1, None]}
    write(directory, "root", root, signers["root"][:2])
    second = ED25519()
    root.add_key(second.public_key, "root")
    root.version = 2
    write(directory, "root", root, signers["root"][1:] + [second])

    by_path, by_hash, bins = RSA(), ECDSA(), ED25519()
    targets = Targets(expires=EXPIRES)
    targets.targets["top"] = target("top", "sha512")
    targets.delegations = Delegations(
        {key.public_key.keyid: key.public_key for key in (by_path, by_hash)},
        {"by path/\u00e9": DelegatedRole("by path/\u00e9", [by_path.public_key.keyid], 1, True,
                                         paths=["p?th/*.bin"]),
         "by-hash": DelegatedRole("by-hash", [by_hash.public_key.keyid], 1, False,
                                  path_hash_prefixes=[f"{n:x}" for n in range(16)])})
    roles = {"by path/\u00e9": (Targets(expires=EXPIRES), by_path),
             "by-hash": (Targets(expires=EXPIRES), by_hash)}
    roles["by path/\u00e9"][0].targets["p\u00e4th/a.bin"] = target(
        "p\u00e4th/a.bin", "sha256", "sha512", custom={"counter": 7, "\u20ac": ["\n"]})
    succinct = SuccinctRoles([bins.public_key.keyid], 1, 3, "bin")
    roles["by-hash"][0].delegations = Delegations({bins.public_key.keyid: bins.public_key},
                                                  succinct_roles=succinct)
    for name in succinct.get_roles():
        roles[name] = (Targets(expires=EXPIRES), bins)
    for number in range(40):
        path = f"dir/{number}"
        roles[succinct.get_role_for_target(path)][0].targets[path] = target(path, "sha256")

    snapshot = Snapshot(expires=EXPIRES)
    snapshot.meta["targets.json"] = MetaFile.from_data(
        1, write(directory, "targets", targets, signers["targets"]), ["sha256", "sha512"])
    for name, (signed, signer) in roles.items():
        file = "by%20path%2F%C3%A9" if name.startswith("by p") else name
        snapshot.meta[f"{name}.json"] = MetaFile.from_data(
            1, write(directory, file, signed, [signer]), ["sha512"])
    timestamp = Timestamp(expires=EXPIRES)
    timestamp.snapshot_meta = MetaFile.from_data(
        1, write(directory, "snapshot", snapshot, signers["snapshot"]), ["sha256"])
    write(directory, "timestamp", timestamp, signers["timestamp"])
    os.rename(os.path.join(directory, "1.timestamp.json"),
              os.path.join(directory, "timestamp.json"))


if __name__ == "__main__":
    main()
