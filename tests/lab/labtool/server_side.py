"""Bringing the central server up."""

import os
import sys

from server import control

from .home import LabError

SERVER = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))),
                      "mender_server.py")


def answers(home):
    try:
        control.ask(home.path("server"), {"do": "ping"}, timeout=5)
    except (OSError, ValueError):
        return False
    return True


def up(home, v2=False, rs256=False):
    """Start the server unless it runs; its URL."""
    if home.running("server") is None:
        arguments = [sys.executable, SERVER, home.directory]
        arguments += ["--v2"] * v2 + ["--rs256"] * rs256
        home.start("server", arguments, ready=lambda: answers(home)
                   and os.path.exists(home.path("server", "url")))
    elif not answers(home):
        raise LabError("server runs, but does not answer")
    return home.read("server", "url")
