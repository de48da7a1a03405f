"""One JSON line per request, for tests to read.

{n, time, method, path, query, headers, body, status, device, answer, fault}: headers are those
that matter to the protocol; a JSON body is given parsed, another as its SHA-256 and length; a
token appears as the first hex digits of its SHA-256, so that reuse shows and nothing leaks.
"""

import hashlib
import json
import os
import threading

HEADERS = ("content-type", "content-length", "transfer-encoding", "authorization",
           "x-men-signature", "range", "user-agent", "accept-encoding", "expect")
PARSED_MAX = 1 << 20  # bytes


def short_hash(text):
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def shown_headers(request):
    shown = {name: request.headers[name] for name in HEADERS if name in request.headers}
    if "authorization" in shown:
        scheme, _, secret = shown["authorization"].partition(" ")
        shown["authorization"] = (scheme + " " + short_hash(secret)) if secret else scheme
    if "x-men-signature" in shown:
        shown["x-men-signature"] = short_hash(shown["x-men-signature"])
    return shown


def shown_body(body, content_type):
    if not body:
        return None
    if len(body) <= PARSED_MAX and "jwt" not in content_type:
        try:
            return json.loads(body)
        except ValueError:
            pass
    return {"sha256": hashlib.sha256(body).hexdigest(), "len": len(body)}


def shown_answer(answer):
    if answer.file:
        return {"len": answer.length()}
    content_type = dict(answer.headers).get("Content-Type", "")
    return shown_body(answer.body, content_type)


class RequestLog:
    def __init__(self, path):
        self.lock = threading.Lock()
        self.number = 0
        if os.path.exists(path):
            with open(path, "rb") as file:
                self.number = sum(1 for _ in file)
        self.file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def add(self, request, answer, reset):
        """Write the line of a request; before its answer is sent, so that who has the answer
        finds the line."""
        line = {"time": round(request.time, 4), "method": request.method, "path": request.path,
                "query": {key: values[0] if len(values) == 1 else values
                          for key, values in request.query.items()},
                "headers": shown_headers(request),
                "body": shown_body(request.body, request.header("content-type", "")),
                "status": None if reset else answer.status, "device": request.device}
        if request.path.startswith("/api/management/"):
            line["user"] = request.user
        if not reset:
            line["answer"] = shown_answer(answer)
        if request.fault:
            line["fault"] = request.fault["id"]
        with self.lock:
            self.number += 1
            text = json.dumps(dict(n=self.number, **line), ensure_ascii=False) + "\n"
            os.write(self.file, text.encode())
