#!/usr/bin/python3
"""Writes tuf_set.hex: sets as common/tuf/tuf_set.h describes them, good and bad.

Made with struct from that description, not from our C code.
usage: tuf_set.py > tuf_set.hex
"""
import struct

MAGIC = b"TUFSET1\n"


def record(kind, name, content=b""):
    return struct.pack(">BH", kind, len(name)) + name + struct.pack(">I", len(content)) + content


def made(*records):
    return MAGIC + b"".join(record(*r) for r in sorted(records))


ROOT = (0, b"1.root.json", b'{"signed":{},"signatures":[]}')
TIME = (0, b"timestamp.json", b"t")
SHOWN = made(TIME, ROOT, (0, b"2.root.json", b"\x00\xff"),
             (1, b"devices/pump-1/direction.json", b"{}"),
             (2, "artifacts/r\u00e9l 2.mender".encode(), b""))

CASES = [
    ("good-empty", "no record at all", MAGIC),
    ("good-root", "one root", made(ROOT)),
    ("good-shown", "two roots, a timestamp, a direction, and what it is for", SHOWN),
    ("good-order", "the longer of two names comes last, 10 before 2",
     made((0, b"10.root.json", b""), (0, b"2.root.json", b""), (0, b"2.root.json.", b""))),
    ("good-quoted", "every character that a file may have",
     made((0, b"7.%2Fa-b_c~D.json", b"x" * 40))),
    ("good-name", "the longest name", made((1, b"n" * 512, b""))),
    ("bad-nothing", "no byte", b""),
    ("bad-magic", "the magic of another format", b"TUFSET2\n" + record(*ROOT)),
    ("bad-short-magic", "a part of the magic", MAGIC[:7]),
    ("bad-cut", "a byte is missing", made(ROOT)[:-1]),
    ("bad-long", "a byte too many", made(ROOT) + b"\x00"),
    ("bad-order", "unsorted names", MAGIC + record(*TIME) + record(*ROOT)),
    ("bad-kinds", "unsorted kinds", MAGIC + record(1, b"a") + record(0, b"b")),
    ("bad-twice", "a record twice", MAGIC + record(*ROOT) * 2),
    ("bad-kind", "an unknown kind", MAGIC + record(3, b"a")),
    ("bad-empty-name", "no name", MAGIC + record(0, b"")),
    ("bad-slash", "a file in another folder", MAGIC + record(0, b"../root.json")),
    ("bad-nul", "a NUL in a path", MAGIC + record(1, b"a\x00b")),
    ("bad-utf8", "a path that is no UTF-8", MAGIC + record(2, b"\xc3\x28")),
    ("bad-hint", "a hint with a content", MAGIC + record(2, b"a", b"x")),
    ("bad-name-length", "a name of 513 bytes", MAGIC + record(1, b"n" * 513)),
    ("bad-content-length", "a content of 4 GiB", MAGIC + record(0, b"a")[:-4] + b"\xff" * 4),
]


def main():
    print("# made by tuf_set.py")
    for name, what, data in CASES:
        print(f"# {what}\n{name}")
        for at in range(0, len(data), 40):
            print("  " + data[at:at + 40].hex())


if __name__ == "__main__":
    main()
