#!/usr/bin/python3
"""The stand-in server keeps every rule of the real one: tests/lab/rules/, one test a rule.

usage: test_lab.py [NAME...]   (names of rule modules, or of tests within: auth_rules.Tokens)
"""

import os
import sys
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lab"))

MODULES = ("auth_rules", "token_rules", "deployment_rules", "artifact_rules",
           "inventory_rules", "management_rules", "fault_rules",
           "command_rules")


def main():
    names = ["rules." + name for name in sys.argv[1:] or MODULES]
    suite = unittest.defaultTestLoader.loadTestsFromNames(names)
    result = unittest.TextTestRunner(stream=sys.stderr, verbosity=2).run(suite)
    failed = len(result.failures) + len(result.errors) + len(result.unexpectedSuccesses)
    print("%d passed, %d failed" % (result.testsRun - failed - len(result.skipped), failed))
    return 0 if failed == 0 and result.testsRun > 0 else 1


if __name__ == "__main__":
    sys.exit(main())
