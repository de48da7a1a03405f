"""Users of the management API: password login and personal access tokens."""

import base64
import binascii
import hashlib
import hmac
import secrets

from .clock import stamp
from .gateway import Route, empty, json_answer
from .web import Answer
from .wire import Refusal, new_id, parse_object

BASE = "/api/management/v1/useradm"
LOGIN_SECONDS = 604800
TOKEN_SECONDS_MAX = 31536000


def hashed(password, salt):
    return hashlib.pbkdf2_hmac("sha256", password.encode(), salt.encode(), 1000).hex()


class Users:
    def __init__(self, state, clock, signer):
        self.state = state
        self.clock = clock
        self.signer = signer

    def routes(self):
        tokens = BASE + "/settings/tokens"
        return [
            Route("POST", BASE + "/auth/login", self.login, who="anyone", types=None),
            Route("POST", BASE + "/auth/logout", self.logout, who="user", types=None),
            Route("POST", tokens, self.create_token, who="user"),
            Route("GET", tokens, self.list_tokens, who="user"),
            Route("DELETE", tokens + "/([^/]+)", self.delete_token, who="user"),
        ]

    def add_user(self, email, password):
        salt = secrets.token_hex(16)
        user = {"id": new_id(), "email": email, "salt": salt, "hash": hashed(password, salt)}
        return self.state.put("users", email, user)

    def issue(self, user, seconds, name=None):
        now = self.clock.now()
        row = {"id": new_id(), "user": user["id"], "name": name,
               "expires": now + seconds, "created_ts": self.clock.stamp()}
        self.state.put("user_tokens", row["id"], row)
        return self.signer.sign({"jti": row["id"], "sub": user["id"], "iss": "Mender",
                                 "iat": int(now), "exp": int(now + seconds),
                                 "scp": "mender.*", "mender.user": True})

    def guard(self, request):
        """Admit a user's request, or refuse with 401."""
        scheme, _, token = request.header("authorization", "").partition(" ")
        claims = self.signer.read(token) if scheme.lower() == "bearer" else None
        if not claims or not claims.get("mender.user"):
            raise Refusal(401, "unauthorized")
        row = self.state.get("user_tokens", claims["jti"])
        if row is None or row["expires"] <= self.clock.now():
            raise Refusal(401, "unauthorized")
        request.user = row["user"]
        request.user_token = row["id"]

    def login(self, request):
        scheme, _, credentials = request.header("authorization", "").partition(" ")
        try:
            text = base64.b64decode(credentials, validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            text = ""
        email, _, password = text.partition(":")
        user = self.state.get("users", email.lower())
        if scheme.lower() != "basic" or user is None or not hmac.compare_digest(
                hashed(password, user["salt"]), user["hash"]):
            raise Refusal(401, "unauthorized")
        return self.token_answer(self.issue(user, LOGIN_SECONDS))

    def token_answer(self, token):
        return Answer(200, token.encode(), content_type="application/jwt")

    def logout(self, request):
        self.state.drop("user_tokens", request.user_token)
        return empty(202)

    def create_token(self, request):
        body = parse_object(request.body)
        name, seconds = body.get("name"), body.get("expires_in", 0)
        if not isinstance(name, str) or not name:
            raise Refusal(400, "name: cannot be blank.")
        if type(seconds) is not int or not 0 <= seconds <= TOKEN_SECONDS_MAX:
            raise Refusal(400, "expires_in: must be no greater than %d." % TOKEN_SECONDS_MAX)
        if any(row["name"] == name for row in self.of_user(request.user)):
            raise Refusal(409, "Personal Access Token with a given name already exists")
        user = next(user for user in self.state.table("users").values()
                    if user["id"] == request.user)
        return self.token_answer(self.issue(user, seconds or TOKEN_SECONDS_MAX, name))

    def of_user(self, user_id):
        return [row for row in self.state.table("user_tokens").values()
                if row["user"] == user_id and row["name"] is not None]

    def list_tokens(self, request):
        return json_answer([{"id": row["id"], "name": row["name"],
                             "expiration_date": stamp(row["expires"]),
                             "created_ts": row["created_ts"]}
                            for row in self.of_user(request.user)])

    def delete_token(self, request):
        row = self.state.get("user_tokens", request.parts[0])
        if row is None or row["user"] != request.user:
            raise Refusal(404, "token not found")
        self.state.drop("user_tokens", row["id"])
        return empty()
