#!/usr/bin/python3
"""Keep one device's agent running, as systemd with Restart=always would, and be its machine.

usage: supervisor.py DIRECTORY AGENT     (started by `lab up`)

SIGUSR1 is what the device's reboot command sends: the agent and all it started end, there is
nothing on the cable for a while, the boot id changes, a new slot becomes the one that runs.
SIGTERM switches the machine off.
"""

import os
import signal
import subprocess
import sys
import time
import uuid

RESTART_S = 0.3
POLITE_S = 5
SIGNALS = {signal.SIGCHLD, signal.SIGTERM, signal.SIGUSR1}


def session_members(session):
    """Processes of a session: the agent's children leave its group, but not that."""
    for entry in os.listdir("/proc"):
        try:
            with open("/proc/%d/stat" % int(entry), encoding="latin-1") as file:
                fields = file.read().rsplit(")", 1)[1].split()
        except (OSError, ValueError):
            continue
        if int(fields[3]) == session:
            yield int(entry)


class Machine:
    def __init__(self, directory, agent):
        self.directory = directory
        self.agent = agent
        self.process = None

    def path(self, *names):
        return os.path.join(self.directory, *names)

    def write(self, name, text):
        with open(self.path(name + ".new"), "w", encoding="utf-8") as out:
            out.write(text + "\n")
        os.rename(self.path(name + ".new"), self.path(name))

    def start(self):
        self.process = subprocess.Popen(
            [self.agent, "-c", self.path("courier-agent.conf"), "run"],
            stdin=subprocess.DEVNULL, start_new_session=True,
            preexec_fn=lambda: signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS))
        self.write("agent.pid", str(self.process.pid))

    def stop(self):
        """The agent, politely; then whatever is left of its session."""
        if self.process is None:
            return
        self.process.terminate()
        try:
            self.process.wait(POLITE_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.clear()

    def clear(self):
        for pid in session_members(self.process.pid):
            os.kill(pid, signal.SIGKILL)
        os.unlink(self.path("agent.pid"))
        self.process = None

    def boot(self):
        time.sleep(float(open(self.path("boot-seconds"), encoding="ascii").read()))
        self.write("boot-id", str(uuid.uuid4()))
        if os.path.exists(self.path("software", "next")):
            os.rename(self.path("software", "next"), self.path("software", "running"))

    def run(self):
        signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
        self.start()
        while True:
            number = signal.sigwait(SIGNALS)
            if number == signal.SIGTERM:
                self.stop()
                return
            if number == signal.SIGUSR1:
                self.stop()
                self.boot()
                self.start()
            elif self.process.poll() is not None:
                self.clear()
                time.sleep(RESTART_S)
                self.start()


if __name__ == "__main__":
    Machine(sys.argv[1], sys.argv[2]).run()
