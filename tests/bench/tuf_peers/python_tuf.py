#!/usr/bin/env python3
"""python-tuf as tests/bench/tuf_bench.c is common/tuf: refresh, then search, twice.

usage: python_tuf.py URL DIR < PATHS
"""
import json
import sys
import time

from tuf.ngclient import Updater


def find_all(client, paths):
    for path in paths:
        if client.get_targetinfo(path) is None:
            sys.exit(f"{path}: not found")


def main():
    url, directory = sys.argv[1:]
    paths = sys.stdin.read().splitlines()
    times = [time.monotonic()]
    client = Updater(directory, url, bootstrap=None)
    client.refresh()
    times.append(time.monotonic())
    find_all(client, paths)
    times.append(time.monotonic())
    find_all(client, paths)
    times.append(time.monotonic())
    refresh, search, again = (after - before for before, after in zip(times, times[1:]))
    print(json.dumps({"refresh_s": refresh, "search_s": search, "again_s": again}))


if __name__ == "__main__":
    main()
