#!/usr/bin/python3
"""The lab's serial line: what goes in, what comes out, what a cut does.

usage: test_serial_relay.py PATH-OF-SERIAL-RELAY
"""

import errno
import json
import os
import select
import signal
import subprocess
import sys
import tempfile
import time
import unittest

RELAY = None
PATIENCE_S = 20
TEXT = bytes(range(256)) * 16


class Line:
    """A running relay with both ends open."""

    def __init__(self, case, *options):
        self.directory = tempfile.mkdtemp(prefix="relay-")
        case.addCleanup(self.clean)
        self.links = [os.path.join(self.directory, name) for name in "ab"]
        self.statistics_path = os.path.join(self.directory, "statistics")
        self.process = subprocess.Popen(
            [RELAY, *options, "--stats", self.statistics_path, *self.links],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.process.stdout.readline()
        self.ends = [os.open(link, os.O_RDWR | os.O_NOCTTY) for link in self.links]

    def clean(self):
        for end in self.ends:
            os.close(end)
        self.end()
        self.process.stdout.close()
        self.process.stderr.close()
        for name in os.listdir(self.directory):
            os.unlink(os.path.join(self.directory, name))
        os.rmdir(self.directory)

    def end(self):
        self.process.terminate()
        self.process.wait()

    def statistics(self):
        self.end()
        with open(self.statistics_path, encoding="utf-8") as file:
            return json.load(file)

    def send(self, side, data):
        os.write(self.ends[side], data)

    def receive(self, side, count, quiet_s=None):
        """count bytes, or fewer when nothing comes for quiet_s."""
        data = b""
        deadline = time.monotonic() + PATIENCE_S
        while len(data) < count and time.monotonic() < deadline:
            wait = quiet_s or deadline - time.monotonic()
            if not select.select([self.ends[side]], [], [], wait)[0]:
                break
            data += os.read(self.ends[side], count - len(data))
        return data

    def pass_on(self, data, quiet_s):
        """What arrives of data, sent as the line takes it."""
        arrived = b""
        for at in range(0, len(data), 1024):
            self.send(0, data[at : at + 1024])
            arrived += self.receive(1, 1024, quiet_s)
        return arrived + self.receive(1, len(data), quiet_s)


def wait_until(test):
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        if test():
            return True
        time.sleep(0.01)
    return False


class Relay(unittest.TestCase):
    def test_bytes_pass_unchanged_both_ways(self):
        line = Line(self, "--baud", "921600")
        for side in (0, 1):
            line.send(side, TEXT[:4000])
            self.assertEqual(line.receive(1 - side, 4000), TEXT[:4000])
        counts = line.statistics()
        self.assertEqual((counts["a2b"]["in"], counts["b2a"]["out"]), (4000, 4000))
        self.assertEqual(counts["a2b"]["bitflips"] + counts["a2b"]["dropped"], 0)

    def test_no_faster_than_the_line(self):
        line = Line(self, "--baud", "38400")
        line.send(0, TEXT[:2000])
        self.assertEqual(line.receive(1, 2000), TEXT[:2000])
        self.assertLessEqual(line.statistics()["a2b"]["rate"], 3840 * 1.001)

    def test_the_same_seed_does_the_same_damage(self):
        def damaged(seed):
            line = Line(self, "--baud", "4000000", "--ber", "1e-3", "--seed", seed)
            return line.pass_on(TEXT, 0.3)
        first = damaged("7")
        self.assertNotEqual(first, TEXT)
        self.assertEqual(damaged("7"), first)
        self.assertNotEqual(damaged("8"), first)

    def test_lost_bytes_and_bursts_are_counted(self):
        line = Line(self, "--baud", "4000000", "--drop", "0.01", "--burst", "0.001,20",
                    "--seed", "3")
        arrived = line.pass_on(TEXT, 0.3)
        counts = line.statistics()["a2b"]
        self.assertGreater(counts["dropped"], 20)
        self.assertEqual(counts["out"], len(arrived))
        self.assertLess(len(arrived), len(TEXT))

    def test_a_full_receiver_loses_the_rest(self):
        line = Line(self, "--baud", "4000000", "--overrun", "100")
        line.send(0, TEXT[:2000])
        time.sleep(0.2)
        line.receive(1, 4000, 0.3)
        self.assertGreater(line.statistics()["a2b"]["overrun"], 0)

    def test_a_cut_in_silence_and_back(self):
        for option, side in (("--cut-after", 0), ("--cut-after-b2a", 1)):
            with self.subTest(option):
                line = Line(self, "--baud", "921600", option, "1000")
                line.send(side, TEXT[:3000])
                self.assertLess(len(line.receive(1 - side, 3000, 0.5)), 3000)
                line.send(1 - side, b"lost")
                self.assertEqual(line.receive(side, 4, 0.3), b"")
                line.process.send_signal(signal.SIGUSR2)
                self.assertTrue(wait_until(lambda: self.carried(line)))

    def carried(self, line):
        line.send(0, b"x")
        return line.receive(1, 1, 0.1) == b"x"

    def test_a_hangup_takes_the_ports_away_and_brings_them_back(self):
        line = Line(self, "--cut-mode", "hangup", "--cut-for", "0.3")
        line.process.send_signal(signal.SIGUSR1)
        self.assertTrue(wait_until(lambda: not os.path.lexists(line.links[0])))
        try:
            self.assertEqual(os.read(line.ends[0], 1), b"")
        except OSError as error:
            self.assertEqual(error.errno, errno.EIO)
        self.assertTrue(wait_until(lambda: all(map(os.path.exists, line.links))))
        for side in (0, 1):
            os.close(line.ends[side])
            line.ends[side] = os.open(line.links[side], os.O_RDWR | os.O_NOCTTY)
        self.assertTrue(wait_until(lambda: self.carried(line)))

    def test_nonsense_is_refused(self):
        for arguments in ((), ("a",), ("--baud", "0", "a", "b"), ("--baud", "x", "a", "b"),
                          ("--nothing", "a", "b")):
            done = subprocess.run([RELAY, *arguments], stderr=subprocess.DEVNULL, check=False)
            self.assertEqual(done.returncode, 2)


def main():
    global RELAY
    RELAY = sys.argv[1]
    suite = unittest.defaultTestLoader.loadTestsFromTestCase(Relay)
    result = unittest.TextTestRunner(stream=sys.stderr, verbosity=2).run(suite)
    failed = len(result.failures) + len(result.errors)
    print("%d passed, %d failed" % (result.testsRun - failed, failed))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
