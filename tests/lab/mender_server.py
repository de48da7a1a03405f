#!/usr/bin/python3
"""Run the stand-in for the Mender server in a directory.

  mender_server.py DIR [--port N] [--v2] [--rs256]

DIR/server then holds: url, ca.pem, admin-token, admin-password, requests.jsonl, the control
socket, and what the server remembers.  Started again in the same directory it is the same
server.
"""

import argparse
import os
import secrets
import signal
import sys
import threading

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from server import (artifacts, auth, auth_management, clock, control, deployments,  # noqa: E402
                    deployments_management, faults, gateway, inventory, pki, request_log, state,
                    tokens, users, web)

ADMIN = "admin@lab.example"


def write_file(path, text):
    with open(path + ".part", "w", encoding="utf-8",
              opener=lambda name, flags: os.open(name, flags, 0o600)) as out:
        out.write(text + "\n")
    os.rename(path + ".part", path)


class MenderServer:
    """All parts, wired together."""

    def __init__(self, directory, algorithm):
        def inside(name):
            return os.path.join(directory, name)

        self.state = state.State(inside("state.db"))
        self.clock = clock.Clock(self.state.setting("clock_offset", 0.0))
        self.faults = faults.Faults()
        self.signer = tokens.Signer(inside("jwt.key"), algorithm)
        self.auth = auth.Auth(self.state, self.clock, self.signer)
        self.users = users.Users(self.state, self.clock, self.signer)
        self.artifacts = artifacts.Artifacts(self.state, self.clock, inside("artifacts"))
        self.inventory = inventory.Inventory(self.state, self.clock, self.auth)
        self.deployments = deployments.Deployments(self.state, self.clock, self.artifacts)
        self.auth.on_decommission.append(self.deployments.decommission)
        guards = {"device": self.auth.guard, "user": self.users.guard}
        self.gateway = gateway.Gateway(self.state, self.clock, self.faults,
                                       request_log.RequestLog(inside("requests.jsonl")), guards)
        for part in (self.auth, auth_management.AuthManagement(self.auth), self.users,
                     self.artifacts, self.inventory, self.deployments,
                     deployments_management.DeploymentsManagement(
                         self.deployments, self.auth, self.inventory)):
            self.gateway.add_routes(part.routes())

    def listen(self, directory, port):
        """Bind, and note down for others where to ask and with which token."""
        _, certificate, key = pki.ensure(directory)
        self.web = web.Server(port or self.state.setting("port", 0), certificate, key,
                              self.gateway.serve)
        port = self.web.server_address[1]
        self.state.set_setting("port", port)
        self.artifacts.origin = "https://localhost:%d" % port
        self.control = control.Control(directory, self.state, self.clock, self.faults, {})
        if not self.state.get("users", ADMIN):
            password = secrets.token_urlsafe(18)
            user = self.users.add_user(ADMIN, password)
            write_file(os.path.join(directory, "admin-password"), password)
            write_file(os.path.join(directory, "admin-token"),
                       self.users.issue(user, users.TOKEN_SECONDS_MAX, "lab"))
        with self.state.lock:
            self.state.commit()
        write_file(os.path.join(directory, "url"), self.artifacts.origin)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("directory")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--v2", action="store_true", help="answer the v2 'next' request")
    parser.add_argument("--rs256", action="store_true", help="sign tokens with RSA")
    options = parser.parse_args()
    directory = os.path.join(os.path.abspath(options.directory), "server")
    os.makedirs(directory, mode=0o700, exist_ok=True)
    server = MenderServer(directory, "RS256" if options.rs256 else "EdDSA")
    if options.v2:
        server.state.set_setting("v2", True)
    server.listen(directory, options.port)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: threading.Thread(target=server.web.shutdown).start())
    print("READY", server.artifacts.origin, flush=True)
    server.web.serve_forever(poll_interval=0.1)
    server.state.close()


if __name__ == "__main__":
    main()
