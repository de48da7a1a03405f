#!/usr/bin/python3
"""Writes direction.hex: directions as common/direction.h describes them, good and bad; after
each good one, as same-NAME, its canonical form without members that are not known.

Made with Python's json module from that description, not from our C code.
usage: direction.py > direction.hex
"""
import copy
import json

DIGEST = "0123456789abcdef" * 4
ARTIFACT = {"path": "artifacts/rel-2.mender", "length": 40960, "sha256": DIGEST,
            "device_type": "testbox"}
PLAIN = {"_type": "direction", "version": 1, "device": "pump-1",
         "deployment": "9a6b1c1e-5c5c-4d0e-8a44-3a3f1f7c0f11", "sequence": 7,
         "artifacts": [ARTIFACT]}
KNOWN = {"_type", "version", "device", "deployment", "sequence", "artifacts", "path", "length",
         "sha256", "device_type"}


def but(**changes):
    document = copy.deepcopy(PLAIN)
    for name, value in changes.items():
        if value is None:
            del document[name]
        else:
            document[name] = value
    return document


def artifact(**changes):
    made = {**ARTIFACT, **changes}
    return {name: value for name, value in made.items() if value is not None}


def known(value):
    if isinstance(value, dict):
        return {name: known(value[name]) for name in value if name in KNOWN}
    return [known(element) for element in value] if isinstance(value, list) else value


def canonical(value):
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


GOOD = {
    "plain": PLAIN,
    "any-type": but(artifacts=[artifact(device_type=None)]),
    "types": but(artifacts=[artifact(path=f"artifacts/{i}", device_type=f"t{i}")
                            for i in range(16)]),
    "more": but(x_note={"a": [1, None]}, artifacts=[artifact(custom="y")]),
    "limits": but(sequence=2**53 - 1, device="d" * 64, deployment="e" * 64,
                  artifacts=[artifact(path="p" * 511, length=2**53 - 1,
                                      device_type="t" * 255)]),
    "foreign": but(artifacts=[artifact(path="artifacts/r\u00e9l \u20ac.mender",
                                       device_type="\U0001f6a2")]),
}

BAD = {
    "type": but(_type="directions"),
    "version": but(version=2),
    "no-version": but(version=None),
    "no-device": but(device=None),
    "empty-device": but(device=""),
    "long-device": but(device="d" * 65),
    "device-number": but(device=1),
    "no-deployment": but(deployment=None),
    "long-deployment": but(deployment="e" * 65),
    "sequence-0": but(sequence=0),
    "sequence-negative": but(sequence=-1),
    "sequence-large": but(sequence=2**53),
    "sequence-text": but(sequence="7"),
    "no-artifacts": but(artifacts=[]),
    "artifact-text": but(artifacts=["x"]),
    "many": but(artifacts=[artifact(path=f"artifacts/{i}") for i in range(17)]),
    "twice": but(artifacts=[artifact(), artifact(device_type="other")]),
    "no-path": but(artifacts=[artifact(path=None)]),
    "long-path": but(artifacts=[artifact(path="p" * 512)]),
    "length-0": but(artifacts=[artifact(length=0)]),
    "sha": but(artifacts=[artifact(sha256=DIGEST[:-1])]),
    "sha-upper": but(artifacts=[artifact(sha256=DIGEST.upper())]),
    "empty-type": but(artifacts=[artifact(device_type="")]),
}

RAW = {
    "empty": b"",
    "list": b"[]",
    "behind": canonical(PLAIN) + b"{}",
    "twin": canonical(PLAIN)[:-1] + b',"device":"pump-2"}',
    "fraction": canonical(PLAIN).replace(b'"sequence":7', b'"sequence":7.0'),
    "bom": b"\xef\xbb\xbf" + canonical(PLAIN),
}


def show(name, data):
    print(name)
    for at in range(0, len(data), 60):
        print("  " + data[at:at + 60].hex())


def main():
    print("# made by direction.py")
    for name, document in GOOD.items():
        show("good-" + name, json.dumps(document, indent=1).encode())
        show("same-" + name, canonical(known(document)))
    for name, document in BAD.items():
        show("bad-" + name, canonical(document))
    for name, data in RAW.items():
        show("bad-" + name, data)


if __name__ == "__main__":
    main()
