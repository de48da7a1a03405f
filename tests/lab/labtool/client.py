"""Plain clients of the lab's server: an operator, and a device that behaves as it is told.

Deliberately simple (http.client, python3-cryptography): they share nothing with the courier.
"""

import base64
import http.client
import json
import os
import select
import ssl
import urllib.parse
import uuid

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa

from server import control

DEVAUTH = "/api/management/v2/devauth"
DEPLOYMENTS = "/api/management/v1/deployments"
INVENTORY = "/api/management/v1/inventory"
DEVICE = "/api/devices/v1"
TIMEOUT_SECONDS = 60


class Reply:
    def __init__(self, response):
        self.status = response.status
        self.headers = response.headers
        self.body = response.read()

    def json(self):
        return json.loads(self.body)

    def __repr__(self):
        return "<%d %r>" % (self.status, self.body[:200])


class Failed(Exception):
    """The server refused what should have worked."""


def read_text(*path):
    with open(os.path.join(*path), encoding="utf-8") as file:
        return file.read().strip()


class Http:
    """One connection to the server that lives in DIR/server, kept alive."""

    def __init__(self, directory):
        self.directory = os.path.join(directory, "server")
        self.origin = read_text(self.directory, "url")
        self.context = ssl.create_default_context(cafile=os.path.join(self.directory, "ca.pem"))
        self.connection = None

    def request(self, method, target, body=None, headers=None):
        """A Reply.  body: bytes, a JSON value, or an iterable (sent chunked)."""
        headers = dict(headers or {})
        if body is not None and not isinstance(body, bytes) and not hasattr(body, "__next__"):
            body = json.dumps(body).encode()
            headers.setdefault("Content-Type", "application/json")
        if target.startswith("https:"):
            target = target[len(self.origin) :]
        try:
            connection = self.open()
            connection.request(method, target, body, headers,
                               encode_chunked=hasattr(body, "__next__"))
            return Reply(connection.getresponse())
        except BaseException:
            self.close()
            raise

    def open(self):
        if self.connection is not None and self.connection.sock is not None:
            if select.select([self.connection.sock], [], [], 0)[0]:
                self.close()  # the server hung up meanwhile
        if self.connection is None:
            port = urllib.parse.urlsplit(self.origin).port
            self.connection = http.client.HTTPSConnection(
                "localhost", port, context=self.context, timeout=TIMEOUT_SECONDS)
        return self.connection

    def close(self):
        if self.connection is not None:
            self.connection.close()
            self.connection = None

    def control(self, **request):
        return control.ask(self.directory, request)


class Admin(Http):
    """The operator, with the token the server wrote down."""

    def __init__(self, directory):
        super().__init__(directory)
        self.token = read_text(self.directory, "admin-token")

    def ask(self, method, target, body=None, headers=None):
        headers = dict(headers or {}, Authorization="Bearer " + self.token)
        return self.request(method, target, body, headers)

    def must(self, method, target, body=None, headers=None):
        """As ask, but anything above 299 raises Failed."""
        reply = self.ask(method, target, body, headers)
        if reply.status > 299:
            raise Failed("%s %s: %d %s" % (method, target, reply.status,
                                           reply.body.decode("utf-8", "replace")[:300]))
        return reply

    def everything(self, target):
        """All pages of a list, by following its Link headers."""
        items = []
        target += ("&" if "?" in target else "?") + "per_page=500"
        while target:
            reply = self.must("GET", target)
            items += reply.json()
            target = next_page(reply)
        return items

    def devices(self):
        return self.everything(DEVAUTH + "/devices")

    def set_status(self, device_id, set_id, status):
        return self.ask("PUT", "%s/devices/%s/auth/%s/status" % (DEVAUTH, device_id, set_id),
                        {"status": status})

    def accept_pending(self):
        """Accept every pending set; how many there were."""
        count = 0
        for device in self.devices():
            for auth_set in device["auth_sets"]:
                if auth_set["status"] == "pending":
                    self.set_status(device["id"], auth_set["id"], "accepted")
                    count += 1
        return count

    def upload(self, path, artifact_id=None):
        """Upload a .mender file; its id."""
        boundary = uuid.uuid4().hex
        size = os.path.getsize(path)
        fields = {"size": str(size)}
        if artifact_id:
            fields["artifact_id"] = artifact_id
        head = "".join('--%s\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s\r\n'
                       % (boundary, name, value) for name, value in fields.items())
        head += ('--%s\r\nContent-Disposition: form-data; name="artifact"; filename="a.mender"'
                 "\r\nContent-Type: application/octet-stream\r\n\r\n" % boundary)
        tail = ("\r\n--%s--\r\n" % boundary).encode()

        def pieces():
            yield head.encode()
            with open(path, "rb") as file:
                yield from iter(lambda: file.read(65536), b"")
            yield tail

        length = len(head) + size + len(tail)
        headers = {"Content-Type": "multipart/form-data; boundary=" + boundary,
                   "Authorization": "Bearer " + self.token, "Content-Length": str(length)}
        connection = self.open()
        connection.request("POST", DEPLOYMENTS + "/artifacts", pieces(), headers)
        reply = Reply(connection.getresponse())
        if reply.status != 201:
            raise Failed("%s: upload: %d %s" % (path, reply.status, reply.body.decode()))
        return reply.headers["Location"].rsplit("/", 1)[1]

    def deploy(self, name, artifact_name, devices, force=False):
        """Deploy to devices (ids), or to all with None; the deployment's id."""
        body = {"name": name, "artifact_name": artifact_name}
        body.update({"all_devices": True} if devices is None else {"devices": devices})
        if force:
            body["force_installation"] = True
        reply = self.must("POST", DEPLOYMENTS + "/deployments", body)
        return reply.headers["Location"].rsplit("/", 1)[1]

    def abort(self, deployment_id):
        return self.ask("PUT", "%s/deployments/%s/status" % (DEPLOYMENTS, deployment_id),
                        {"status": "aborted"})

    def rows(self, deployment_id):
        """{device id: its part of the deployment}."""
        rows = self.everything("%s/deployments/%s/devices/list" % (DEPLOYMENTS, deployment_id))
        return {row["id"]: row for row in rows}

    def log(self, deployment_id, device_id):
        return self.ask("GET", "%s/deployments/%s/devices/%s/log"
                        % (DEPLOYMENTS, deployment_id, device_id))

    def inventory(self, device_id):
        """{(scope, name): value}."""
        view = self.must("GET", "%s/devices/%s" % (INVENTORY, device_id)).json()
        return {(one["scope"], one["name"]): one["value"] for one in view["attributes"]}


