"""Artifacts, made by Debian's mender-artifact and signed with the lab's keys."""

import base64
import hashlib
import io
import os
import subprocess
import tarfile

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from .home import LabError

TRADITIONAL = serialization.PrivateFormat.TraditionalOpenSSL  # all that mender-artifact reads
MAKERS = {
    "rsa": (lambda: rsa.generate_private_key(65537, 3072), TRADITIONAL),
    "p256": (lambda: ec.generate_private_key(ec.SECP256R1()), TRADITIONAL),
    "ed25519": (ed25519.Ed25519PrivateKey.generate, serialization.PrivateFormat.PKCS8),
}


def key_paths(home, name):
    return home.path("keys", "artifact-%s.pem" % name), home.path("keys",
                                                                  "artifact-%s.pub" % name)


def signing_key(home, name):
    """Path of a private key: a kept one by name (rsa, p256, ed25519, or any name with one of
    those before a dash, as in rsa-stranger), or a file's."""
    kind = name.split("-")[0]
    if kind not in MAKERS:
        if os.path.exists(name):
            return name
        raise LabError("%s: neither a kind of key nor a file" % name)
    home.ensure("keys")
    private, public = key_paths(home, name)
    if not os.path.exists(private):
        make, form = MAKERS[kind]
        key = make()
        with open(private, "wb", opener=lambda path, flags: os.open(path, flags, 0o600)) as out:
            out.write(key.private_bytes(serialization.Encoding.PEM, form,
                                        serialization.NoEncryption()))
        with open(public, "wb") as out:
            out.write(key.public_key().public_bytes(
                serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo))
    return private


def payload_bytes(name, size):
    """size bytes that depend on name only and do not compress."""
    made = hashlib.shake_256(name.encode()).digest(size)
    return made


def run(arguments):
    done = subprocess.run(arguments, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          check=False)
    if done.returncode != 0:
        said = done.stdout.decode("utf-8", "replace").strip()
        raise LabError("%s: %s" % (arguments[0], said))


def sign_ed25519(path, key_path):
    """Add a signature mender-artifact cannot make: raw Ed25519 over the manifest."""
    with open(key_path, "rb") as file:
        key = serialization.load_pem_private_key(file.read(), None)
    with tarfile.open(path) as old, tarfile.open(path + ".signed", "w",
                                                 format=tarfile.GNU_FORMAT) as new:
        for member in old:
            data = old.extractfile(member).read()
            new.addfile(member, io.BytesIO(data))
            if member.name == "manifest":
                text = base64.b64encode(key.sign(data))
                added = tarfile.TarInfo("manifest.sig")
                added.size, added.mode = len(text), 0o600
                new.addfile(added, io.BytesIO(text))
    os.rename(path + ".signed", path)


def make(home, name, kind, device_types, payloads=(), size=None, counter=None,
         signed_by="rsa", provides=(), depends=(), extra=(), output=None):
    """Write an artifact; its path.  signed_by None leaves it unsigned."""
    home.ensure("artifacts")
    output = output or home.path("artifacts", name + ".mender")
    payloads = list(payloads)
    if not payloads:
        payloads = [home.path("artifacts", name + ".payload")]
        with open(payloads[0], "wb") as out:
            out.write(name.encode() + b"\n" if size is None else payload_bytes(name, size))
    arguments = ["mender-artifact", "write", "module-image", "-T", kind, "-n", name,
                 "-o", output]
    for device_type in device_types:
        arguments += ["-t", device_type]
    for payload in payloads:
        arguments += ["-f", payload]
    if counter is not None:
        arguments += ["--provides", "courier.counter:%d" % counter]
    for pair in provides:
        arguments += ["--provides", pair]
    for pair in depends:
        arguments += ["--depends", pair]
    key = signing_key(home, signed_by) if signed_by else None
    by_hand = signed_by is not None and signed_by.split("-")[0] == "ed25519"
    if key and not by_hand:
        arguments += ["-k", key]
    run(arguments + list(extra))
    if by_hand:
        sign_ed25519(output, key)
    return output
