"""The tests' own door: a unix socket beside the server, one JSON object per line each way.

Not part of what is emulated.  Requests: {"do": name, ...}; answers: {"ok": true, ...} or
{"error": sentence}.
"""

import json
import os
import socket
import threading

SETTINGS = {"v2": bool, "max_devices": int, "token_seconds": int, "token_cache": bool,
            "requests_per_minute": int, "next_every": int, "inventory_every": int,
            "decommission_seconds": float, "image_max": int}


def address(directory):
    """The socket's path, short enough whatever the directory's length, and a descriptor to keep
    while it is used."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    return "/proc/self/fd/%d/control" % descriptor, descriptor


def ask(directory, request, timeout=30):
    """Send one request to the server that lives in directory; its answer, a dict."""
    path, descriptor = address(directory)
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as peer:
            peer.settimeout(timeout)
            peer.connect(path)
            peer.sendall(json.dumps(request).encode() + b"\n")
            line = peer.makefile("rb").readline()
    finally:
        os.close(descriptor)
    answer = json.loads(line)
    if "error" in answer:
        raise ValueError(answer["error"])
    return answer


class Control:
    def __init__(self, directory, state, clock, faults, extra):
        self.state = state
        self.clock = clock
        self.faults = faults
        self.commands = {"ping": self.ping, "fault": self.fault, "faults": self.list_faults,
                         "clear": self.clear, "clock": self.set_clock, "set": self.set}
        self.commands.update(extra)
        path, descriptor = address(directory)
        if os.path.lexists(path):
            os.unlink(path)
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.bind(path)
        os.chmod(path, 0o600)
        os.close(descriptor)
        self.socket.listen(16)
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        while True:
            peer, _ = self.socket.accept()
            threading.Thread(target=self.talk, args=(peer,), daemon=True).start()

    def talk(self, peer):
        with peer, peer.makefile("rwb") as file:
            for line in file:
                file.write(json.dumps(self.answer(line)).encode() + b"\n")
                file.flush()

    def answer(self, line):
        try:
            request = json.loads(line)
            command = self.commands.get(request.pop("do", None))
            if command is None:
                raise ValueError("do: one of " + ", ".join(self.commands))
            with self.state.lock:
                try:
                    return dict(command(request) or {}, ok=True)
                finally:
                    self.state.commit()
        except (ValueError, KeyError, TypeError) as error:
            return {"error": str(error)}

    def ping(self, _):
        return {}

    def fault(self, request):
        return {"id": self.faults.add(request)}

    def list_faults(self, _):
        return {"faults": self.faults.list}

    def clear(self, request):
        self.faults.clear(request.get("id"))

    def set_clock(self, request):
        """Set the clock's offset in seconds, or move it."""
        if "offset" in request:
            self.clock.offset = float(request["offset"])
        self.clock.offset += float(request.get("advance", 0))
        self.state.set_setting("clock_offset", self.clock.offset)
        return {"offset": self.clock.offset, "now": self.clock.now()}

    def set(self, request):
        for name, value in request.items():
            if name not in SETTINGS:
                raise ValueError("set: one of " + ", ".join(SETTINGS))
            self.state.set_setting(name, SETTINGS[name](value))
