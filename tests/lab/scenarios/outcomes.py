"""How an update can end, and what the server then knows."""

import json

from .stage import ANY, MENDER, ROLLBACK, UNCERTIFIED, UNVERIFIED, check, same

PROVENANCE = ("courier_id", "courier_technician", "courier_collected_at", "courier_receipt",
              "courier_outcome", "courier_device_time", "courier_floor")


def success(stage):
    """an update succeeds: confirmed, reported, with provenance and a receipt that verifies"""
    device = stage.devices[0]
    update = stage.update(device)
    results = stage.bring(update)
    check(results[device.id]["safe_to_unplug"], "safe to unplug: %s", results)
    status = stage.rows("status")[0]
    same((status["outstanding"], status["unsent"]), (0, 0), "outstanding and unsent")
    stage.runs(device, update)
    row = update.ended(device, "success")
    check("CONFIRMED" in row.get("substate", ""), "substate: %s", row)
    receipt = stage.receipt(update, device)
    same(receipt["outcome"], "CONFIRMED", "the receipt's outcome")
    same(receipt["device"], device.id, "the receipt's device")
    inventory = stage.inventory(device)
    same(inventory["artifact_name"], update.name, "artifact_name in the inventory")
    same(inventory["courier_id"], stage.courier.id, "courier_id")
    same(inventory["courier_technician"], "Ida Lab", "courier_technician")
    for name in PROVENANCE:
        check(name in inventory, "no %s in the inventory: %s", name, inventory)
    same(inventory["ip"], ["10.0.0.1", "10.0.0.2"], "what the device's script says")
    stage.admin_verifies(update, device)


def file_installer(stage):
    """the file installer replaces a file"""
    device = stage.devices[0]
    update = stage.update(device, kind="lab-file")
    stage.bring(update)
    stage.runs(device, update)
    update.ended(device, "success")


def unhealthy(stage):
    """the health hook fails: rolled back, and the server has the reason and the log"""
    device = stage.devices[0]
    before = device.software()
    update = stage.update(device)
    device.say("health", 1, "pressure sensor is silent")
    stage.bring(update, "ROLLED BACK", status=1)
    same(device.software(), before, "what runs")
    row = update.ended(device, "failure")
    check("ROLLED_BACK" in row["substate"], "substate: %s", row)
    check("pressure sensor is silent" in update.log(device), "log: %s", update.log(device))
    same(stage.receipt(update, device)["outcome"], "ROLLED_BACK", "the receipt's outcome")
    check(stage.inventory(device)["artifact_name"] != update.name, "artifact_name")


def installer_fails(stage):
    """the installer fails: nothing changed, reported as a failure"""
    device = stage.devices[0]
    before = device.software()
    update = stage.update(device)
    device.say("install", 1, "the flash is worn out")
    stage.bring(update, "ROLLED BACK", status=1)
    same(device.software(), before, "what runs")
    update.ended(device, "failure")
    check("the flash is worn out" in update.log(device), "log: %s", update.log(device))


def rollback_refused(stage):
    """a counter below the device's: the plan knows, the device refuses it for ever"""
    device = stage.devices[0]
    stage.bring(stage.update(device))
    before = device.software()
    journal = device.journal().count("install")
    update = stage.update(device, counter=0)
    stage.sync()
    plan = stage.courier.run("--json", "plan", device.id)
    same(plan.returncode, ROLLBACK, "plan: " + plan.stdout)
    same(json.loads(plan.stdout)["blockers"][0]["code"], ROLLBACK, "the blocker's code")
    stage.bring(update, "REFUSED", status=ROLLBACK)
    same(device.software(), before, "what runs")
    same(device.journal().count("install"), journal, "installations")
    row = update.ended(device, "failure")
    check("REFUSED" in row["substate"], "substate: %s", row)
    stage.receipt(update, device)


def reboot(stage):
    """an update that needs a reboot is committed after it"""
    device = stage.devices[1]
    device.say("install", 4)
    boot = stage.home.read("devices", device.id, "boot-id")
    update = stage.update(device)
    stage.bring(update)
    stage.runs(device, update)
    check(stage.home.read("devices", device.id, "boot-id") != boot, "it did not reboot")
    update.ended(device, "success")
    same(device.journal()[-5:], ["install", "gate-reboot", "reboot", "health", "commit"],
         "what happened")


def reboot_unhealthy(stage):
    """unhealthy after the reboot: the old software runs again"""
    device = stage.devices[1]
    before = device.software()
    device.say("install", 4)
    device.say("health", 1, "does not boot to the end")
    update = stage.update(device)
    stage.bring(update, "ROLLED BACK", status=1)
    same(device.software(), before, "what runs")
    update.ended(device, "failure")


def shared(stage):
    """two devices, one artifact: it crosses once, and one deliver serves both"""
    devices = stage.devices[:2]
    update = stage.update(*devices, size=50000)
    stage.sync()
    same(len(update.requests("download")), 1, "downloads")
    results = stage.deliver(*[device.id for device in devices])
    for device in devices:
        same(results[device.id]["word"], "CONFIRMED", device.id)
        stage.runs(device, update)
    stage.sync()
    for device in devices:
        update.ended(device, "success")


