"""Artifacts that are not what they should be, at every place where one lies."""

import base64
import glob
import json
import os
import subprocess

from cryptography.hazmat.primitives import serialization
from hostile_artifacts import Member, Recipe, gz, xz
from labtool import artifact

from .stage import ANOTHER, SOME, check, said, same
from .trouble import LARGE, partial

MEMORY_KIB = 32 * 1024
BOMB = 256 << 20  # bytes, of a few thousand


def read(path):
    with open(path, "rb") as file:
        return file.read()


def write(path, content):
    with open(path, "wb") as out:
        out.write(content)


def flipped(content, at):
    return content[:at] + bytes([content[at] ^ 4]) + content[at + 1:]


def says(done, *words):
    for word in words:
        check(word in done.stdout + done.stderr, "does not say %r: %s", word, said(done))


def not_carried(stage, update, *words):
    """sync says what is wrong, and the device is brought nothing."""
    device = update.devices[0]
    before = device.software()
    done = stage.sync(status=SOME)
    says(done, update.name, "devices stay as they are", *words)
    results = stage.deliver(device.id, status=ANOTHER)
    same(results[device.id]["word"], "NOT FETCHED", "word")
    check(results[device.id]["safe_to_unplug"], "not safe: %s", results)
    same(device.software(), before, "what runs")


def mended(stage, update):
    """Now that the file is good, the same deployment succeeds."""
    stage.bring(update)
    stage.runs(update.devices[0], update)
    update.ended(update.devices[0], "success")


def spoilt_on_server(stage, spoil, *words):
    update = stage.update(stage.devices[0])
    path = stage.artifact_on_server(update)
    good = read(path)
    write(path, spoil(good))
    not_carried(stage, update, *words)
    write(path, good)
    mended(stage, update)


def cut_short(stage):
    """cut short at the server: not carried, and fetched again when it is whole"""
    spoilt_on_server(stage, lambda good: good[:-1500], "Truncated")


def empty(stage):
    """an empty file at the server: not carried"""
    spoilt_on_server(stage, lambda good: b"")


def turned_bit_in_payload(stage):
    """a bit turned in the payload at the server"""
    spoilt_on_server(stage, lambda good: flipped(good, len(good) - 9000))


def turned_bit_in_manifest(stage):
    """a bit turned in the manifest at the server"""
    spoilt_on_server(stage, lambda good: flipped(good, good.index(b"data/0000/") - 10))


def signed(manifest, stage):
    path = artifact.key_paths(stage.home, "ed25519")[0]
    key = serialization.load_pem_private_key(read(path), None)
    return base64.b64encode(key.sign(manifest))


def hostile(stage, *words, **changes):
    """A file of ours, truly signed, in the place of a good one."""
    update = stage.update(stage.devices[0])
    recipe = Recipe(sign=lambda manifest: signed(manifest, stage), **changes)
    recipe.info["artifact_provides"]["artifact_name"] = update.name
    path = stage.artifact_on_server(update)
    good = read(path)
    write(path, recipe.build())
    not_carried(stage, update, *words)
    write(path, good)
    mended(stage, update)


def extra_entry(stage):
    """a manifest that lists a file which is not there"""
    hostile(stage, "ghost",
            edit_manifest=lambda text: text + "0" * 64 + "  data/0000/ghost\n")


def missing_entry(stage):
    """a payload with a file the manifest does not list"""
    hostile(stage, "app", edit_manifest=lambda text: "".join(
        line + "\n" for line in text.splitlines() if not line.endswith("/app")))


def unsigned(stage):
    """an artifact without a signature"""
    update = stage.update(stage.devices[0], signed_by=None)
    not_carried(stage, update, "it is not signed")
    same(stage.admin.abort(update.deployment).status, 204, "abort")
    stage.sync()


def zst_of_zeros(content):
    """A frame of blocks that repeat one byte (RFC 8878), where 128 KiB are all zero."""
    out = bytes.fromhex("28b52ffd") + bytes([0x00, (20 - 10) << 3])
    pieces = [content[at:at + 65536] for at in range(0, len(content), 65536)]
    for number, piece in enumerate(pieces):
        is_last = number == len(pieces) - 1
        repeats = not piece.strip(b"\0")
        head = len(piece) << 3 | repeats << 1 | is_last
        out += head.to_bytes(3, "little") + (b"\0" if repeats else piece)
    return out


def memory_of(stage, *arguments):
    """KiB that a command of courier had resident at most; how it ended, and what it said."""
    meter = stage.home.path("meter.json")
    done = subprocess.run([stage.lab.program("meter"), meter, *stage.courier.command(arguments)],
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, encoding="utf-8", check=False,
                          env=stage.courier.environment())
    with open(meter, encoding="ascii") as file:
        return json.load(file)["memory_kib"], done.returncode, done.stdout


def header_bombs(stage):
    """headers of gz, xz and zst that unpack without end: refused by a limit"""
    for suffix, pack in ((".gz", gz), (".xz", xz), (".zst", zst_of_zeros)):
        bomb = [Member("header-info", b'{"a":"' + bytes(BOMB >> 3) + b'"}')]
        hostile(stage, suffix=suffix, edit_header=lambda members: bomb + members, pack_header=pack)


