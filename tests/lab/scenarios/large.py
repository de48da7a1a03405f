"""An artifact far larger than memory, mostly holes: $COURIER_LARGE_GIB, 0.5 if unset.

What a device would have received in visits before lies there already: only the last LAST
bytes cross the cable, one that is faster than any.  Sync takes all of it, the courier reads what
it stored, and the device reads and verifies all of it.
"""

import hashlib
import os
import threading
import time

from hostile_artifacts import Member, Recipe, sha256

from .damage import MEMORY_KIB, memory_of, signed
from .stage import ANOTHER, check, same

GIB = float(os.environ.get("COURIER_LARGE_GIB", "0.5"))
PIECE = 1 << 20
LAST = 4 << 20
BAUD = 40000000


def tar_head(name, size):
    """A header whose size may be over 8 GiB (GNU, base 256)."""
    head = bytearray(Member(name).encode()[:512])
    head[124:136] = b"\x80" + size.to_bytes(11, "big")
    head[148:156] = b" " * 8
    head[148:156] = b"%06o\0 " % sum(head)
    return bytes(head)


def digest_of_zeros(size):
    made = hashlib.sha256()
    for _ in range(size // PIECE):
        made.update(bytes(PIECE))
    return made.hexdigest()


def write_sparse(stage, update, path):
    """Like the update's own artifact, with a payload of zeros that takes no room on the disk;
    its SHA-256."""
    size = int(GIB * 1024) * PIECE
    recipe = Recipe(suffix="", sign=lambda manifest: signed(manifest, stage), files=[])
    recipe.info["artifact_provides"]["artifact_name"] = update.name
    recipe.info["payloads"] = [{"type": "lab-exec"}]
    recipe.type_info = {"type": "lab-exec",
                        "artifact_provides": {"courier.counter": str(stage.made)}}
    header = recipe.header()
    manifest = "".join("%s  %s\n" % pair for pair in (
        (digest_of_zeros(size), "data/0000/app"), (sha256(header), "header.tar"),
        (sha256(recipe.version), "version"))).encode()
    before = b"".join(member.encode() for member in (
        Member("version", recipe.version), Member("manifest", manifest),
        Member("manifest.sig", recipe.sign(manifest)), Member("header.tar", header)))
    before += tar_head("data/0000.tar", 512 + size + 1024) + tar_head("app", size)
    with open(path, "wb") as out:
        out.write(before)
        out.truncate(len(before) + size + 2 * 1024)
    return digest_of_file(path)


def digest_of_file(path):
    made = hashlib.sha256()
    with open(path, "rb") as file:
        for piece in iter(lambda: file.read(PIECE), b""):
            made.update(piece)
    return made.hexdigest()


class Watch(threading.Thread):
    """The most that any process of a device's agent has resident, in KiB."""

    def __init__(self, device):
        super().__init__(daemon=True)
        self.session = device.agent_pid()
        self.most = 0
        self.over = False

    def run(self):
        while not self.over:
            for entry in filter(str.isdigit, os.listdir("/proc")):
                try:
                    self.look(entry)
                except (OSError, IndexError, KeyError):
                    pass  # it ended meanwhile, or is the kernel's
            time.sleep(0.05)

    def look(self, entry):
        with open("/proc/%s/stat" % entry, encoding="latin-1") as file:
            if int(file.read().rsplit(")", 1)[1].split()[3]) != self.session:
                return
        with open("/proc/%s/status" % entry, encoding="latin-1") as file:
            lines = dict(line.split(":", 1) for line in file)
        self.most = max(self.most, int(lines["VmHWM"].split()[0]))

    def stop(self):
        self.over = True
        self.join()
        return self.most


def had_before(stage, device, path, digest):
    """The server's file becomes all but the last of what the device has; no room is taken.
    The agent runs meanwhile: when it starts without a job, it clears its spool."""
    spool = device.path("state", "spool")
    os.makedirs(spool, mode=0o700, exist_ok=True)
    part = os.path.join(spool, digest + ".part")
    os.rename(path, part)
    os.chmod(part, 0o600)
    size = os.path.getsize(part)
    os.truncate(part, size - LAST)
    return size


def larger_than_memory(stage):
    """an artifact far larger than memory: fetched, carried, verified at both ends in 32 MiB"""
    device = stage.devices[0]
    update = stage.update(device)
    path = stage.artifact_on_server(update)
    digest = write_sparse(stage, update, path)
    fetching, status, text = memory_of(stage, "sync")
    same(status, 0, "sync: " + text)
    check("carrying" in text, "sync: %s", text)
    size = had_before(stage, device, path, digest)
    device.say("gate-install", 75, "large enough")
    stage.replug(device, "--baud", str(BAUD))
    watch = Watch(device)
    watch.start()
    carrying, status, text = memory_of(stage, "--json", "deliver", device.id)
    verifying = watch.stop()
    same(status, ANOTHER, "deliver: " + text)
    check("large enough" in text, "deliver: %s", text)
    print("        %.1f GiB; KiB resident at most: sync %d, deliver %d, agent %d" % (
        size / (1 << 30), fetching, carrying, verifying), flush=True)
    for what, most in (("sync", fetching), ("deliver", carrying), ("agent", verifying)):
        check(0 < most < MEMORY_KIB, "%s: %d KiB", what, most)
    same(stage.admin.abort(update.deployment).status, 204, "abort")
    stage.sync()


SCENARIOS = (larger_than_memory,)
