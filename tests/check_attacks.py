#!/usr/bin/python3
"""The table of attacks in courier-agent(8) against the tests that mount them: the same
attacks, and the same exit statuses.

usage: check_attacks.py ROOT
"""
import os
import re
import sys


def read(*parts):
    with open(os.path.join(sys.argv[1], *parts), encoding="utf-8") as file:
        return file.read()


def tested():
    """{attack: exit statuses it comes to}"""
    statuses = dict(re.findall(r"(ERROR_\w+) = (\d+)", read("common", "error.h")))
    found = {}
    for name in ("test_agent_attacks.c", "test_agent_power.c"):
        text = read("tests", name)
        for attack in re.findall(r"(?:ATTACK|cmocka_unit_test_teardown)\((\w+)[,)]", text):
            if attack == "name":
                continue  # the macro itself
            body = re.search(r"static void %s\(void \*\*state\)\n{(.*?)\n}\n" % attack, text,
                             re.DOTALL).group(1)
            found[attack] = sorted(int(statuses[one])
                                   for one in set(re.findall(r"ERROR_\w+", body)))
    return found


def described():
    table = re.search(r"attacks, as tests/check_attacks.py compares them\n(.*?)\n\.El",
                      read("man", "courier-agent.8"), re.DOTALL).group(1)
    rows = [line[4:].split(" Ta ") for line in table.split("\n") if " Ta " in line
            and not line.startswith(".It Sy")]
    return {re.sub("[ -]", "_", row[0].lower()): sorted(map(int, re.findall(r"\d+", row[-1])))
            for row in rows}


def main():
    tests, manual = tested(), described()
    failed = 0
    for attack in sorted({*tests, *manual}):
        if tests.get(attack) != manual.get(attack):
            failed += 1
            print(f"{attack}: tested {tests.get(attack)}, described {manual.get(attack)}")
    print(f"{len({*tests, *manual}) - failed} passed, {failed} failed")
    sys.exit(1 if failed or not tests else 0)


if __name__ == "__main__":
    main()
