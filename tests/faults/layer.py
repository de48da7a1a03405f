"""The driver's side of libfault.so: its control file, and its journal.  See fault.h."""

import mmap
import os
import struct

CONTROL = struct.Struct("<QQIIQ")
RECORD = struct.Struct("<IIIIQQQ")
NONE, KILL_BEFORE, KILL_AFTER, FULL, IO = range(5)
CREATE, MKDIR, WRITE, TRUNCATE, SYNC, RENAME, LINK, REMOVE = range(1, 9)
NAMES = (None, "create", "mkdir", "write", "truncate", "sync", "rename", "link", "remove")


class Record:
    """One event that took place."""

    def __init__(self, fields, path, other, data):
        self.operation, _, _, _, self.inode, self.offset, self.number = fields
        self.path, self.other, self.data = path, other, data

    def __str__(self):
        text = "%d: %s %s" % (self.number, NAMES[self.operation], self.path)
        if self.other:
            text += " to " + self.other
        if self.operation == WRITE:
            text += ", %d bytes at %d" % (len(self.data), self.offset)
        return text


class Layer:
    """In DIRECTORY lie the control file, the journal, and the file that holds the dead."""

    def __init__(self, library, directory, below):
        self.library = library
        self.below = [os.path.realpath(one) for one in below]
        os.makedirs(directory, exist_ok=True)
        self.journal, self.hold = (os.path.join(directory, name) for name in ("journal", "hold"))
        self.control = os.path.join(directory, "control")
        with open(self.control, "wb") as out:
            out.write(bytes(CONTROL.size))
        with open(self.control, "r+b") as file:
            self.memory = mmap.mmap(file.fileno(), CONTROL.size)
        self.arm(NONE, 0)

    def environment(self, hold=False):
        """What a process needs in its environment to be watched."""
        more = {"LD_PRELOAD": self.library, "FAULT_CONTROL": self.control,
                "FAULT_JOURNAL": self.journal, "FAULT_BELOW": ":".join(self.below)}
        if hold:
            more["FAULT_HOLD"] = self.hold
        return more

    def arm(self, mode, target):
        """Begin to count again, with an empty journal."""
        with open(self.journal, "wb"):
            pass
        CONTROL.pack_into(self.memory, 0, 0, target, mode, 0, self.fields()[4])

    def disarm(self):
        """From now on nothing happens; what is counted is counted on."""
        count, target, _, struck, process = self.fields()
        CONTROL.pack_into(self.memory, 0, count, target, NONE, struck, process)

    def fields(self):
        return CONTROL.unpack_from(self.memory)

    @property
    def count(self):
        return self.fields()[0]

    @property
    def struck(self):
        return self.fields()[3] != 0

    def records(self):
        with open(self.journal, "rb") as file:
            text = file.read()
        at, found = 0, []
        while at < len(text):
            fields = RECORD.unpack_from(text, at)
            at += RECORD.size
            parts = []
            for size in fields[1:4]:
                parts.append(text[at : at + size])
                at += size
            found.append(Record(fields, os.fsdecode(parts[0]), os.fsdecode(parts[1]), parts[2]))
        return found
