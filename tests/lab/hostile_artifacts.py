#!/usr/bin/python3
"""Artifacts no tool would make, and good ones mender-artifact cannot make.

usage: hostile_artifacts.py DIRECTORY

Writes NAME.mender files and the public halves of the keys that signed them; which
of them are good, and what is wrong with the others, tests/test_artifact.c says.
"""
import base64
import gzip
import hashlib
import json
import lzma
import os
import sys
import tarfile

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

ED25519 = ed25519.Ed25519PrivateKey.generate()
P256 = ec.generate_private_key(ec.SECP256R1())


def sha256(content):
    return hashlib.sha256(content).hexdigest()


class Member:
    """A tar entry; KIND, LINK and PAX are for the odd ones."""

    def __init__(self, name, content=b"", kind=tarfile.REGTYPE, link="", pax=None):
        self.name, self.content = name, content
        self.kind, self.link, self.pax = kind, link, pax

    def encode(self):
        info = tarfile.TarInfo(self.name)
        info.type, info.linkname, info.size = self.kind, self.link, len(self.content)
        if self.pax:
            info.pax_headers = self.pax
        form = tarfile.PAX_FORMAT if self.pax else tarfile.GNU_FORMAT
        return (info.tobuf(form, "utf-8", "surrogateescape") + self.content
                + bytes(-len(self.content) % 512))


def tar(members, end=bytes(1024)):
    return b"".join(member.encode() for member in members) + end


def gz(content):
    return gzip.compress(content, mtime=0)


def xz(content, dictionary=1 << 20):
    return lzma.compress(content, filters=[
        {"id": lzma.FILTER_LZMA2, "preset": 0, "dict_size": dictionary}])


def zst(content, window=20):
    """A frame of raw blocks (RFC 8878), window 2^WINDOW bytes."""
    out = bytes.fromhex("28b52ffd") + bytes([0x00, (window - 10) << 3])
    pieces = [content[at:at + 65536] for at in range(0, len(content), 65536)]
    for number, piece in enumerate(pieces):
        last = number == len(pieces) - 1
        out += (len(piece) << 3 | last).to_bytes(3, "little") + piece
    return out


def plain(content):
    return content


PACKERS = {"": plain, ".gz": gz, ".xz": xz, ".zst": zst}


class Recipe:
    """A good artifact, until a change is made to one of its parts."""

    def __init__(self, **changes):
        self.version = b'{"format":"mender","version":3}'
        self.info = {
            "payloads": [{"type": "file"}],
            "artifact_provides": {"artifact_name": "rel-3"},
            "artifact_depends": {"device_type": ["testbox"]},
        }
        self.type_info = {"type": "file"}
        self.files = [Member("app", b"one\n"), Member("data.bin", bytes(range(256)) * 4)]
        self.suffix = ".gz"
        self.edit_header = self.edit_outer = self.edit_manifest = lambda what: what
        self.pack_header = self.pack_payload = None
        self.header_end = self.payload_end = self.end = bytes(1024)
        self.sign = None
        for name, value in changes.items():
            assert hasattr(self, name), name
            setattr(self, name, value)

    def json(self, value):
        return value if isinstance(value, bytes) else json.dumps(value).encode()

    def header(self):
        members = self.edit_header([
            Member("header-info", self.json(self.info)),
            Member("headers/0000/type-info", self.json(self.type_info)),
        ])
        pack = self.pack_header or PACKERS[self.suffix]
        return pack(tar(members, self.header_end))

    def payload(self):
        pack = self.pack_payload or PACKERS[self.suffix]
        return pack(tar(self.files, self.payload_end))

    def build(self):
        header = self.header()
        lines = {"data/0000/" + file.name: sha256(file.content) for file in self.files}
        lines["header.tar" + self.suffix] = sha256(header)
        lines["version"] = sha256(self.version)
        text = "".join(f"{lines[name]}  {name}\n" for name in sorted(lines))
        manifest = self.edit_manifest(text).encode("utf-8", "surrogateescape")
        members = [Member("version", self.version), Member("manifest", manifest)]
        if self.sign:
            members.append(Member("manifest.sig", self.sign(manifest)))
        members += [Member("header.tar" + self.suffix, header),
                    Member("data/0000.tar" + self.suffix, self.payload())]
        return tar(self.edit_outer(members), self.end)


