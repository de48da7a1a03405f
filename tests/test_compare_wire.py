#!/usr/bin/python3
"""compare_wire.py sees what it must: recorded journeys, doctored one way at a time."""

import copy
import os
import sys
import unittest

sys.dont_write_bytecode = True
LAB = os.path.join(os.path.dirname(os.path.abspath(__file__)), "lab")
sys.path.insert(0, LAB)

from compare_wire import Comparison  # noqa: E402
from labtool import journey  # noqa: E402

RECORDS = os.path.join(LAB, "vectors", "mender-client")


def lines(name):
    return journey.read(os.path.join(RECORDS, name + ".jsonl"))


def differences(real, other, **options):
    return Comparison(journey.steps(real), journey.steps(other), **options).run()


def of_kind(log, kind):
    return [line for line in log if journey.Step(line).kind == kind]


def swap(log, one, other):
    at, to = log.index(one), log.index(other)
    log[at], log[to] = other, one


def with_status(log, status):
    return next(line for line in of_kind(log, "status") if line["body"]["status"] == status)


class Doctored(unittest.TestCase):
    def setUp(self):
        self.real = lines("v2-success")
        self.other = copy.deepcopy(self.real)

    def expect(self, *words, real=None, **options):
        found = differences(real or self.real, self.other, **options)
        for word in words:
            self.assertTrue(any(word in one for one in found), (word, found))
        if not words:
            self.assertEqual(found, [])

    def test_every_record_is_like_itself(self):
        for name in sorted(os.listdir(RECORDS)):
            log = journey.read(os.path.join(RECORDS, name))
            self.assertEqual(differences(log, copy.deepcopy(log)), [], name)

    def test_endpoints(self):
        for line in of_kind(self.other, "next-v2"):
            line["path"] = line["path"].replace("/v2/", "/v3/")
        self.expect("the other never sends next-v2", "v3/deployments/device/deployments/next")

    def test_a_method(self):
        of_kind(self.other, "inventory")[0]["method"] = "PATCH"
        self.expect("PATCH /api/devices/v1/inventory")

    def test_a_log_where_the_real_client_sends_none(self):
        final = with_status(self.other, "success")
        log = copy.deepcopy(of_kind(lines("v2-failure"), "log")[0])
        log.update(device=final["device"], path=final["path"].replace("/status", "/log"))
        self.other.insert(self.other.index(final) + 1, log)
        self.expect("the real client never sends log")
        self.expect(may_add=["log"])

    def test_a_missing_field(self):
        for line in of_kind(self.other, "next-v2"):
            del line["body"]["update_control_map"]
        self.expect("field: next-v2.update_control_map is missing")
        self.expect(may_omit=["next-v2.update_control_map"])
        del of_kind(self.other, "next-v2")[0]["body"]["device_provides"]
        self.expect("next: no artifact_name", "next: no device_type")

    def test_an_added_field(self):
        of_kind(self.other, "status")[0]["body"]["substate"] = "on the way"
        self.expect("the real client has no status.substate")
        self.expect(may_add=["status.substate"])

    def test_a_value_of_another_type(self):
        of_kind(self.other, "auth")[0]["body"]["pubkey"] = 7
        self.expect("type: auth.pubkey is number|string")

    def test_types_within_maps_and_identity(self):
        of_kind(self.other, "next-v2")[0]["body"]["device_provides"]["version"] = 3
        of_kind(self.other, "auth")[-1]["body"]["id_data"] = (
            '{"mac":"02:00:00:00:00:01","serial":7}')
        found = differences(self.real, self.other)
        self.assertTrue(any("next-v2.device_provides.*" in one for one in found), found)

    def test_inventory_values(self):
        of_kind(self.other, "inventory")[0]["body"].append({"name": "n", "value": 1.5})
        self.expect()
        of_kind(self.other, "inventory")[0]["body"].append({"name": "n", "value": True})
        self.expect("type: inventory.[].value")

    def test_inventory_names_the_artifact(self):
        inventory = of_kind(self.other, "inventory")[-1]
        inventory["body"] = [one for one in inventory["body"] if one["name"] != "artifact_name"]
        self.expect("inventory: no artifact_name")

    def test_headers(self):
        del of_kind(self.other, "status")[0]["headers"]["content-type"]
        del of_kind(self.other, "status")[1]["headers"]["authorization"]
        del of_kind(self.other, "auth")[0]["headers"]["x-men-signature"]
        of_kind(self.other, "download")[0]["headers"]["authorization"] = "Bearer abc"
        self.expect("Content-Type of PUT", "no bearer token on PUT",
                    "no X-MEN-Signature on POST", "Authorization on GET")

    def test_fetching_before_downloading(self):
        download = of_kind(self.other, "download")[0]
        self.other.remove(download)
        self.other.insert(self.other.index(with_status(self.other, "downloading")), download)
        self.expect("fetches the artifact before it says downloading")

    def test_installing_before_downloading(self):
        said = of_kind(self.other, "status")
        swap(self.other, said[0], with_status(self.other, "installing"))
        self.expect("the other says installing, downloading")

    def test_an_intermediate_status_after_the_final_one(self):
        swap(self.other, of_kind(self.other, "status")[-2], with_status(self.other, "success"))
        self.expect("says installing after success")

    def test_next_before_the_final_status(self):
        final = with_status(self.other, "success")
        question = of_kind(self.other, "next-v2")[-1]
        self.other.remove(question)
        self.other.insert(self.other.index(final), question)
        self.expect("with other facts")

    def test_the_same_next_before_the_final_status_is_fine(self):
        final = with_status(self.other, "success")
        offered = next(line for line in of_kind(self.other, "next-v2") if line["status"] == 200)
        self.other.insert(self.other.index(final), copy.deepcopy(offered))
        self.expect()

    def test_no_inventory_after_the_final_status(self):
        self.other.remove(of_kind(self.other, "inventory")[-1])
        self.expect("no inventory after the final status")

    def test_next_before_the_inventory(self):
        swap(self.other, of_kind(self.other, "inventory")[-1],
             of_kind(self.other, "next-v2")[-1])
        self.expect("asks for the next before the inventory")

    def test_a_token_first(self):
        self.other.sort(key=lambda line: journey.Step(line).kind == "auth")
        self.expect("acts before it has a token")

    def test_another_end(self):
        with_status(self.other, "success")["body"]["status"] = "failure"
        self.expect("outcome: ['failure'], not ['success']", "no log of a failure")

    def test_a_log_before_the_failure(self):
        self.real = lines("v1-failure")
        self.other = copy.deepcopy(self.real)
        swap(self.other, of_kind(self.other, "log")[0], with_status(self.other, "failure"))
        self.expect("sends the log before the final status")

    def test_several_devices_must_be_told_apart(self):
        more = copy.deepcopy(self.real)
        for line in more:
            if line["device"]:
                line["device"] = "another"
            if isinstance(line.get("answer"), dict) and "artifact" in line["answer"]:
                line["answer"]["artifact"]["source"]["uri"] += "0"
        with self.assertRaises(ValueError):
            journey.steps(self.real + more)


def main():
    suite = unittest.defaultTestLoader.loadTestsFromTestCase(Doctored)
    result = unittest.TextTestRunner(stream=sys.stderr, verbosity=2).run(suite)
    failed = len(result.failures) + len(result.errors)
    print("%d passed, %d failed" % (result.testsRun - failed, failed))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
