"""Device authentication: devices, their auth sets, and the tokens given for them."""

import base64
import binascii

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa

from .gateway import Route
from .web import Answer
from .wire import Refusal, canonical_identity, new_id, parse_json, parse_object

ACCEPTED, REJECTED, PENDING = "accepted", "rejected", "pending"
PREAUTHORIZED, NOAUTH = "preauthorized", "noauth"
TOKEN_SECONDS = 604800  # a week
DECOMMISSION_SECONDS = 0.3  # decommissioning is a workflow of its own: not at once


class NotFound(Exception):
    """No such document, where the real server's store says so."""


def canonical_key(pem):
    """The key and its PEM, re-wrapped; ValueError unless it is a SubjectPublicKeyInfo."""
    if not isinstance(pem, str) or "-----BEGIN PUBLIC KEY-----" not in pem:
        raise ValueError("pubkey: PEM block type must be 'PUBLIC KEY'")
    key = serialization.load_pem_public_key(pem.encode())
    if not isinstance(key, (rsa.RSAPublicKey, ec.EllipticCurvePublicKey,
                            ed25519.Ed25519PublicKey)):
        raise ValueError("pubkey: unsupported key type")
    text = key.public_bytes(serialization.Encoding.PEM,
                            serialization.PublicFormat.SubjectPublicKeyInfo)
    return key, text.decode()


def signature_fits(key, signature, body):
    """Whether signature (base64) of the raw body was made with key."""
    try:
        raw = base64.b64decode(signature, validate=True)
        if isinstance(key, rsa.RSAPublicKey):
            key.verify(raw, body, padding.PKCS1v15(), hashes.SHA256())
        elif isinstance(key, ec.EllipticCurvePublicKey):
            key.verify(raw, body, ec.ECDSA(hashes.SHA256()))
        else:
            key.verify(raw, body)
    except (InvalidSignature, binascii.Error, ValueError):
        return False
    return True


def parse_identity(text):
    """(object, canonical text, hash) of the identity data in an auth request."""
    try:
        value = parse_json(text)
    except Refusal as refusal:
        raise Refusal(400, "failed to parse identity data: " + refusal.message) from None
    if not isinstance(value, dict):
        raise Refusal(400, "failed to parse identity data: not an object")
    return (value, *canonical_identity(value))