def add(*members):
    return lambda there: there + list(members)


def swap(one, other):
    def edit(members):
        members[one], members[other] = members[other], members[one]
        return members
    return edit


def without(number):
    return lambda members: members[:number] + members[number + 1:]


def rename(number, name):
    def edit(members):
        members[number].name = name
        return members
    return edit


def replace(old, new):
    return lambda text: text.replace(old, new)


def info(**changes):
    return {**Recipe().info, **changes}


def typed(**changes):
    return {"type": "file", **changes}


def sparse(name):
    """A file of 4 bytes behind a hole of 4092, as GNU tar writes it since 1.17."""
    chunk_map = b"1\n4092\n4\n"
    content = chunk_map + bytes(512 - len(chunk_map)) + b"end\n"
    return Member(name, content, pax={
        "GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.name": name,
        "GNU.sparse.realsize": "4096"})


def sign_der(manifest):
    return base64.b64encode(P256.sign(manifest, ec.ECDSA(hashes.SHA256())))


def sign_ed25519(manifest):
    return base64.b64encode(ED25519.sign(manifest))


GOOD = {
    "good-gz": Recipe(),
    "good-plain": Recipe(suffix=""),
    "good-xz": Recipe(suffix=".xz"),
    "good-zst": Recipe(suffix=".zst"),
    "good-ed25519": Recipe(sign=sign_ed25519),
    "good-p256-der": Recipe(sign=sign_der),
    # GNU tar fills its last record with zeros.
    "good-padded": Recipe(suffix="", end=bytes(10240), payload_end=bytes(10240)),
    "good-unicode": Recipe(files=[Member("größe", b"1", pax={"path": "größe"})]),
    "good-script": Recipe(edit_header=lambda there: [
        there[0], Member("scripts/ArtifactInstall_Enter_00_x", b"#!/bin/sh\n"), there[1],
        Member("headers/0000/meta-data", b'{"a":[1.5]}')]),
    "good-large": Recipe(files=[Member("zeros", bytes(64 << 20))]),
    "good-depends": Recipe(type_info=typed(artifact_depends={"app": ["1", "2"], "os": "9"})),
}

PARTS = {
    "version-2": Recipe(version=b'{"format":"mender","version":2}'),
    "version-text": Recipe(version=b'{"format":"mender","version":"3"}'),
    "format-other": Recipe(version=b'{"format":"other","version":3}'),
    "version-twice": Recipe(edit_outer=lambda there: there[:1] + there),
    "no-manifest": Recipe(edit_outer=without(1)),
    "no-header": Recipe(edit_outer=without(2)),
    "no-payload": Recipe(edit_outer=without(3)),
    "manifest-first": Recipe(edit_outer=swap(0, 1)),
    "payload-first": Recipe(edit_outer=swap(2, 3)),
    "payload-twice": Recipe(edit_outer=lambda there: there + there[-1:]),
    "second-payload": Recipe(edit_outer=add(Member("data/0001.tar.gz", gz(tar([]))))),
    "something-after": Recipe(edit_outer=add(Member("notes", b"hi"))),
    "hostile-augmented": Recipe(edit_outer=lambda there: [
        *there[:2], Member("manifest-augment", b""), *there[2:]]),
    "augmented-header": Recipe(edit_outer=lambda there: [
        *there[:3], Member("header-augment.tar.gz", b""), *there[3:]]),
    "huge-version": Recipe(version=b" " * 300000),
}

