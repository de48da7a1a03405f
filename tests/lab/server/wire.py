"""How values travel: JSON as Go writes and reads it, identity data in canonical form."""

import hashlib
import json
import re
import uuid

GO_ESCAPES = {"&": "\\u0026", "<": "\\u003c", ">": "\\u003e",
              "\u2028": "\\u2028", "\u2029": "\\u2029"}
GO_SPECIAL = re.compile("[&<>\u2028\u2029]")


class Refusal(Exception):
    """The answer is an error: status and the sentence for its JSON body."""

    def __init__(self, status, message, headers=(), body=None):
        super().__init__(message)
        self.status = status
        self.message = message
        self.headers = tuple(headers)
        self.body = body


def go_json(value):
    """Bytes of value as encoding/json writes them: no blanks, & < > escaped."""
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    return GO_SPECIAL.sub(lambda found: GO_ESCAPES[found.group()], text).encode()


def refuse_constant(name):
    raise ValueError("%s is not JSON" % name)


def parse_json(body):
    """The value of a JSON text (bytes or str); Refusal 400 when it is not one."""
    try:
        if isinstance(body, bytes):
            body = body.decode("utf-8")
        return json.loads(body, parse_constant=refuse_constant)
    except (ValueError, RecursionError) as error:
        raise Refusal(400, "failed to decode request body: %s" % error) from None


def parse_object(body):
    value = parse_json(body)
    if not isinstance(value, dict):
        raise Refusal(400, "failed to decode request body: not an object")
    return value


def float_numbers(value):
    """Numbers as Go's float64 sees them, so that 1 and 1.0 are the same value."""
    if isinstance(value, dict):
        return {key: float_numbers(item) for key, item in value.items()}
    if isinstance(value, list):
        return [float_numbers(item) for item in value]
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return int(value)
    return value


def sorted_keys(value):
    if isinstance(value, dict):
        return {key: sorted_keys(value[key]) for key in sorted(value)}
    if isinstance(value, list):
        return [sorted_keys(item) for item in value]
    return value


def canonical_identity(identity):
    """(text, SHA-256 in hex) of identity data, with sorted keys."""
    text = go_json(sorted_keys(float_numbers(identity))).decode()
    return text, hashlib.sha256(text.encode()).hexdigest()


def new_id():
    return str(uuid.uuid4())


UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\Z", re.I)


def is_uuid(text):
    return bool(UUID.match(text))
