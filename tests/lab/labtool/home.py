"""A lab's directory: everything the lab has lives in it, its processes too.

  server/   the central server's memory, certificate, tokens, request log
  keys/     artifact signing keys
  run/      one file per process: its number and its start time
  log/      what the processes said
"""

import os
import signal
import subprocess
import time

STOP_SECONDS = 10
READY_SECONDS = 30


class LabError(Exception):
    """Something the caller must know: printed without a traceback."""


def start_time(pid):
    """When a process began, in the kernel's own count; None when there is none."""
    try:
        with open("/proc/%d/stat" % pid, encoding="latin-1") as file:
            fields = file.read().rsplit(")", 1)[1].split()
    except OSError:
        return None
    return None if fields[0] == "Z" else fields[19]


class Home:
    def __init__(self, directory):
        self.directory = os.path.abspath(directory)

    def path(self, *names):
        return os.path.join(self.directory, *names)

    def ensure(self, *names):
        os.makedirs(self.path(*names), mode=0o700, exist_ok=True)
        return self.path(*names)

    def read(self, *names):
        with open(self.path(*names), encoding="utf-8") as file:
            return file.read().strip()

    # Processes

    def running(self, name):
        """The process number of a recorded process that still runs, or None."""
        try:
            pid, began = self.read("run", name + ".pid").split()
        except (OSError, ValueError):
            return None
        return int(pid) if start_time(int(pid)) == began else None

    def start(self, name, arguments, ready=None, environment=None):
        """Start a process that outlives this one; wait until ready() says so."""
        self.ensure("run")
        self.ensure("log")
        with open(self.path("log", name + ".log"), "ab") as log:
            process = subprocess.Popen(arguments, stdin=subprocess.DEVNULL, stdout=log,
                                       stderr=log, start_new_session=True, env=environment)
        with open(self.path("run", name + ".pid"), "w", encoding="utf-8") as file:
            file.write("%d %s\n" % (process.pid, start_time(process.pid)))
        deadline = time.monotonic() + READY_SECONDS
        while ready is not None and not ready():
            if process.poll() is not None or time.monotonic() > deadline:
                raise LabError("%s did not start: see %s"
                               % (name, self.path("log", name + ".log")))
            time.sleep(0.02)
        return process.pid

    def stop(self, name):
        """End a process: politely, then not."""
        pid = self.running(name)
        if pid is not None:
            for number in (signal.SIGTERM, signal.SIGKILL):
                self.send(pid, number)
                if self.wait(name):
                    break
        try:
            os.unlink(self.path("run", name + ".pid"))
        except FileNotFoundError:
            pass

    def send(self, pid, number):
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            pass

    def wait(self, name):
        deadline = time.monotonic() + STOP_SECONDS
        while time.monotonic() < deadline:
            pid = self.running(name)
            if pid is None:
                return True
            try:
                os.waitpid(pid, os.WNOHANG)
            except ChildProcessError:
                pass  # somebody else's child
            time.sleep(0.02)
        return False

    def processes(self):
        """Names of recorded processes, youngest first."""
        try:
            names = os.listdir(self.path("run"))
        except FileNotFoundError:
            return []
        names = [name for name in names if name.endswith(".pid")]
        names.sort(key=lambda name: -os.stat(self.path("run", name)).st_mtime_ns)
        return [name[: -len(".pid")] for name in names]