MANIFESTS = {
    "manifest-ghost": Recipe(edit_manifest=lambda text: text + "0" * 64 + "  data/0000/ghost\n"),
    "manifest-self": Recipe(edit_manifest=lambda text: text + "0" * 64 + "  manifest\n"),
    "manifest-unlisted": Recipe(edit_manifest=replace("data/0000/app", "data/0000/other")),
    "manifest-twice": Recipe(edit_manifest=lambda text: text + text[:text.index("\n") + 1]),
    "manifest-two-headers": Recipe(
        edit_manifest=lambda text: text + "0" * 64 + "  header.tar.xz\n"),
    "manifest-upper": Recipe(edit_manifest=lambda text: "A" + text[1:]),
    "manifest-one-blank": Recipe(edit_manifest=replace("  version", " version")),
    "manifest-blank-name": Recipe(edit_manifest=replace("data.bin", "data bin")),
    "manifest-cut": Recipe(edit_manifest=lambda text: text[:-1]),
    "manifest-crlf": Recipe(edit_manifest=replace("\n", "\r\n")),
    "manifest-empty": Recipe(edit_manifest=lambda text: ""),
    "manifest-nul": Recipe(edit_manifest=replace("data.bin", "data\0bin")),
    "manifest-long-name": Recipe(files=[Member("n" * 91, b"")]),
    "manifest-wrong-version": Recipe(
        edit_manifest=replace(sha256(Recipe().version), "0" * 64)),
    "manifest-wrong-file": Recipe(edit_manifest=replace(sha256(b"one\n"), "0" * 64)),
    "manifest-wrong-header": Recipe(
        edit_manifest=replace(sha256(Recipe().header()), "0" * 64)),
    "sig-not-base64": Recipe(sign=lambda manifest: b"not base64"),
    "sig-other-text": Recipe(sign=lambda manifest: sign_ed25519(manifest + b"\n")),
}

HEADERS = {
    "header-two-payloads": Recipe(info=info(payloads=[{"type": "file"}, {"type": "file"}])),
    "header-no-payloads": Recipe(info=info(payloads=[])),
    "header-no-name": Recipe(info=info(artifact_provides={})),
    "header-empty-name": Recipe(info=info(artifact_provides={"artifact_name": ""})),
    "header-control-name": Recipe(info=info(artifact_provides={"artifact_name": "a\x1b[2J"})),
    "header-long-name": Recipe(info=info(artifact_provides={"artifact_name": "n" * 256})),
    "header-no-device": Recipe(info=info(artifact_depends={})),
    "header-empty-device": Recipe(info=info(artifact_depends={"device_type": []})),
    "header-number-device": Recipe(info=info(artifact_depends={"device_type": [7]})),
    "header-key-twice": Recipe(info=json.dumps(Recipe().info).replace(
        '"artifact_name"', '"artifact_name": "x", "artifact_name"').encode()),
    "header-not-json": Recipe(info=b"header"),
    "header-other-type": Recipe(type_info={"type": "script"}),
    "header-null-type": Recipe(type_info={"type": None}),
    "header-own-device": Recipe(type_info=typed(artifact_depends={"device_type": "other"})),
    "header-own-name": Recipe(type_info=typed(artifact_provides={"artifact_name": "x"})),
    "header-number-provides": Recipe(type_info=typed(artifact_provides={"x": 1})),
    "header-empty-depends": Recipe(type_info=typed(artifact_depends={"x": []})),
    "header-text-clears": Recipe(type_info=typed(clears_artifact_provides="*")),
    "header-many-provides": Recipe(
        type_info=typed(artifact_provides={str(i): "" for i in range(128)})),
    "header-many-clears": Recipe(type_info=typed(clears_artifact_provides=["*"] * 129)),
    "header-long-value": Recipe(type_info=typed(artifact_provides={"x": "v" * 1025})),
    "header-empty": Recipe(edit_header=lambda there: []),
    "header-no-type-info": Recipe(edit_header=without(1)),
    "header-type-info-first": Recipe(edit_header=swap(0, 1)),
    "header-extra": Recipe(edit_header=add(Member("headers/0001/type-info", b"{}"))),
    "header-meta-list": Recipe(edit_header=add(Member("headers/0000/meta-data", b"[]"))),
    "header-after-meta": Recipe(edit_header=add(
        Member("headers/0000/meta-data", b"{}"), Member("x"))),
    "header-script-out": Recipe(edit_header=lambda there: [
        there[0], Member("scripts/../../etc/x", b""), there[1]]),
    "header-link": Recipe(edit_header=lambda there: [
        Member("header-info", kind=tarfile.SYMTYPE, link="/etc/passwd"), there[1]]),
    "header-huge": Recipe(suffix="", edit_header=lambda there: [
        there[0], Member("scripts/x", bytes(5 << 20)), there[1]]),
    "header-bomb": Recipe(edit_header=lambda there: [
        there[0], Member("scripts/x", bytes(64 << 20)), there[1]]),
    "header-huge-json": Recipe(info=b" " * 300000),
    "header-trailing": Recipe(header_end=bytes(1024) + b"more" + bytes(508)),
    "header-no-end": Recipe(header_end=b""),
}