def gate_later(stage):
    """a gate that says later leaves it open; the next visit goes on"""
    device = stage.devices[0]
    update = stage.update(device)
    device.say("gate-install", 75, "the shift ends at six")
    stage.sync()
    results = stage.deliver(device.id, status=40)
    same(results[device.id]["word"], "WAITING", "word")
    check("the shift ends at six" in results[device.id]["reason"], "reason: %s", results)
    stage.sync()
    check(update.row(device)["status"] not in ("success", "failure"), "closed: %s",
          update.row(device))
    device.say("gate-install", 0)
    stage.deliver(device.id)
    stage.sync()
    update.ended(device, "success")


def mender_client(stage):
    """Debian's mender-client is the installer"""
    device = stage.devices[MENDER - 1]
    update = stage.single_file(device)
    stage.bring(update)
    stage.runs(device, update)
    update.ended(device, "success")
    same(stage.inventory(device)["artifact_name"], update.name, "artifact_name")
    before = device.software()
    worse = stage.single_file(device)
    device.say("health", 1, "worse than before")
    stage.bring(worse, "ROLLED BACK", status=1)
    same(device.software(), before, "what runs")
    worse.ended(device, "failure")
    same(stage.inventory(device)["artifact_name"], update.name, "artifact_name")


def first_visit(stage):
    """a device without a certificate is met, served as enrolled, and stays unverified"""
    device = stage.devices[UNCERTIFIED - 1]
    update = stage.update(device)
    stage.sync()
    results = stage.deliver(device.id, status=UNVERIFIED)
    check(results[device.id]["unverified"], "not unverified: %s", results)
    stage.runs(device, update)
    stage.sync()
    check(update.row(device)["status"] not in ("success", "failure"), "closed: %s",
          update.row(device))
    pairing = stage.courier_inventory()
    wanted = "courier_pairing_" + stage.spki(stage.key_of(device))[:16]
    check(wanted in pairing, "no %s: %s", wanted, sorted(pairing))
    # The operator certifies it; the courier brings the certificate, and nothing else is needed.
    chain = stage.lab.fleet.certify_device(stage.key_of(device), device.id, device.identity,
                                           "pumps")
    stage.courier.take_control(stage.lab.fleet, stage.lab.facts["artifact_keys"],
                               stage.devices, more={device.id: {"chain": chain}})
    stage.deliver(device.id, status=ANY)
    results = stage.deliver(device.id)
    check(not results[device.id]["unverified"], "still unverified: %s", results)
    stage.sync()
    update.ended(device, "success")


def retry(stage):
    """deliver --retry after a failure: only the second outcome is reported"""
    device = stage.devices[0]
    update = stage.update(device)
    stage.sync()
    device.say("health", 1, "the hatch was open")
    same(stage.deliver(device.id, status=1)[device.id]["word"], "ROLLED BACK", "word")
    device.say("health", 0)
    same(stage.deliver("--retry", device.id)[device.id]["word"], "CONFIRMED", "word")
    stage.runs(device, update)
    stage.sync()
    update.ended(device, "success")
    same(update.finals(), ["success"], "final statuses")


def stage_now(stage):
    """deliver --stage: transferred now, installed when the gate lets it"""
    device = stage.devices[0]
    before = device.software()
    update = stage.update(device)
    device.say("gate-install", 75, "at night")
    stage.sync()
    results = stage.deliver("--stage", device.id)
    same(results[device.id]["word"], "STAGED", "word")
    same(device.software(), before, "what runs")
    device.say("gate-install", 0)
    device.stop()
    device.start(stage.lab.program("agent"))
    stage.wait("the commit", lambda: device.journal()[-1] == "commit")
    stage.deliver(device.id)
    stage.sync()
    update.ended(device, "success")


def colleague(stage):
    """a courier that is lost after the visit: a colleague's collects and reports"""
    device = stage.devices[1]
    update = stage.update(device)
    stage.sync()
    stage.deliver(device.id)
    handed = json.loads(stage.inventory(device)["courier_next"])
    same(handed["deployment"], update.deployment, "deployment in courier_next")
    other = stage.colleague("laptop-2", device, more={device.id: {
        "next_deployment": handed["deployment"], "next_request": handed["request"]}})
    with stage.carried_by(other):
        stage.sync()
        check(update.row(device)["status"] == "downloading", "row: %s", update.row(device))
        stage.deliver(device.id)
        stage.sync()
    update.ended(device, "success")
    receipt = stage.receipt(update, device)
    same(receipt["courier"]["id"], stage.courier.id, "who brought it")
    same(stage.inventory(device)["courier_id"], stage.courier.id, "courier_id")
    stage.courier.enrol([device])
    stage.sync()
    update.ended(device, "success")


SCENARIOS = (success, file_installer, unhealthy, installer_fails, rollback_refused, reboot,
             reboot_unhealthy, shared, gate_later, stage_now, retry, mender_client, first_visit, colleague)
