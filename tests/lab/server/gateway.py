"""The way of a request: token, size, content type, route, effect, answer.

The order is the real one: the gateway judges the token before any service sees the request, so
a bad token hides even a 404; a service judges size, then content type, then content.
"""

import re
import time
import traceback
from email.utils import formatdate
from urllib.parse import urlencode

from . import faults as fault_module
from .web import Answer
from .wire import Refusal, go_json, new_id

JSON_LIMIT = 1 << 20  # bytes
MULTIPART = ("multipart/form-data", "multipart/mixed")


class Route:
    def __init__(self, method, path, handler, who="device", types=("application/json",),
                 limit=JSON_LIMIT):
        self.method = method
        self.path = re.compile(path + r"\Z")
        self.handler = handler
        self.who = who  # "device", "user", or "anyone"
        self.types = types  # accepted content types; None = not checked
        self.limit = limit  # bytes; None = any size, spooled, handled outside the lock


def audience(path):
    """Who may ask, as the gateway sees it, before any route is known."""
    if re.match(r"/api/devices/v\d+/", path):
        return "device"
    if re.match(r"/api/management/v\d+/", path):
        return "user"
    return "anyone"


def check_type(request, accepted):
    """Content types are checked only when there is a Content-Length."""
    if accepted is None or request.content_length() == 0:
        return
    text = request.header("content-type", "")
    kind = text.split(";")[0].strip().lower()
    if not re.fullmatch(r"[!#$&^_.+\w-]+/[!#$&^_.+\w-]+", kind):
        raise Refusal(400, "mime: no media type" if not text else "mime: malformed media type")
    if kind not in accepted:
        raise Refusal(415, "content type %s not supported" % kind)


class Gateway:
    def __init__(self, state, clock, faults, log, guards):
        self.state = state
        self.clock = clock
        self.faults = faults
        self.log = log
        self.guards = guards  # {"device": check(request), "user": check(request)}
        self.routes = []

    def add_routes(self, routes):
        self.routes += routes

    def serve(self, request):
        """(answer, shape) for the connection to send."""
        route = self.find(request)
        admitted = self.prepare(request, route)
        fault = request.fault
        shape = fault_module.shape(fault)
        answer = admitted
        if answer is None and fault_module.applies(fault):
            answer = self.apply(request, route)
        answer = fault_module.instead(fault) or fault_module.changed(fault, answer)
        if fault and fault["action"] == "delay":
            time.sleep(float(fault["seconds"]))
        while fault and fault["action"] == "hold" and self.faults.holds(fault):
            time.sleep(0.02)
        answer.headers.insert(0, ("Date", formatdate(self.clock.now(), usegmt=True)))
        self.log.add(request, answer, "reset_before_answer" in shape)
        return answer, shape

    def find(self, request):
        for route in self.routes:
            found = route.path.match(request.path)
            if found and route.method == request.method:
                request.parts = found.groups()
                return route
        return None

    def prepare(self, request, route):
        """Judge token, size and type, and read the body.  An answer when that ends it."""
        refused = None
        try:
            with self.state.lock:
                try:
                    who = route.who if route else audience(request.path)
                    if who in self.guards:
                        self.guards[who](request)
                finally:
                    self.state.commit()
                    request.fault = self.faults.match(request)
        except Refusal as refusal:
            refused = refusal
        try:
            if route and route.limit is None and refused is None:
                request.spool_body()
            else:
                request.read_body(route.limit if route and route.limit else JSON_LIMIT)
            if refused is None and route:
                check_type(request, route.types)
        except Refusal as refusal:
            refused = refused or refusal
        return self.refusal_answer(refused) if refused else None

    def apply(self, request, route):
        try:
            if route is None:
                raise Refusal(404, "not found", body=b"404 page not found")
            if route.limit is None:
                return route.handler(request)
            with self.state.lock:
                try:
                    return route.handler(request)
                finally:
                    self.state.commit()
        except Refusal as refusal:
            return self.refusal_answer(refusal)
        except Exception:  # a bug of ours must not pass for a rule of the server
            traceback.print_exc()
            return self.refusal_answer(Refusal(500, "internal error"))

    def refusal_answer(self, refusal):
        if refusal.body is not None:
            kind = "text/plain" if refusal.body[:1] != b"<" else "application/xml"
            return Answer(refusal.status, refusal.body, refusal.headers, kind)
        body = go_json({"error": refusal.message, "request_id": new_id()})
        return Answer(refusal.status, body, refusal.headers, "application/json; charset=utf-8")


def json_answer(value, status=200, headers=()):
    return Answer(status, go_json(value), headers, "application/json; charset=utf-8")


def empty(status=204):
    return Answer(status)


def paging(request, default=20, most=500):
    """(page, per_page) of the query; 400 when they are not positive numbers."""
    numbers = []
    for name, fallback in (("page", 1), ("per_page", default)):
        text = request.first(name) or str(fallback)
        if not re.fullmatch(r"[+-]?\d+", text):
            raise Refusal(400, 'invalid %s query: "%s"' % (name, text))
        if int(text) < 1:
            raise Refusal(400, "invalid %s query: value must be a non-zero positive integer"
                          % name)
        numbers.append(int(text))
    if numbers[1] > most:
        raise Refusal(400, 'parameter "per_page" above limit (max: %d)' % most)
    return numbers


def page_of(request, items, total=False):
    """(the page asked for, its Link and count headers)."""
    page, per_page = paging(request)
    query = {key: values for key, values in request.query.items()}

    def link(number, relation):
        query.update(per_page=[str(per_page)], page=[str(number)])
        target = request.path + "?" + urlencode(sorted(query.items()), doseq=True)
        return ("Link", '<%s>; rel="%s"' % (target, relation))

    headers = [link(1, "first")]
    if page > 1:
        headers.append(link(page - 1, "prev"))
    if page * per_page < len(items):
        headers.append(link(page + 1, "next"))
    if total:
        if items:
            headers.append(link((len(items) - 1) // per_page + 1, "last"))
        headers.append(("X-Total-Count", str(len(items))))
    return items[(page - 1) * per_page : page * per_page], headers
