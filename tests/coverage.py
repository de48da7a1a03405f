"""Which lines of the product the tests reached: a line a directory, and a file that
lists those in error paths that none did.  usage: coverage.py BUILD-DIRECTORY"""

import collections
import json
import os
import re
import subprocess
import sys

PRODUCT = ("common", "courier", "device-link")
# How a function says that it failed, or passes on that another one did.
ERROR_PATH = re.compile(
    r"error_(set|errno|while)\(|crypto_fail\(|return (false|NULL)\b"
    r"|return (\w+_)?(fail|failed|refuse|damaged|malformed|no_memory|no_answer|broken)\w*\("
)


def measure(build):
    report = os.path.join(build, "coverage.json")
    command = ["gcovr", "--root", ".", "--json", report, "--exclude-unreachable-branches"]
    for directory in PRODUCT:
        command += ["--filter", directory + "/"]
    subprocess.run(command + [build], check=True)
    with open(report, encoding="utf-8") as file:
        return json.load(file)["files"]


def unreached(source):
    """(number, text) of the lines no test ran."""
    with open(source["file"], encoding="utf-8") as file:
        text = file.read().splitlines()
    for line in source["lines"]:
        if line["count"] == 0 and not line.get("gcovr/noncode"):
            yield line["line_number"], text[line["line_number"] - 1].strip()


def main(build):
    lines, missed = collections.Counter(), collections.Counter()
    path = os.path.join(build, "unreached.txt")
    listed = 0
    with open(path, "w", encoding="utf-8") as out:
        for source in sorted(measure(build), key=lambda each: each["file"]):
            directory = os.path.dirname(source["file"])
            lines[directory] += sum(not each.get("gcovr/noncode") for each in source["lines"])
            for number, text in unreached(source):
                missed[directory] += 1
                if ERROR_PATH.search(text):
                    listed += 1
                    print(f"{source['file']}:{number}: {text}", file=out)
    if not lines:
        sys.exit("coverage: nothing was measured")
    for directory in sorted(lines):
        total, reached = lines[directory], lines[directory] - missed[directory]
        print(f"{directory:20} {total:6} lines  {100 * reached / total:5.1f} % reached")
    total, reached = sum(lines.values()), sum(lines.values()) - sum(missed.values())
    print(f"{'all':20} {total:6} lines  {100 * reached / total:5.1f} % reached")
    print(f"{listed} lines of error paths were not: {path}")


main(sys.argv[1])
