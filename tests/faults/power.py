"""What a disk may hold after a power cut.

The model is as hard as POSIX allows, and harder than most file systems are: a write, or a
change of length, that no fsync of its file followed may have reached the disk, or not, or in
part, in any order; so may a name that was made, changed or taken away until its directory is
synced.  Only a rename is one thing.  SQLite's -shm is memory, not data: it is gone.
"""

import os
import stat

from layer import CREATE, LINK, MKDIR, REMOVE, RENAME, SYNC, TRUNCATE, WRITE

SECTOR = 512


class File:
    def __init__(self, content=b"", mode=0o600):
        self.durable, self.mode, self.pending = bytearray(content), mode, []

    def change(self, content, offset, data):
        """data: bytes to write there; None: truncate there."""
        if len(content) < offset + len(data or b""):
            content.extend(bytes(offset + len(data or b"") - len(content)))
        if data is None:
            del content[offset:]
        else:
            content[offset : offset + len(data)] = data

    def sync(self):
        for offset, data in self.pending:
            self.change(self.durable, offset, data)
        self.pending = []

    def after(self, chance):
        """Its content after a cut; chance() says of each change whether it was made."""
        content = bytearray(self.durable)
        for offset, data in self.pending:
            if not chance():
                continue
            if data and len(data) > SECTOR and not chance():
                data = data[: SECTOR * (len(data) // SECTOR // 2)]
            self.change(content, offset, data)
        return bytes(content)


class Directory:
    def __init__(self, mode=0o700):
        self.durable, self.now, self.mode = {}, {}, mode


class Change:
    """Of names: [(directory, name, what is there from now on)], all at once.  It can have
    happened only where SOURCE (directory, name, node) was there; whoever syncs the last
    directory named makes it durable."""

    def __init__(self, names, source=None):
        self.names, self.source = names, source

    def apply(self, view):
        for directory, name, node in self.names:
            if node is None:
                view(directory).pop(name, None)
            else:
                view(directory)[name] = node

    def possible(self, view):
        return self.source is None or view(self.source[0]).get(self.source[1]) is self.source[2]


class Disk:
    """Directories as they are on disk now, all durable; then what a journal says."""

    def __init__(self, below):
        self.inodes, self.changes = {}, []
        self.roots = {os.path.realpath(path): self.scan(os.path.realpath(path))
                      for path in below}

    def scan(self, path):
        there = os.lstat(path)
        if stat.S_ISDIR(there.st_mode):
            node = Directory(stat.S_IMODE(there.st_mode))
            for name in os.listdir(path):
                inner = os.path.join(path, name)
                if os.path.islink(inner) or not (os.path.isdir(inner) or os.path.isfile(inner)):
                    continue
                if not name.endswith("-shm"):
                    node.durable[name] = node.now[name] = self.scan(inner)
        else:
            with open(path, "rb") as file:
                node = File(file.read(), stat.S_IMODE(there.st_mode))
        self.inodes[there.st_ino] = node
        return node

    # What happened

    def place(self, path):
        """(directory, name) of a path."""
        for root, node in self.roots.items():
            if path.startswith(root + "/"):
                *parents, name = path[len(root) + 1 :].split("/")
                for parent in parents:
                    node = node.now[parent]
                return node, name
        raise KeyError(path)

    def note(self, names, source=None):
        change = Change(names, source)
        change.apply(lambda directory: directory.now)
        self.changes.append(change)

    def made(self, record):
        node = File() if record.operation == CREATE else Directory()
        self.inodes[record.inode] = node
        self.note([(*self.place(record.path), node)])

    def named(self, record):
        directory, name = self.place(record.path)
        source = (directory, name, directory.now[name])
        names = [] if record.operation == LINK else [(directory, name, None)]
        if record.operation != REMOVE:
            names.append((*self.place(record.other), source[2]))
        self.note(names, source)

    def synced(self, record):
        node = self.inodes[record.inode]
        if isinstance(node, File):
            node.sync()
            return
        done = [change for change in self.changes if change.names[-1][0] is node]
        for change in done:
            change.apply(lambda directory: directory.durable)
        self.changes = [change for change in self.changes if change not in done]

    def wrote(self, record):
        data = record.data if record.operation == WRITE else None
        self.inodes[record.inode].pending.append((record.offset, data))

    def replay(self, records):
        handlers = {CREATE: self.made, MKDIR: self.made, WRITE: self.wrote,
                    TRUNCATE: self.wrote, SYNC: self.synced, RENAME: self.named,
                    LINK: self.named, REMOVE: self.named}
        for record in records:
            if not record.path.endswith("-shm"):
                handlers[record.operation](record)

    # What is left of it

    def cut(self, random):
        """Make the directories what they may be after a cut now, as random chooses."""
        names, data = random.choice(((0, 0), (1, 0), (0, 1), (0.5, 0.5), (0.9, 0.3), (0.5, 0)))
        view = {}

        def after(directory):
            return view.setdefault(directory, dict(directory.durable))

        for change in self.changes:
            if random.random() < names and change.possible(after):
                change.apply(after)
        for path, node in self.roots.items():
            self.clear(path)
            self.fill(path, after(node), after, lambda: random.random() < data)

    def clear(self, path):
        for name in os.listdir(path):
            inner = os.path.join(path, name)
            if os.path.isdir(inner) and not os.path.islink(inner):
                self.clear(inner)
                os.rmdir(inner)
            elif os.path.isfile(inner) and not os.path.islink(inner):
                os.unlink(inner)

    def fill(self, path, names, after, chance):
        for name, node in names.items():
            inner = os.path.join(path, name)
            if isinstance(node, Directory):
                os.mkdir(inner, node.mode)
                self.fill(inner, after(node), after, chance)
            else:
                with open(inner, "wb") as out:
                    out.write(node.after(chance))
                os.chmod(inner, node.mode)
