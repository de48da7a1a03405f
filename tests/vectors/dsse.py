#!/usr/bin/python3
"""Writes dsse.txt: seed, payload and type (hex), and the envelope (hex) that must come of them.

Made with python3-cryptography from the text of the DSSE protocol (v1.0.2), not from our C code.
usage: dsse.py > dsse.txt
"""
import base64
import hashlib
import json

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519

CASES = [
    (b"hello world", "http://example.com/HelloWorld"),  # the protocol's own example
    (b"", "application/vnd.courier.receipt+json"),
    (b'{"device":"pump-7","sequence":1}', "application/vnd.courier.receipt+json"),
    (bytes(range(256)) * 3, "application/vnd.courier.control+json"),
    ("\u20ac".encode() * 50, "application/vnd.courier.time+json"),
]


def pae(kind, body):
    return b"DSSEv1 %d %s %d %s" % (len(kind), kind.encode(), len(body), body)


def envelope(key, kind, body):
    spki = key.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return json.dumps({
        "payload": base64.standard_b64encode(body).decode(),
        "payloadType": kind,
        "signatures": [{
            "keyid": hashlib.sha256(spki).hexdigest(),
            "sig": base64.standard_b64encode(key.sign(pae(kind, body))).decode(),
        }],
    }, separators=(",", ":")).encode()


def main():
    assert pae(CASES[0][1], CASES[0][0]) == (
        b"DSSEv1 29 http://example.com/HelloWorld 11 hello world")
    print("# seed, payload, type, envelope; made by dsse.py")
    for i, (body, kind) in enumerate(CASES):
        seed = hashlib.sha256(b"courier dsse vector %d" % i).digest()
        key = ed25519.Ed25519PrivateKey.from_private_bytes(seed)
        print(seed.hex(), body.hex() or "-", kind.encode().hex(), envelope(key, kind, body).hex())


if __name__ == "__main__":
    main()