def next_page(reply):
    for link in reply.headers.get_all("Link") or ():
        target, _, relation = link.partition(">")
        if 'rel="next"' in relation:
            return target.lstrip("<")
    return None


def make_key(kind):
    if kind == "rsa":
        return rsa.generate_private_key(65537, 3072)
    if kind == "ec":
        return ec.generate_private_key(ec.SECP256R1())
    return ed25519.Ed25519PrivateKey.generate()


def sign(key, body):
    if isinstance(key, rsa.RSAPrivateKey):
        signature = key.sign(body, padding.PKCS1v15(), hashes.SHA256())
    elif isinstance(key, ec.EllipticCurvePrivateKey):
        signature = key.sign(body, ec.ECDSA(hashes.SHA256()))
    else:
        signature = key.sign(body)
    return base64.b64encode(signature).decode()


def public_pem(key):
    return key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode()


class Device(Http):
    """A device, or whoever acts for it: an identity and a key."""

    def __init__(self, directory, identity, kind="ed25519"):
        super().__init__(directory)
        self.identity = identity
        self.key = make_key(kind)
        self.token = None

    def auth_request(self, id_data=None, signature=None, **fields):
        body = {"id_data": id_data or json.dumps(self.identity),
                "pubkey": self.pem, "tenant_token": ""}
        body.update(fields)
        raw = json.dumps(body).encode()
        return self.request("POST", DEVICE + "/authentication/auth_requests", raw,
                            {"Content-Type": "application/json",
                             "X-MEN-Signature": signature or sign(self.key, raw)})

    def authenticate(self):
        """The status; with 200 the token is kept."""
        reply = self.auth_request()
        if reply.status == 200:
            self.token = reply.body.decode()
        return reply.status

    @property
    def pem(self):
        return public_pem(self.key)

    def claims(self):
        middle = self.token.split(".")[1]
        return json.loads(base64.urlsafe_b64decode(middle + "=="))

    @property
    def id(self):
        return self.claims()["sub"]

    @property
    def set_id(self):
        return self.claims()["jti"]

    def ask(self, method, target, body=None, headers=None):
        headers = dict(headers or {}, Authorization="Bearer %s" % self.token)
        return self.request(method, target, body, headers)

    def next(self, artifact_name, device_type, **provides):
        body = {"artifact_name": artifact_name, "device_type": device_type}
        if provides:
            body["artifact_provides"] = provides
        return self.ask("POST", DEVICE + "/deployments/device/deployments/next", body)

    def report(self, deployment_id, status, substate=None):
        body = {"status": status}
        if substate is not None:
            body["substate"] = substate
        return self.ask("PUT", "%s/deployments/device/deployments/%s/status"
                        % (DEVICE, deployment_id), body)

    def send_log(self, deployment_id, messages):
        return self.ask("PUT", "%s/deployments/device/deployments/%s/log"
                        % (DEVICE, deployment_id), {"messages": messages})

    def send_inventory(self, attributes, method="PUT"):
        body = [{"name": name, "value": value} for name, value in attributes.items()]
        return self.ask(method, DEVICE + "/inventory/device/attributes", body)
