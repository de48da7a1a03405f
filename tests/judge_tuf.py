"""python-tuf, an independent client, as the judge of repositories: run by the Python of
build/tuf-venv, which tests/setup.sh makes.

For each line on stdin, a JSON object, there is one on stdout.

    {"tree": DIR, "root": FILE, "state": DIR, "targets": [PATH...], "now": SECONDS}
    {"ok": true, "versions": {ROLE: N}, "found": {PATH: SHA256 or null}} or {"ok": false, "why": ...}

STATE is a client's own: made from ROOT when it is not there.
"""

import datetime
import hashlib
import json
import os
import sys

from tuf.api.exceptions import DownloadError, DownloadHTTPError, RepositoryError
from tuf.ngclient import Updater
from tuf.ngclient.fetcher import FetcherInterface


class Directory(FetcherInterface):
    """What a web server would answer."""

    def __init__(self, tree):
        self.tree = tree

    def _fetch(self, url):
        path = os.path.join(self.tree, url[len("tree:///"):])
        try:
            with open(path, "rb") as file:
                content = file.read()
        except FileNotFoundError:
            raise DownloadHTTPError(url, 404) from None
        yield content


def judge(case):
    state = case["state"]
    downloads = os.path.join(state, "targets")
    bootstrap = None
    if not os.path.isdir(state):
        with open(case["root"], "rb") as file:
            bootstrap = file.read()
    os.makedirs(downloads, exist_ok=True)
    updater = Updater(metadata_dir=state, metadata_base_url="tree:///metadata/",
                      target_dir=downloads, target_base_url="tree:///targets/",
                      fetcher=Directory(case["tree"]), bootstrap=bootstrap)
    if "now" in case:
        updater._trusted_set.reference_time = datetime.datetime.fromtimestamp(
            case["now"], datetime.timezone.utc)
    updater.refresh()
    found = {}
    for path in case.get("targets", ()):
        info = updater.get_targetinfo(path)
        found[path] = None
        if info is not None:
            with open(updater.download_target(info), "rb") as file:
                found[path] = hashlib.sha256(file.read()).hexdigest()
    trusted = updater._trusted_set
    return {"ok": True, "found": found, "versions": {
        "root": trusted.root.version, "timestamp": trusted.timestamp.version,
        "snapshot": trusted.snapshot.version, "targets": trusted.targets.version}}


def main():
    for line in sys.stdin:
        try:
            answer = judge(json.loads(line))
        except (RepositoryError, DownloadError, OSError, ValueError) as why:
            answer = {"ok": False, "why": "%s: %s" % (type(why).__name__, why)}
        print(json.dumps(answer), flush=True)


main()
