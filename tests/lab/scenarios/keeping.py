"""The courier's store: of another age, spoilt, or wanted by two at once."""

import glob
import shutil
import sqlite3

from .damage import flipped, read, says, write
from .stage import OK, check, said, same
from .trouble import LARGE, partial

DAMAGED, BUSY = 31, 21


def database(stage):
    found = glob.glob(stage.courier.path("/*.db")) + glob.glob(stage.courier.path("/**/*.db"),
                                                               recursive=True)
    check(found, "no database below %s", stage.courier.path())
    return found[0]


def each_command_says(stage, status, *words):
    for command in ("status", "devices", "plan", "sync", "deliver"):
        done = stage.courier.run(command, timeout=60)
        same(done.returncode, status, "%s: %s" % (command, said(done)))
        says(done, *words)


def newer(stage):
    """a store of a newer courier is left alone, by every command, with what to do"""
    path = database(stage)
    with sqlite3.connect(path) as store:
        version = store.execute("PRAGMA user_version").fetchone()[0]
        store.execute("PRAGMA user_version = %d" % (version + 1))
    store.close()
    before = read(path)
    each_command_says(stage, DAMAGED, "newer courier", "use that courier")
    same(read(path) == before, True, "the store is as it was")
    store = sqlite3.connect(path)
    store.execute("PRAGMA user_version = %d" % version)
    store.close()
    stage.bring(stage.update(stage.devices[0]))


def damaged(stage):
    """a store that is damaged says so, by every command, and what to do"""
    update = stage.update(stage.devices[0])
    stage.sync()
    path = database(stage)
    shutil.copytree(stage.courier.path(), stage.courier.path("-copy"))
    good = read(path)
    for spoil in (lambda all_of_it: all_of_it[:5000], lambda all_of_it: b"\0" * len(all_of_it),
                  lambda all_of_it: flipped(all_of_it, 20)):
        write(path, spoil(good))
        for command in ("status", "devices"):
            done = stage.courier.run(command, timeout=60)
            same(done.returncode, DAMAGED, "%s: %s" % (command, said(done)))
            says(done, "no device is harmed")
    shutil.rmtree(stage.courier.path())
    shutil.move(stage.courier.path("-copy"), stage.courier.path())
    stage.bring(update)


def two_at_once(stage):
    """a second courier on the same store: it says who is there, and spoils nothing"""
    device = stage.devices[0]
    update = stage.update(device, size=LARGE)
    stage.sync()
    courier = stage.start("deliver", device.id)
    stage.wait("some of the artifact", lambda: partial(device) > 10000)
    for command in ("sync", "deliver"):
        done = stage.courier.run(command, timeout=60)
        same(done.returncode, BUSY, "%s: %s" % (command, said(done)))
        says(done, "another courier")
    stage.finish(courier, OK)
    stage.runs(device, update)
    stage.sync()
    update.ended(device, "success")


SCENARIOS = (newer, damaged, two_at_once)
