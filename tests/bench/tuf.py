#!/usr/bin/python3
"""How fast a TUF client refreshes, verifies and searches, and in how much memory.

usage: tuf.py [--json] [--build DIR] [--python PYTHON] [--runs N] [--directory DIR]

One repository of 10,000 targets: in 100 delegated roles, each with a key of its own, and
again in one flat role.  Ours, python-tuf and go-tuf ask the same server for the same files,
one after the other and round again; the medians count.  Times are taken inside each
process, from after its start; CPU time and memory are those of the whole process.

cold: nothing is stored but the trusted root; warm: everything is, and still has to be
verified.  Where files are kept is a file system in memory, if there is one: ours syncs every
file to the disk, its peers do not.

ratio: how much better ours is than the peer; more is better.
"""

import argparse
import functools
import http.server
import json
import multiprocessing
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
PEERS = os.path.join(HERE, "tuf_peers")
TESTS = os.path.dirname(HERE)
sys.path.insert(0, TESTS)

from tuf_repository import Key, Repository  # noqa: E402

ROLES, TARGETS = 100, 10000


class Handler(http.server.SimpleHTTPRequestHandler):
    protocol_version = "HTTP/1.1"  # connections stay, for those who reuse them
    disable_nagle_algorithm = True  # headers and body are written one after the other

    def log_message(self, *arguments):
        pass


def serve(directory, pipe):
    server = http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), functools.partial(Handler, directory=directory))
    server.daemon_threads = True
    pipe.send(server.server_port)
    server.serve_forever()