def payload_bombs(stage):
    """payloads of gz, xz and zst that unpack to 256 MiB: little memory, no space"""
    device = stage.devices[0]
    config = read(device.path("courier-agent.conf"))
    free = os.statvfs(device.path())
    reserve = free.f_bavail * free.f_frsize - (BOMB >> 1)
    write(device.path("courier-agent.conf"), config.replace(
        b"hook-timeout", b"reserve = %d\nhook-timeout" % reserve))
    device.stop()
    device.start(stage.lab.program("agent"))
    try:
        for suffix, pack in ((".gz", gz), (".xz", xz), (".zst", zst_of_zeros)):
            payload_bomb(stage, device, suffix, pack)
    finally:
        write(device.path("courier-agent.conf"), config)
        device.stop()
        device.start(stage.lab.program("agent"))
    mended(stage, stage.update(device))


def payload_bomb(stage, device, suffix, pack):
    update = stage.update(device)
    recipe = Recipe(sign=lambda manifest: signed(manifest, stage), suffix=suffix,
                    files=[Member("app", bytes(BOMB))], pack_payload=pack)
    recipe.info["artifact_provides"]["artifact_name"] = update.name
    recipe.info["payloads"] = [{"type": "lab-exec"}]
    recipe.type_info = {"type": "lab-exec",
                        "artifact_provides": {"courier.counter": str(stage.made)}}
    write(stage.artifact_on_server(update), recipe.build())
    most, status, text = memory_of(stage, "sync")
    same(status, 0, "sync: " + text)
    check(most < MEMORY_KIB, "%s: %d KiB", suffix, most)
    results = stage.deliver(device.id, status=ANOTHER)
    same(results[device.id]["word"], "WAITING", "word")
    check("free" in results[device.id]["reason"], "reason: %s", results)
    same(stage.admin.abort(update.deployment).status, 204, "abort")
    stage.sync()


def blob(stage):
    blobs = glob.glob(stage.courier.path("/blobs/*")) + glob.glob(
        stage.courier.path("/**/blobs/*"), recursive=True)
    check(blobs, "no blobs under %s", stage.courier.path())
    return max(blobs, key=lambda path: os.stat(path).st_mtime_ns)


def spoilt_on_disk(stage, spoil):
    """The courier's own copy: the device gets nothing of it, and the next sync another."""
    update = stage.update(stage.devices[0])
    device = stage.devices[0]
    before = device.software()
    stage.sync()
    path = blob(stage)
    write(path, spoil(read(path)))
    results = stage.deliver(device.id, status=31)
    check("damaged" in results[device.id]["reason"], "reason: %s", results)
    same(device.software(), before, "what runs")
    mended(stage, update)


def turned_bit_on_disk(stage):
    """a bit turned in the courier's copy: said on site, fetched again at the next sync"""
    spoilt_on_disk(stage, lambda good: flipped(good, len(good) // 2))


def cut_short_on_disk(stage):
    """the courier's copy cut short"""
    spoilt_on_disk(stage, lambda good: good[:len(good) // 2])


def gone_from_disk(stage):
    """the courier's copy deleted"""
    update = stage.update(stage.devices[0])
    stage.sync()
    os.unlink(blob(stage))
    stage.deliver(stage.devices[0].id, status=31)
    mended(stage, update)


def spool_of(device):
    return max(glob.glob(device.path("state", "spool", "*")), key=os.path.getsize)


def half_sent(stage, device):
    """An update of which half lies on the device."""
    update = stage.update(device, size=LARGE)
    stage.sync()
    courier = stage.start("--json", "deliver", "--wait", "4", device.id)
    stage.wait("half of the artifact", lambda: partial(device) > LARGE // 2)
    device.cable("cut")
    stage.finish(courier, 20)
    device.cable("restore")
    return update


def turned_bit_in_spool(stage):
    """a bit turned in what the device has so far: noticed, never installed"""
    device = stage.devices[0]
    update = half_sent(stage, device)
    installs = device.journal().count("install")
    device.stop()
    path = spool_of(device)
    write(path, flipped(read(path), 1000))
    device.start(stage.lab.program("agent"))
    stage.deliver(device.id)  # it notices, and fetches it anew
    stage.runs(device, update)
    same(device.journal().count("install") - installs, 1, "installations")
    stage.sync()
    update.ended(device, "success")


def cut_short_spool(stage):
    """what the device has so far cut short: it asks for the rest"""
    device = stage.devices[0]
    update = half_sent(stage, device)
    device.stop()
    path = spool_of(device)
    write(path, read(path)[:1234])
    device.start(stage.lab.program("agent"))
    stage.deliver(device.id)
    stage.sync()
    update.ended(device, "success")


SCENARIOS = (cut_short, empty, turned_bit_in_payload, turned_bit_in_manifest, extra_entry,
             missing_entry, unsigned, header_bombs, payload_bombs, turned_bit_on_disk,
             cut_short_on_disk, gone_from_disk, turned_bit_in_spool, cut_short_spool)
