#!/usr/bin/python3
"""The layer itself: what is careful passes at every event, what forgets something is caught.

usage: test_layer.py LIBFAULT WRITER PROGRAM...     (PROGRAM: products that it is for)
"""

import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import layer  # noqa: E402
import power  # noqa: E402

COUNT, VARIANTS = 3, 6
LINES = 400
# Whatever of libc writes to files by name or descriptor.
WRITERS = re.compile(
    r"^(open|openat|creat|p?write|p?writev|f?truncate|f(data)?sync|sync(fs|_file_range)?"
    r"|rename(at|at2)?|(un|sym)?link(at)?|mk(dir|stemp|ostemp|dtemp|nod|fifo)(at)?|rmdir|remove"
    r"|(posix_)?fallocate|sendfile|copy_file_range|splice|tmpfile)(64)?$")
LIBRARIES = ("libsqlite3",)  # sees the products' files; libarchive only reads them


def imported(path):
    """Names of undefined dynamic symbols."""
    text = subprocess.run(["nm", "-D", "--undefined-only", path], stdout=subprocess.PIPE,
                          encoding="ascii", check=True).stdout
    return {line.split()[-1].split("@")[0] for line in text.splitlines()}


def libraries(path):
    text = subprocess.run(["ldd", path], stdout=subprocess.PIPE, encoding="ascii",
                          check=True).stdout
    return [word for word in text.split() if word.startswith("/")
            and os.path.basename(word).startswith(LIBRARIES)]


class LayerTest(unittest.TestCase):
    def setUp(self):
        self.directory = tempfile.mkdtemp(prefix="courier-layer-")
        self.addCleanup(shutil.rmtree, self.directory)
        self.data = os.path.join(self.directory, "data")
        os.mkdir(self.data)
        self.layer = layer.Layer(LIBRARY, os.path.join(self.directory, "layer"), [self.data])

    def write(self, how, mode=layer.NONE, target=0, count=COUNT):
        """Run the writer on an empty directory; its exit status and the last safe number."""
        shutil.rmtree(self.data)
        os.mkdir(self.data)
        self.layer.arm(mode, target)
        self.disk = power.Disk([self.data])
        done = subprocess.run([WRITER, how, self.data, str(count)], encoding="ascii",
                              env=dict(os.environ, **self.layer.environment()),
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
        told = done.stdout.split()
        return done.returncode, int(told[-1]) if told else 0

    def number(self):
        """What the file holds: 0 when there is none, None when it is torn."""
        try:
            with open(os.path.join(self.data, "value"), encoding="latin-1") as file:
                lines = file.read().split("\n")
        except FileNotFoundError:
            return 0
        return int(lines[0]) if len(lines) == LINES + 1 and len(set(lines[:-1])) == 1 else None

    def cuts(self, how):
        """[number, told] of every cut at every event, in several variants each."""
        self.write(how)
        for target in range(1, self.layer.count + 1):
            for mode in (layer.KILL_BEFORE, layer.KILL_AFTER):
                for variant in range(VARIANTS):
                    status, told = self.write(how, mode, target)
                    self.assertEqual(-9, status)
                    self.disk.replay(self.layer.records())
                    self.disk.cut(random.Random("%s %d %d %d" % (how, target, mode, variant)))
                    yield self.number(), told

    def test_careful_writer_survives_every_cut(self):
        for number, told in self.cuts("right"):
            self.assertIn(number, (told, told + 1))

    def test_forgotten_sync_of_the_file_is_caught(self):
        self.assertTrue(any(number is None for number, _ in self.cuts("no-sync")))

    def test_forgotten_sync_of_the_directory_is_caught(self):
        self.assertTrue(any(number is not None and number < told
                            for number, told in self.cuts("no-directory-sync")))

    def test_writing_in_place_is_caught(self):
        self.assertTrue(any(number is None for number, _ in self.cuts("in-place")))

    def test_a_kill_loses_what_no_cut_of_power_would(self):
        for mode, told_too in ((layer.KILL_BEFORE, 0), (layer.KILL_AFTER, 1)):
            self.write("right")
            renames = [one.number for one in self.layer.records()
                       if one.operation == layer.RENAME]
            status, told = self.write("right", mode, renames[1])
            self.assertEqual((-9, 1, 1 + told_too), (status, told, self.number()))

    def test_full_disk_begins_with_a_short_write_and_lasts(self):
        self.write("right")
        first = next(one.number for one in self.layer.records() if one.operation == layer.WRITE)
        status, _ = self.write("right", layer.FULL, first)
        self.assertEqual(1, status)
        self.assertTrue(self.layer.struck)
        self.assertEqual(1, self.write("right", layer.FULL, 1)[0])

    def test_an_error_is_told_once(self):
        self.write("right")
        count = self.layer.count
        for target in range(1, count + 1):
            self.assertEqual(1, self.write("right", layer.IO, target)[0])
            self.assertTrue(self.layer.struck)
        self.assertEqual(0, self.write("right", layer.IO, count + 1)[0])

    def test_every_event_is_written_down_and_makes_the_disk_there_is(self):
        self.write("right", count=5)
        records = self.layer.records()
        self.assertEqual(list(range(1, self.layer.count + 1)), [one.number for one in records])
        self.disk.replay(records)
        self.assertEqual([], self.disk.changes)
        value = self.disk.place(os.path.join(self.layer.below[0], "value"))
        with open(os.path.join(self.data, "value"), "rb") as file:
            self.assertEqual(file.read(), bytes(value[0].now[value[1]].durable))

    def test_products_write_by_no_call_that_the_layer_does_not_know(self):
        text = subprocess.run(["nm", "-D", "--defined-only", LIBRARY], stdout=subprocess.PIPE,
                              encoding="ascii", check=True).stdout
        known = {line.split()[-1] for line in text.splitlines()}
        for program in PROGRAMS:
            for path in [program, *libraries(program)]:
                used = {name for name in imported(path) if WRITERS.match(name)}
                self.assertEqual(set(), used - known, path)


if __name__ == "__main__":
    LIBRARY, WRITER, *PROGRAMS = sys.argv[1:]
    unittest.main(argv=sys.argv[:1])