PAYLOADS = {
    "file-up": Recipe(files=[Member("../app", b"")]),
    "file-dots": Recipe(files=[Member("..", b"")]),
    "file-absolute": Recipe(files=[Member("/app", b"")]),
    "file-folder": Recipe(files=[Member("bin/app", b"")]),
    "file-control": Recipe(files=[Member("a\nb", b"")]),
    "file-control-hidden": Recipe(files=[Member("a\nb", b"")],
                                  edit_manifest=replace("a\nb", "ab")),
    "file-c1": Recipe(files=[Member("a\u009bb", b"")]),
    "file-twice": Recipe(files=[Member("app", b"one"), Member("app", b"one")]),
    "file-symlink": Recipe(files=[Member("app", kind=tarfile.SYMTYPE, link="/etc/passwd")]),
    "file-hardlink": Recipe(files=[Member("a"), Member("b", kind=tarfile.LNKTYPE, link="a")]),
    "file-directory": Recipe(files=[Member("app", kind=tarfile.DIRTYPE)]),
    "file-device": Recipe(files=[Member("app", kind=tarfile.CHRTYPE)]),
    "file-fifo": Recipe(files=[Member("app", kind=tarfile.FIFOTYPE)]),
    "file-sparse": Recipe(files=[sparse("app")]),
    "file-many": Recipe(suffix="", files=[Member(f"{i}") for i in range(1025)]),
    "file-in-empty-payload": Recipe(info=info(payloads=[{"type": None}]),
                                    type_info={"type": None}),
    "payload-trailing": Recipe(payload_end=bytes(1024) + b"more" + bytes(508)),
    "payload-zeros": Recipe(payload_end=bytes(1 << 20)),
    "payload-no-end": Recipe(payload_end=b""),
    "payload-one-block": Recipe(payload_end=bytes(512)),
    "payload-gz-trailing": Recipe(pack_payload=lambda text: gz(text) + b"more"),
    "payload-gz-more": Recipe(pack_payload=lambda text: gz(text) + gz(b"more")),
    "payload-gz-cut": Recipe(pack_payload=lambda text: gz(text)[:-1]),
    "payload-gz-twice": Recipe(pack_payload=lambda text: gz(gz(text))),
    "payload-not-gz": Recipe(pack_payload=plain),
    "payload-xz-as-gz": Recipe(pack_payload=xz),
    "payload-gz-as-xz": Recipe(suffix=".xz", pack_payload=gz),
    "payload-gz-as-zst": Recipe(suffix=".zst", pack_payload=gz),
    "payload-gz-as-plain": Recipe(suffix="", pack_payload=gz),
    "payload-bz2": Recipe(edit_outer=rename(3, "data/0000.tar.bz2")),
    "payload-empty": Recipe(pack_payload=lambda text: b""),
    "payload-xz-window": Recipe(
        suffix=".xz", pack_payload=lambda text: xz(text, 128 << 20)),
    "payload-xz-twice": Recipe(suffix=".xz", pack_payload=lambda text: xz(text) + xz(b"")),
    "payload-zst-window": Recipe(suffix=".zst", pack_payload=lambda text: zst(text, 27)),
    "payload-zst-later-window": Recipe(suffix=".zst", pack_payload=lambda text: (
        zst(text[:512]) + zst(text[512:], 30))),
    "trailing": Recipe(end=bytes(1024) + b"more"),
    "trailing-zeros": Recipe(end=bytes(1024 + 20 * 512 + 1)),
    "no-end": Recipe(end=b""),
    "one-block": Recipe(end=bytes(512)),
}


def save(path, content):
    with open(path, "wb") as file:
        file.write(content)


def save_public(path, key):
    save(path, key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo))


def main(directory):
    for recipes in (GOOD, PARTS, MANIFESTS, HEADERS, PAYLOADS):
        for name, recipe in recipes.items():
            save(os.path.join(directory, name + ".mender"), recipe.build())
    save_public(os.path.join(directory, "lab-ed25519.pub"), ED25519)
    save_public(os.path.join(directory, "lab-p256.pub"), P256)


if __name__ == "__main__":
    main(sys.argv[1])
