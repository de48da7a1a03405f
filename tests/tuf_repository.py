"""A TUF repository that changes at will, and the server in front of it.

Written from the specification with the standard library and python3-cryptography, not from
our C code: the judge of tests/tuf-client.
"""
import copy
import datetime
import hashlib
import http.server
import json
import threading
import urllib.parse

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa

TOP = ("root", "timestamp", "snapshot", "targets")


def canonical(value):
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, int):
        return str(value)
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    if isinstance(value, list):
        return "[" + ",".join(map(canonical, value)) + "]"
    return "{" + ",".join(canonical(k) + ":" + canonical(value[k]) for k in sorted(value)) + "}"


def days(count):
    """The time that many days from now, as metadata write it."""
    now = datetime.datetime.now(datetime.timezone.utc)
    return (now + datetime.timedelta(days=count)).strftime("%Y-%m-%dT%H:%M:%SZ")


class Key:
    """A private key, its public half as metadata write it, and its id."""

    def __init__(self, kind="ed25519"):
        self.kind = kind
        make = {
            "ed25519": ed25519.Ed25519PrivateKey.generate,
            "ecdsa": lambda: ec.generate_private_key(ec.SECP256R1()),
            "rsa": lambda: rsa.generate_private_key(65537, 2048),
        }
        self.private = make[kind]()
        public = self.private.public_key()
        scheme = {"ed25519": "ed25519", "ecdsa": "ecdsa-sha2-nistp256", "rsa": "rsassa-pss-sha256"}
        if kind == "ed25519":
            text = public.public_bytes(
                serialization.Encoding.Raw, serialization.PublicFormat.Raw).hex()
        else:
            text = public.public_bytes(serialization.Encoding.PEM,
                                       serialization.PublicFormat.SubjectPublicKeyInfo).decode()
        self.public = {"keytype": kind, "scheme": scheme[kind], "keyval": {"public": text}}
        self.id = hashlib.sha256(canonical(self.public).encode()).hexdigest()

    def sign(self, data, salt=padding.PSS.DIGEST_LENGTH):
        if self.kind == "ed25519":
            return self.private.sign(data).hex()
        if self.kind == "ecdsa":
            return self.private.sign(data, ec.ECDSA(hashes.SHA256())).hex()
        return self.private.sign(
            data, padding.PSS(padding.MGF1(hashes.SHA256()), salt), hashes.SHA256()).hex()


