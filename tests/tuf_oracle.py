#!/usr/bin/env python3
"""python-tuf as a client that answers, line by line, what it makes of a repository.

Needs python-tuf (tests/packages).  Each line of standard input is a JSON object {"url",
"dir", "paths"}; each answer is {"refreshed": null or why not, "found": {path: SHA-256,
null, or {"error": why}}}.  Every search is a new client's on the same directory.
"""
import json
import sys

from tuf.api.exceptions import DownloadError, RepositoryError
from tuf.ngclient import Updater


def attempt(question, act):
    try:
        updater = Updater(question["dir"], question["url"], bootstrap=None)
        return act(updater)
    except (RepositoryError, DownloadError, ValueError) as error:
        return {"error": f"{type(error).__name__}: {error}"}


def find(updater, path):
    target = updater.get_targetinfo(path)
    return None if target is None else target.hashes.get("sha256", "of another kind")


def main():
    for line in sys.stdin:
        question = json.loads(line)
        refreshed = attempt(question, lambda updater: updater.refresh())
        found = {}
        if refreshed is None:
            for path in question["paths"]:
                found[path] = attempt(
                    question, lambda updater, path=path: find(updater, path))
        print(json.dumps({"refreshed": refreshed, "found": found}), flush=True)


if __name__ == "__main__":
    main()