def make(directory, deep):
    """Write the metadata of a repository; returns the paths of its targets."""
    repository = Repository()
    names = []
    for number in range(ROLES if deep else 1):
        role = f"role-{number:03}" if deep else "targets"
        if deep:
            repository.delegate("targets", role, [f"{role}/*"], keys=[Key()])
        for target in range(TARGETS // (ROLES if deep else 1)):
            names.append(f"{role}/artifact-{target:05}.mender")
            repository.add_target(names[-1], names[-1].encode(), role)
    repository.meta_hashes = True
    repository.publish_all()
    os.makedirs(directory)
    for name, raw in repository.served.items():
        with open(os.path.join(directory, name), "wb") as out:
            out.write(raw)
    return names


class Bench:
    def __init__(self, options):
        self.options = options
        self.work = tempfile.mkdtemp(dir=options.directory)
        self.programs = {"ours": [os.path.join(options.build, "tests", "tuf_bench")]}
        self.missing = []
        self.find_python()
        self.find_go()
        ours, theirs = multiprocessing.Pipe()
        self.server = multiprocessing.Process(
            target=serve, args=(self.work, theirs), daemon=True)
        self.server.start()
        self.url = f"http://127.0.0.1:{ours.recv()}"

    def done(self):
        self.server.terminate()
        self.server.join()
        shutil.rmtree(self.work)

    def find_python(self):
        python = [self.options.python, os.path.join(PEERS, "python_tuf.py")]
        version = subprocess.run(
            [python[0], "-c", "import tuf, cryptography; print(tuf.__version__)"],
            capture_output=True, text=True, check=False)
        if version.returncode == 0:
            self.programs["python-tuf " + version.stdout.strip()] = python
        else:
            self.missing.append("python-tuf: " + version.stderr.strip().rpartition("\n")[2])

    def find_go(self):
        """Built from the module proxy, where there is a compiler and a way to it."""
        program = os.path.join(self.work, "gotuf")
        try:
            subprocess.run(["go", "build", "-o", program, "."], timeout=300, check=True,
                           cwd=PEERS, capture_output=True)
        except (OSError, subprocess.SubprocessError) as error:
            said = getattr(error, "stderr", None) or b""
            self.missing.append(f"go-tuf: {error} {said.decode()[-200:]}".strip())
            return
        with open(os.path.join(PEERS, "go.mod"), encoding="ascii") as file:
            version = [line.split()[-1] for line in file if "go-tuf/v2 v" in line][0]
        self.programs["go-tuf " + version.lstrip("v")] = [program]

    def run(self, program, repository, cache, paths):
        meter = os.path.join(self.work, "meter")
        done = subprocess.run(
            [os.path.join(self.options.build, "tests", "meter"), meter,
             *self.programs[program], f"{self.url}/{repository}", cache],
            input="".join(path + "\n" for path in paths), capture_output=True, text=True,
            check=False)
        if done.returncode != 0:
            raise SystemExit(f"{program}: {done.stderr[-2000:]}")
        with open(meter, encoding="ascii") as file:
            cost = json.load(file)
        cost.update(json.loads(done.stdout), cpu_s=cost["user_s"] + cost["system_s"])
        return cost

    def measure(self, repository, paths, warm):
        """Medians of each program: {program: {what: how much}}."""
        costs = {program: [] for program in self.programs}
        for _ in range(self.options.runs):
            for program in self.programs:
                cache = tempfile.mkdtemp(dir=self.work)
                shutil.copy(os.path.join(self.work, repository, "1.root.json"),
                            os.path.join(cache, "root.json"))
                if warm:
                    self.run(program, repository, cache, paths)
                costs[program].append(self.run(program, repository, cache, paths))
                shutil.rmtree(cache)
        return {program: {what: statistics.median(run[what] for run in runs)
                          for what in runs[0]} for program, runs in costs.items()}

    def rows(self, case, costs, *columns):
        """(case, peer's name, ours, peer, unit, ratio)"""
        mine = costs.pop("ours")
        for peer, cost in costs.items():
            for name, what, scale, unit, more_is_better in columns:
                ours, theirs = (max(what(one) * scale, 1e-9) for one in (mine, cost))
                yield (f"{case}: {name}", peer, ours, theirs, unit,
                       ours / theirs if more_is_better else theirs / ours)

    def all_rows(self):
        memory = ("memory", lambda cost: cost["memory_kib"], 1 / 1024, "MiB", False)
        cpu = ("CPU of the process", lambda cost: cost["cpu_s"], 1000, "ms", False)
        refresh = ("refresh", lambda cost: cost["refresh_s"], 1000, "ms", False)
        both = ("refresh and search", lambda cost: cost["refresh_s"] + cost["search_s"], 1000,
                "ms", False)
        rng = random.Random(1)
        paths = make(os.path.join(self.work, "deep"), True)
        one = [rng.choice(paths)]
        rng.shuffle(paths)
        again = ("searches, all seen", lambda cost: len(paths) / cost["again_s"], 0.001, "1000/s",
                 True)
        for warm in (False, True):
            state = "warm" if warm else "cold"
            yield from self.rows(f"100 roles, {state}, 1 target",
                                 self.measure("deep", one, warm), both, cpu, memory)
            yield from self.rows(f"100 roles, {state}, 10000 targets",
                                 self.measure("deep", paths, warm), both, again, cpu, memory)
        paths = make(os.path.join(self.work, "flat"), False)
        rng.shuffle(paths)
        for warm in (False, True):
            state = "warm" if warm else "cold"
            yield from self.rows(f"1 role, {state}, 10000 targets",
                                 self.measure("flat", paths, warm), refresh, both, cpu, memory)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--build", default=os.path.join(os.path.dirname(TESTS), "build"))
    parser.add_argument("--python", default=os.path.join(
        os.path.dirname(TESTS), "build", "tuf-venv", "bin", "python3"), help="with python-tuf")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--directory", default="/dev/shm" if os.path.isdir("/dev/shm") else None)
    options = parser.parse_args()
    options.build = os.path.abspath(options.build)
    bench = Bench(options)
    try:
        if not options.json:
            print("%-48s %-18s %10s %10s  %-7s %6s" % ("case", "peer", "ours", "peer", "unit",
                                                       "ratio"))
        for case, peer, mine, theirs, unit, ratio in bench.all_rows():
            if options.json:
                print(json.dumps({"case": f"tuf {case}, {peer}", "ours": round(mine, 3),
                                  "peer": round(theirs, 3), "unit": unit,
                                  "ratio": round(ratio, 3)}))
            else:
                print("%-48s %-18s %10.2f %10.2f  %-7s %6.2f" % (
                    case, peer, mine, theirs, unit, ratio))
            sys.stdout.flush()
        for missing in bench.missing:
            print("not to be had: " + missing, file=sys.stderr if options.json else sys.stdout)
    finally:
        bench.done()


if __name__ == "__main__":
    main()
