"""Reading a .mender file (format 3): its checksums, and what its header says.

Signatures are not judged, as on the real server: they are for devices.
"""

import hashlib
import json
import subprocess
import tarfile
import tempfile

HEADER_MAX = 16 << 20  # bytes
PIECE = 65536


class BadArtifact(Exception):
    """The file is no artifact; the sentence says why."""


def suffix_of(name):
    return name.rsplit(".", 1)[-1] if not name.endswith(".tar") else "tar"


def inner_tar(member_file, name):
    """The tar inside an outer member, read as a stream."""
    kind = suffix_of(name)
    if kind == "zst":
        plain = tempfile.TemporaryFile()
        with subprocess.Popen(["zstd", "-dcq"], stdin=subprocess.PIPE, stdout=plain) as process:
            for piece in iter(lambda: member_file.read(PIECE), b""):
                process.stdin.write(piece)
            process.stdin.close()
        plain.seek(0)
        return tarfile.open(fileobj=plain, mode="r|")
    modes = {"tar": "r|", "gz": "r|gz", "xz": "r|xz"}
    if kind not in modes:
        raise BadArtifact("unsupported compression: " + name)
    return tarfile.open(fileobj=member_file, mode=modes[kind])


class Hashing:
    """A reader that hashes what passes, and can be read to its end."""

    def __init__(self, source):
        self.source = source
        self.hash = hashlib.sha256()

    def read(self, size=-1):
        data = self.source.read(size)
        self.hash.update(data)
        return data

    def digest(self):
        while self.read(PIECE):
            pass
        return self.hash.hexdigest()


def parse_manifest(data):
    manifest = {}
    for line in data.decode().splitlines():
        digest, gap, name = line.partition("  ")
        if len(digest) != 64 or not gap or not name:
            raise BadArtifact("malformed manifest line")
        manifest[name] = digest
    return manifest


def plain_name(name):
    """A name without its compression suffix, as checksums are looked up."""
    for suffix in (".gz", ".xz", ".zst"):
        if name.endswith(suffix):
            return name[: -len(suffix)]
    return name


class Reader:
    """Walks the outer tar once, in its enforced order."""

    def __init__(self, file):
        self.file = file
        self.manifest = {}
        self.info = {}
        self.seen = set()
        self.place = 0
        self.result = {"updates": [], "signed": False}

    def read(self):
        try:
            with tarfile.open(fileobj=self.file, mode="r|") as outer:
                for member in outer:
                    self.entry(member.name, outer.extractfile(member))
        except (tarfile.TarError, EOFError, OSError, ValueError, KeyError) as error:
            raise BadArtifact(str(error) or "truncated") from None
        missing = set(map(plain_name, self.manifest)) - self.seen
        if missing:
            raise BadArtifact("missing: " + ", ".join(sorted(missing)))
        return self.result

    def entry(self, name, source):
        order = ("version", "manifest", "manifest.sig", "manifest-augment", "header.tar",
                 "header-augment.tar", "data/")
        kind = "data/" if name.startswith("data/") else plain_name(name)
        if kind not in order or order.index(kind) < self.place:
            raise BadArtifact("unexpected file: " + name)
        self.place = order.index(kind)
        handlers = {"version": self.version, "manifest": self.read_manifest,
                    "manifest.sig": self.signature, "header.tar": self.header,
                    "data/": self.data}
        if kind in handlers:
            handlers[kind](name, source)

    def version(self, _, source):
        data = source.read(4096)
        self.version_digest = hashlib.sha256(data).hexdigest()
        version = json.loads(data)
        if version != {"format": "mender", "version": 3}:
            raise BadArtifact("unsupported version: %s" % version.get("version"))

    def read_manifest(self, _, source):
        self.manifest = parse_manifest(source.read(HEADER_MAX))
        self.check("version", self.version_digest)

    def signature(self, _, source):
        self.result["signed"] = bool(source.read(HEADER_MAX))

    def check(self, name, digest):
        wanted = {plain_name(key): value for key, value in self.manifest.items()}
        if wanted.get(plain_name(name)) != digest:
            raise BadArtifact("invalid checksum: " + name)
        self.seen.add(plain_name(name))

    def header(self, name, source):
        hashing = Hashing(source)
        with inner_tar(hashing, name) as inner:
            for member in inner:
                data = inner.extractfile(member).read(HEADER_MAX)
                if member.name == "header-info":
                    self.header_info(json.loads(data))
                elif member.name.endswith("/type-info"):
                    self.type_info(member.name, json.loads(data))
                elif member.name.endswith("/meta-data") and data:
                    self.result["updates"][-1]["meta_data"] = json.loads(data)
        self.check(name, hashing.digest())

    def header_info(self, info):
        provides, depends = info["artifact_provides"], info.get("artifact_depends", {})
        if not provides.get("artifact_name") or not depends.get("device_type"):
            raise BadArtifact("header-info: no artifact_name or device_type")
        self.result.update(name=provides["artifact_name"],
                           device_types_compatible=depends["device_type"],
                           artifact_provides=dict(provides), artifact_depends=dict(depends))

    def type_info(self, _, info):
        self.result["updates"].append({"type_info": {"type": info.get("type")}, "files": []})
        self.result["artifact_provides"].update(info.get("artifact_provides") or {})
        self.result["artifact_depends"].update(info.get("artifact_depends") or {})
        self.result["clears_artifact_provides"] = info.get("clears_artifact_provides", [])

    def data(self, name, source):
        number = plain_name(name)[len("data/") : -len(".tar")]
        with inner_tar(source, name) as inner:
            for member in inner:
                content = Hashing(inner.extractfile(member))
                path = "data/%s/%s" % (number, member.name)
                self.check(path, content.digest())
                self.result["updates"][int(number)]["files"].append(
                    {"name": member.name, "checksum": content.hash.hexdigest(),
                     "size": member.size})


def read(file):
    """What the artifact in file says of itself; BadArtifact when it is broken."""
    result = Reader(file).read()
    if "name" not in result:
        raise BadArtifact("no header")
    return result
