#!/usr/bin/python3
"""The courier program as its manual has it: commands, options, exit statuses, JSON lines.

usage: test_cli.py COURIER MANUAL ERROR_H CONF_MANUAL SETTINGS_C
"""

import json
import os
import re
import subprocess
import sys
import tempfile
import unittest

COURIER = MANUAL = ERRORS = CONF_MANUAL = SETTINGS = None


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


class Base(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory(prefix="courier-cli-")
        self.addCleanup(directory.cleanup)
        self.home = directory.name
        self.write("passphrase", "correct horse\n")

    def write(self, name, text):
        path = os.path.join(self.home, name)
        with open(path, "w", encoding="utf-8",
                  opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
            file.write(text)
        return path

    def run_courier(self, *words, status=0, **how):
        environment = dict(os.environ, COURIER_HOME=self.home)
        done = subprocess.run([COURIER, *words], env=environment, stdin=subprocess.DEVNULL,
                              stdout=how.get("stdout", subprocess.PIPE), stderr=subprocess.PIPE,
                              encoding="utf-8", check=False, start_new_session=True)
        self.assertEqual(done.returncode, status, (words, done.stdout, done.stderr))
        return done

    def init(self):
        return self.run_courier("--json", "--passphrase-file",
                                os.path.join(self.home, "passphrase"), "init", "--out",
                                os.path.join(self.home, "request.pem"))


class Manual(Base):
    def commands(self):
        """{name: arguments} of the table that help prints."""
        text = self.run_courier("help").stdout
        return dict(re.findall(r"^  (\w+)\s+((?:\[\S+(?: \S+)*?\]|\S+(?=  ))?(?: \[.*?\])*)",
                               text, re.MULTILINE))

    def test_every_command_has_its_section_and_no_other_has(self):
        sections = re.findall(r"^\.Ss (\w+)$", read(MANUAL), re.MULTILINE)
        self.assertEqual(list(self.commands()), sections)

    def test_every_option_is_in_the_manual(self):
        text = self.run_courier("help").stdout
        manual = read(MANUAL).replace("\\-", "-")
        for name in set(re.findall(r"--([a-z-]+)", text)):
            self.assertRegex(manual, r"Fl -%s\b" % name)

    def test_each_command_explains_itself(self):
        for name in self.commands():
            if name == "help":
                continue
            asked = self.run_courier("help", name).stdout
            self.assertIn("usage: courier " + name, asked)
            self.assertEqual(self.run_courier(name, "--help").stdout, asked)

    def test_the_table_is_told_to_programs(self):
        told = [json.loads(line) for line in
                self.run_courier("--json", "help").stdout.splitlines()]
        self.assertEqual([one["command"] for one in told],
                         [name for name in self.commands() if name != "help"])
        self.assertEqual({one["command"] for one in told if one["reads"]},
                         {"plan", "status", "devices"})
        for one in told:
            asked = self.run_courier("help", one["command"], "--json").stdout
            self.assertEqual(json.loads(asked), one)

    def test_the_exit_statuses_are_those_of_the_code(self):
        known = {int(value) for value in re.findall(r"ERROR_\w+ = (\d+),", read(ERRORS))}
        section = read(MANUAL).split(".Sh EXIT STATUS")[1].split(".Sh ")[0]
        told = {int(value) for value in re.findall(r"^\.It (\d+)$", section, re.MULTILINE)}
        self.assertEqual(told, {value for value in known if value < 100})

    def test_every_key_of_the_configuration_is_in_its_manual(self):
        keys = set(re.findall(r'^\t\{"([a-z-]+)", CONFIG_', read(SETTINGS), re.MULTILINE))
        told = set(re.findall(r"^\.It Cm ([a-z-]+) =", read(CONF_MANUAL), re.MULTILINE))
        self.assertEqual(keys, told)
        self.assertGreater(len(keys), 5)


class Words(Base):
    def test_mistakes_are_usage(self):
        for words in ((), ("--nonsense", "sync"), ("nonsense",), ("help", "nonsense"),
                      ("--config",), ("--passphrase-fd", "x", "status"),
                      ("--config", os.path.join(self.home, "missing"), "status")):
            with self.subTest(words):
                done = self.run_courier(*words, status=1 if "missing" in str(words) else 2)
                self.assertTrue(done.stderr.rstrip().splitlines()[-1].startswith("courier: "))
                self.assertEqual(done.stdout, "")

    def test_options_alone_are_no_command(self):
        for words in ((), ("--json",), ("--", "--json"), ("--", "-v", "--json")):
            self.assertIn("which command", self.run_courier(*words, status=2).stderr)

    def test_a_mistyped_command_is_guessed(self):
        self.assertIn("did you mean `courier sync`",
                      self.run_courier("snyc", status=2).stderr)

    def test_the_version(self):
        self.assertRegex(self.run_courier("--version").stdout, r"^courier \d+\.\d+\.\d+\n$")

    def test_a_bad_configuration_names_file_line_and_key(self):
        path = self.write("courier.conf", "[links]\nserial = /dev/null\nwaits = 3s\n")
        said = self.run_courier("status", status=2).stderr
        self.assertIn(path, said)
        self.assertIn("waits", said)

    def test_without_a_terminal_the_passphrase_must_come_from_somewhere(self):
        self.assertIn("--passphrase-file", self.run_courier("init", status=2).stderr)

    def test_an_answer_that_cannot_be_written_is_a_failure(self):
        self.init()
        with open("/dev/full", "wb") as full:
            self.run_courier("--passphrase-file", os.path.join(self.home, "passphrase"),
                             "status", status=30, stdout=full)


class Json(Base):
    def test_facts_are_json_lines_and_nothing_else(self):
        (fact,) = [json.loads(line) for line in self.init().stdout.splitlines()]
        self.assertEqual(fact["store"], self.home)
        self.assertTrue(os.path.exists(fact["request"]))
        path = os.path.join(self.home, "passphrase")
        for words, status in ((("status",), 0), (("devices",), 3), (("plan",), 2),
                              (("sync",), 2)):
            before = self.run_courier("--json", "--passphrase-file", path, *words,
                                      status=status).stdout
            after = self.run_courier("--passphrase-file", path, *words, "--json",
                                     status=status).stdout
            self.assertEqual(before, after)
            for line in before.splitlines():
                self.assertIsInstance(json.loads(line), dict)

    def test_a_request_may_be_written_again(self):
        first = self.init()
        request = read(os.path.join(self.home, "request.pem"))
        self.init()
        again = read(os.path.join(self.home, "request.pem"))
        self.assertEqual(request.split("-----END CERTIFICATE REQUEST-----")[1],
                         again.split("-----END CERTIFICATE REQUEST-----")[1])
        self.assertIn("courier-admin issue", first.stderr)


def main():
    global COURIER, MANUAL, ERRORS, CONF_MANUAL, SETTINGS
    COURIER, MANUAL, ERRORS, CONF_MANUAL, SETTINGS = sys.argv[1:]
    suite = unittest.defaultTestLoader.loadTestsFromModule(sys.modules[__name__])
    result = unittest.TextTestRunner(stream=sys.stderr, verbosity=2).run(suite)
    failed = len(result.failures) + len(result.errors)
    print("%d passed, %d failed" % (result.testsRun - failed, failed))
    return 0 if failed == 0 and result.testsRun > 0 else 1


if __name__ == "__main__":
    sys.exit(main())
