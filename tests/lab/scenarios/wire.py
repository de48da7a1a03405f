"""What the courier says at the server, beside what Debian's mender-client said.

The client's journeys are those of vectors/mender-client/, which peer_mender_client.py holds
against the living client.
"""

import os

import compare_wire
from labtool import journey

from .stage import Unlike, check

RECORDS = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "vectors",
                       "mender-client")
# Meant: a log of success too (the receipt is in it), a reason in the substate.  The client asks
# for a map of pauses that the courier could not obey.  A token is kept, not asked for each time;
# a tenant's token that is empty is left out, as Mender's newer client does.
MAY_ADD = ("log", "status.substate", "auth.tier")
MAY_OMIT = ("auth", "auth.tenant_token", "next-v2.update_control_map")


def compare(stage, name, update):
    """Since the update was deployed, its device's requests."""
    real = journey.steps(journey.read(os.path.join(RECORDS, name)))
    device = stage.server_id(update.devices[0])
    other = journey.steps(stage.lines()[update.since :], device)
    comparison = compare_wire.Comparison(real, other, MAY_ADD, MAY_OMIT)
    found = comparison.run()
    check(comparison.checked > 20, "only %d things were compared", comparison.checked)
    if found:
        raise Unlike("%s: %s" % (name, "; ".join(found)))


def succeed(stage, route):
    update = stage.update(stage.devices[0])
    update.since = 0
    stage.bring(update)
    compare(stage, route + "-success.jsonl", update)


def fail(stage, route):
    update = stage.update(stage.devices[0])
    stage.devices[0].say("health", 1, "no room in the shed")
    stage.bring(update, "ROLLED BACK", status=1)
    compare(stage, route + "-failure.jsonl", update)


def v1(stage):
    """beside Debian's mender-client, at an open-source server: success, failure"""
    succeed(stage, "v1")
    fail(stage, "v1")


def v2(stage):
    """beside Debian's mender-client, at a hosted server: success, failure"""
    succeed(stage, "v2")
    fail(stage, "v2")
