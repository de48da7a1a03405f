"""Devices and couriers at the lab's server, for tests/admin_server.sh.

usage: admin_device.py ask KEY IDENTITY                      print the HTTP status
       admin_device.py inventory KEY IDENTITY NAME=FILE...   put the files' content there
       admin_device.py sets IDENTITY                         print STATUS KEY-SHA256 of each set
"""

import base64
import hashlib
import json
import os
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lab"))

from cryptography.hazmat.primitives import serialization  # noqa: E402

from labtool import client  # noqa: E402

LAB = os.environ["LAB_DIR"]


def device(key_file, identity):
    one = client.Device(LAB, json.loads(identity))
    with open(key_file, "rb") as file:
        one.key = serialization.load_pem_private_key(file.read(), None)
    return one


def fingerprint(pem):
    body = "".join(line for line in pem.splitlines() if not line.startswith("-"))
    return hashlib.sha256(base64.b64decode(body)).hexdigest()


def main():
    verb, arguments = sys.argv[1], sys.argv[2:]
    if verb == "ask":
        print(device(*arguments).authenticate())
    elif verb == "inventory":
        one = device(*arguments[:2])
        one.authenticate()
        attributes = {}
        for argument in arguments[2:]:
            name, _, path = argument.partition("=")
            with open(path, encoding="utf-8") as file:
                attributes[name] = file.read()
        print(one.send_inventory(attributes).status)
    else:
        for one in client.Admin(LAB).devices():
            if one["identity_data"] == json.loads(arguments[0]):
                for auth_set in one["auth_sets"]:
                    print(auth_set["status"], fingerprint(auth_set["pubkey"]))


main()