class Auth:
    """The state machine of devices and auth sets.  Call with the state's lock held."""

    def __init__(self, state, clock, signer):
        self.state = state
        self.clock = clock
        self.signer = signer
        self.by_hash = {device["hash"]: key
                        for key, device in state.table("devices").items()}
        self.sets_of = {}  # device id -> ids of its auth sets
        self.set_by_key = {}  # (identity hash, key) -> auth set id
        for auth_set in state.table("auth_sets").values():
            self.index_set(auth_set)
        self.cached = {}  # device id -> raw token, when the setting token_cache is on
        self.on_device_gone = []  # called with the id
        self.on_decommission = []
        self.rate = {}  # device id -> times of its last requests
        self.polled = {}  # device id and what it asked -> when

    def routes(self):
        return [Route("POST", "/api/devices/v1/authentication/auth_requests",
                      self.auth_request, who="anyone")]

    # Documents and their indexes

    def index_set(self, auth_set):
        self.sets_of.setdefault(auth_set["device"], []).append(auth_set["id"])
        self.set_by_key[(auth_set["hash"], auth_set["pubkey"])] = auth_set["id"]

    def device(self, device_id):
        device = self.state.get("devices", device_id)
        if device and device.get("gone_at") and self.clock.now() >= device["gone_at"]:
            self.remove_device(device_id, with_sets=True)
            device = None
        return device

    def sets(self, device_id):
        return [self.state.get("auth_sets", key) for key in self.sets_of.get(device_id, ())]

    def find_device(self, identity_hash):
        return self.device(self.by_hash.get(identity_hash, ""))

    def find_set(self, identity_hash, pubkey):
        key = self.set_by_key.get((identity_hash, pubkey))
        return self.state.get("auth_sets", key) if key else None

    def add_device(self, value, identity_hash, status):
        now = self.clock.stamp()
        device = {"id": new_id(), "identity_data": value, "hash": identity_hash,
                  "status": status, "decommissioning": False, "created_ts": now,
                  "updated_ts": now, "check_in_time": None}
        self.by_hash[identity_hash] = device["id"]
        return self.state.put("devices", device["id"], device)

    def add_set(self, device_id, value, identity_hash, pubkey, status):
        auth_set = {"id": new_id(), "device": device_id, "identity_data": value,
                    "hash": identity_hash, "pubkey": pubkey, "ts": self.clock.stamp(),
                    "status": status}
        self.index_set(auth_set)
        return self.state.put("auth_sets", auth_set["id"], auth_set)

    def remove_set(self, auth_set):
        self.sets_of[auth_set["device"]].remove(auth_set["id"])
        self.set_by_key.pop((auth_set["hash"], auth_set["pubkey"]))
        self.state.drop("auth_sets", auth_set["id"])

    def remove_device(self, device_id, with_sets):
        """Forget a device.  Without its sets they stay behind as orphans: so does the real
        server when a preauthorised set is deleted."""
        device = self.state.get("devices", device_id)
        if with_sets:
            for auth_set in self.sets(device_id):
                self.remove_set(auth_set)
            self.drop_tokens(device_id)
        if device:
            self.by_hash.pop(device["hash"], None)
            self.state.drop("devices", device_id)
        for call in self.on_device_gone:
            call(device_id)

    def drop_tokens(self, device_id):
        gone = [key for key, row in self.state.table("tokens").items()
                if row["device"] == device_id]
        for key in gone:
            self.state.drop("tokens", key)

    def set_status(self, auth_set, status):
        auth_set["status"] = status
        self.state.put("auth_sets", auth_set["id"], auth_set)

    def purge_expired_devices(self):
        for device_id in list(self.state.table("devices")):
            self.device(device_id)

    # Status

    def aggregate(self, device_id):
        """The status its sets give a device; NotFound without sets, 500 when the sets
        contradict each other."""
        statuses = [auth_set["status"] for auth_set in self.sets(device_id)]
        if not statuses:
            raise NotFound
        if statuses.count(PREAUTHORIZED) > 1 or statuses.count(ACCEPTED) > 1:
            raise Refusal(500, "internal error")
        for status in (ACCEPTED, PREAUTHORIZED, PENDING, REJECTED):
            if status in statuses:
                return status
        return NOAUTH

    def update_device_status(self, device_id, status, before):
        """Write a device's status down, after its sets changed: status, or what the sets give
        when that is None.  Runs after the change, which stays when this fails."""
        found = failure = None
        try:
            found = self.aggregate(device_id)
        except NotFound:
            found = None
        except Refusal as refusal:
            failure = refusal
        if failure is None and found == before:
            return
        if status is None:
            if failure:
                raise failure
            status = found or NOAUTH
        device = self.device(device_id)
        if device is None:
            raise Refusal(500, "internal error")
        device["status"] = status
        device["updated_ts"] = self.clock.stamp()
        self.state.put("devices", device_id, device)

    def reject_accepted(self, device_id):
        """Displace: rows of tokens stay, so an old token lives again with its set."""
        for auth_set in self.sets(device_id):
            if auth_set["status"] == ACCEPTED:
                self.set_status(auth_set, REJECTED)

    def may_accept(self):
        limit = self.state.setting("max_devices", -1)
        if limit < 0:
            return True
        accepted = sum(device["status"] == ACCEPTED
                       for device in self.state.table("devices").values())
        return accepted + 1 <= limit

    # Authentication

    def auth_request(self, request):
        body = parse_object(request.body)
        for field in ("id_data", "pubkey"):
            if not isinstance(body.get(field), str) or not body[field]:
                raise Refusal(400, "invalid auth request: %s must be provided" % field)
        for field in ("tenant_token", "tier"):
            if not isinstance(body.get(field, ""), (str, type(None))):
                raise Refusal(400, "failed to decode auth request: %s is no string" % field)
        try:
            key, pubkey = canonical_key(body["pubkey"])
        except ValueError as error:
            raise Refusal(400, "invalid auth request: %s" % error) from None
        identity = parse_identity(body["id_data"])
        signature = request.header("x-men-signature", "")
        if not signature:
            raise Refusal(400, "missing request signature header")
        token, device_id = self.authenticate(identity, pubkey)
        # The real server judges the signature last: a bad one has all the side effects.
        if not signature_fits(key, signature, request.body):
            raise Refusal(401, "signature verification failed")
        request.device = device_id
        return Answer(200, token.encode(), content_type="application/jwt")

    def authenticate(self, identity, pubkey):
        """(token, device id) for an accepted pair; 401 for everything else."""
        value, _, identity_hash = identity
        self.find_device(identity_hash)  # lets a finished decommissioning take effect
        auth_set = self.find_set(identity_hash, pubkey)
        if auth_set and auth_set["status"] == PREAUTHORIZED:
            self.accept_preauthorized(auth_set)
        else:
            auth_set = self.note_request(value, identity_hash, pubkey)
        if auth_set["status"] != ACCEPTED:
            raise Refusal(401, "dev auth: unauthorized")
        return self.issue(auth_set), auth_set["device"]

    def accept_preauthorized(self, auth_set):
        device = self.device(auth_set["device"])
        if device is None:
            raise Refusal(500, "internal error")
        if device["decommissioning"]:
            raise Refusal(401, "dev auth: unauthorized")
        if device["status"] != ACCEPTED and not self.may_accept():
            raise Refusal(401, "unauthorized")
        before = device["status"]
        self.reject_accepted(device["id"])
        self.set_status(auth_set, ACCEPTED)
        self.update_device_status(device["id"], ACCEPTED, before)

    def note_request(self, value, identity_hash, pubkey):
        device = (self.find_device(identity_hash)
                  or self.add_device(value, identity_hash, PENDING))
        if device["decommissioning"]:
            raise Refusal(401, "dev auth: unauthorized")
        auth_set = self.find_set(identity_hash, pubkey)
        if auth_set is None:
            auth_set = self.add_set(device["id"], value, identity_hash, pubkey, PENDING)
        self.update_device_status(device["id"], None, device["status"])
        return auth_set

    def issue(self, auth_set):
        now = self.clock.now()
        claims = {"jti": auth_set["id"], "sub": auth_set["device"], "iss": "Mender",
                  "iat": int(now), "exp": int(now + self.state.setting("token_seconds",
                                                                       TOKEN_SECONDS)),
                  "mender.device": True, "mender.plan": "enterprise", "mender.trial": False}
        self.state.put("tokens", auth_set["id"], {"device": auth_set["device"]})
        self.checked_in(auth_set["device"])
        return self.signer.sign(claims)

    def checked_in(self, device_id):
        device = self.device(device_id)
        if device:
            device["check_in_time"] = self.clock.stamp()
            self.state.put("devices", device_id, device)

    # Verification of tokens, as the gateway asks for it

    def guard(self, request):
        """Admit a device's request, or refuse: 401 for invalid, 403 for expired tokens."""
        scheme, _, token = request.header("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise Refusal(401, "Authorization not present in header")
        claims = self.signer.read(token)
        if claims is None or not claims.get("mender.device"):
            raise Refusal(401, "jwt: token invalid")
        device_id, jti = claims["sub"], claims["jti"]
        if self.state.setting("token_cache", False) and self.cached.get(device_id) == token:
            if claims["exp"] > self.clock.now():
                self.admit(request, device_id, jti)
                return
        self.verify(claims, device_id, jti)
        self.cached[device_id] = token
        self.admit(request, device_id, jti)

    def verify(self, claims, device_id, jti):
        if claims["exp"] <= self.clock.now():
            if self.state.get("tokens", jti) is None:
                raise Refusal(401, "token not found")
            self.state.drop("tokens", jti)  # also the row of a fresh token of this set
            raise Refusal(403, "jwt: token expired")
        auth_set = self.state.get("auth_sets", jti)
        if self.state.get("tokens", jti) is None or auth_set is None:
            raise Refusal(401, "token not found")
        if auth_set["status"] != ACCEPTED:
            raise Refusal(401, "jwt: token invalid")
        device = self.device(device_id)
        if device is None:
            raise Refusal(500, "internal error")
        if device["decommissioning"]:
            raise Refusal(401, "jwt: token invalid")

    def admit(self, request, device_id, jti):
        request.device, request.auth_set = device_id, jti
        self.checked_in(device_id)
        self.limit_rate(request)
        self.limit_polling(request)

    def limit_polling(self, request):
        """Hosted Mender's limit: so many seconds between two questions, or two inventories."""
        for ending, setting in (("/next", "next_every"), ("/attributes", "inventory_every")):
            gap = self.state.setting(setting, 0)
            if not gap or not request.path.endswith(ending):
                continue
            key = request.device + ending
            wait = self.polled.get(key, 0) + gap - self.clock.now()
            if wait > 0:
                raise Refusal(429, "too many requests", [("Retry-After", str(int(wait) + 1))])
            self.polled[key] = self.clock.now()

    def limit_rate(self, request):
        """The optional limit of requests per device and minute."""
        limit = self.state.setting("requests_per_minute", 0)
        if not limit:
            return
        now = self.clock.now()
        times = self.rate.setdefault(request.device, [])
        times[:] = [then for then in times if then > now - 60]
        if len(times) >= limit:
            wait = max(1, int(times[0] + 60 - now + 0.999))
            raise Refusal(429, "too many requests", [("Retry-After", str(wait))])
        times.append(now)

    def forget_cached(self, device_id):
        self.cached.pop(device_id, None)