class Repository:
    """What is signed, by whom; change it, then publish().

    signed[role] is what the next publish() signs with signers[role]; served[file] is what
    the server gives, whatever else is tried on it.
    """

    def __init__(self, consistent=True):
        self.requests = []
        self.served = {}
        self.files = {}  # target path -> bytes
        self.meta_hashes = False
        self.signers = {role: [Key()] for role in TOP}
        common = {"spec_version": "1.0.34", "version": 1, "expires": days(30)}
        self.signed = {role: {"_type": role, **common} for role in TOP}
        self.signed["root"].update(
            consistent_snapshot=consistent, keys={}, roles={role: {} for role in TOP})
        self.signed["timestamp"]["meta"] = {}
        self.signed["snapshot"]["meta"] = {}
        self.signed["targets"]["targets"] = {}
        for role in TOP:
            self.appoint(role, self.signers[role])
        self.publish()
        self.publish_root()

    # ---- who signs ----

    def appoint(self, role, keys, threshold=1):
        """The next root names these keys for the role, and they sign it from now on."""
        root = self.signed["root"]
        for key in keys:
            root["keys"][key.id] = copy.deepcopy(key.public)
        root["roles"][role] = {"keyids": [key.id for key in keys], "threshold": threshold}
        self.signers[role] = list(keys)

    def delegate(self, delegator, name, paths=("*",), keys=None, terminating=False, **more):
        """A new role, and the delegation to it; keys: None makes one."""
        keys = keys if keys is not None else [Key()]
        entry = {"name": name, "keyids": [key.id for key in keys], "threshold": 1,
                 "terminating": terminating, **more}
        if paths is not None:
            entry["paths"] = list(paths)
        delegations = self.signed[delegator].setdefault("delegations", {"keys": {}, "roles": []})
        delegations["keys"].update({key.id: copy.deepcopy(key.public) for key in keys})
        delegations["roles"].append(entry)
        self.add_role(name, keys)
        return keys

    def add_role(self, name, keys):
        if name not in self.signed:
            self.signed[name] = {"_type": "targets", "spec_version": "1.0.34", "version": 1,
                                 "expires": days(30), "targets": {}}
            self.signers[name] = list(keys)

    def add_target(self, path, content, role="targets", algorithms=("sha256",), **more):
        self.files[path] = content
        self.signed[role]["targets"][path] = {
            "length": len(content),
            "hashes": {a: hashlib.new(a, content).hexdigest() for a in algorithms}, **more}

    # ---- publishing ----

    def envelope(self, role, signers=None):
        signed = self.signed[role]
        data = canonical(signed).encode()
        keys = self.signers[role] if signers is None else signers
        return json.dumps({
            "signatures": [{"keyid": key.id, "sig": key.sign(data)} for key in keys],
            "signed": signed}, indent=1).encode()

    def publish_root(self, signers=None):
        version = self.signed["root"]["version"]
        self.served[f"{version}.root.json"] = self.envelope("root", signers)

    def new_root(self, signers=None):
        self.signed["root"]["version"] += 1
        self.publish_root(signers)

    def serve_role(self, role):
        raw = self.envelope(role)
        version = self.signed[role]["version"]
        quoted = urllib.parse.quote(role, "")
        self.served[f"{quoted}.json"] = self.served[f"{version}.{quoted}.json"] = raw
        return raw

    def listed(self, role, raw):
        meta = {"version": self.signed[role]["version"]}
        if self.meta_hashes:
            meta.update(length=len(raw), hashes={"sha256": hashlib.sha256(raw).hexdigest()})
        return meta

    def publish(self, bump=()):
        """Sign and serve everything but the root; the roles named get a version more."""
        for role in bump:
            self.signed[role]["version"] += 1
        meta = self.signed["snapshot"]["meta"]
        for role in self.signed:
            if role not in ("root", "timestamp", "snapshot"):
                meta[f"{role}.json"] = self.listed(role, self.serve_role(role))
        self.signed["timestamp"]["meta"]["snapshot.json"] = self.listed(
            "snapshot", self.serve_role("snapshot"))
        self.serve_role("timestamp")

    def publish_all(self):
        """Everything changed: each role but the root a version further."""
        self.publish([role for role in self.signed if role != "root"])


class Server:
    """An HTTP server in front of repository.served and .files; .requests is the log, and
    paths that of whole paths."""

    def __init__(self):
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                outer.answer(self)

            def log_message(self, *arguments):
                pass

        self.repository = None
        self.paths = []
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def answer(self, handler):
        repository = self.repository
        self.paths.append(handler.path)
        kind, _, name = handler.path.lstrip("/").partition("/")
        repository.requests.append(name if kind == "metadata" else "target " + name)
        content = repository.served.get(name) if kind == "metadata" else self.target(name)
        if callable(content):
            content(handler)
        elif content is None:
            handler.send_error(404)
        else:
            handler.send_response(200)
            handler.send_header("Content-Length", str(len(content)))
            handler.end_headers()
            try:
                handler.wfile.write(content)
            except OSError:
                pass

    def target(self, name):
        """A consistent snapshot has the hash before the last segment."""
        path = urllib.parse.unquote(name)
        if not self.repository.signed["root"]["consistent_snapshot"]:
            return self.repository.files.get(path)
        directory, slash, base = path.rpartition("/")
        return self.repository.files.get(directory + slash + base.partition(".")[2])

    def close(self):
        self.server.shutdown()
        self.server.server_close()
