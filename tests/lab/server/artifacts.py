"""Artifacts: upload, listing, and the presigned URLs they are fetched by.

The URLs look and behave like those of an S3 store: nobody asks for a token there, so a URL
outlives the revocation of who got it; it knows one method and one expiry.
"""

import calendar
import hashlib
import hmac
import os
import re
import secrets
import shutil
import time
import urllib.parse

from . import mender_file, multipart
from .gateway import MULTIPART, Route, empty, json_answer, page_of
from .web import Answer
from .wire import Refusal, is_uuid, new_id

BASE = "/api/management/v1/deployments/artifacts"
STORE = "/mender-artifact-storage"
DEVICE_URL_SECONDS = 86400  # for devices, not configurable
USER_URL_SECONDS = 900
FORM_VALUE_MAX = 4096  # bytes
IMAGE_MAX = 10 << 30  # bytes
CONTENT_TYPE = "application/vnd.mender-artifact"


def store_error(status, code, message):
    body = ('<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>%s</Code><Message>%s'
            "</Message></Error>" % (code, message))
    return Refusal(status, message, body=body.encode())


class Artifacts:
    def __init__(self, state, clock, directory):
        self.state = state
        self.clock = clock
        self.directory = directory
        os.makedirs(directory, exist_ok=True)
        self.origin = ""  # set when the port is known
        self.is_in_use = lambda artifact_id: False  # set by deployments
        self.on_upload = []
        self.secret = state.setting("url_secret")
        if self.secret is None:
            self.secret = secrets.token_hex(32)
            state.set_setting("url_secret", self.secret)

    def routes(self):
        one = BASE + "/([^/]+)"
        table = [
            Route("POST", BASE, self.upload, who="user", types=MULTIPART, limit=None),
            Route("GET", BASE, self.list_all, who="user"),
            Route("GET", BASE + "/list", self.list_page, who="user"),
            Route("GET", one, self.show, who="user"),
            Route("GET", one + "/download", self.download_link, who="user"),
            Route("DELETE", one, self.delete, who="user"),
        ]
        for method in ("GET", "HEAD", "PUT", "POST"):
            table.append(Route(method, STORE + "/([^/]+)", self.fetch, who="anyone",
                               types=None))
        return table

    def path(self, artifact_id):
        return os.path.join(self.directory, artifact_id)

    # Upload

    def upload(self, request):
        artifact_id, description, size, file = self.read_form(request)
        try:
            info = mender_file.read(file)
        except mender_file.BadArtifact as error:
            raise Refusal(400, str(error)) from None
        file.seek(0, os.SEEK_END)
        length = file.tell()
        if size and size != length:
            raise Refusal(400, "unexpected EOF")
        with self.state.lock:
            try:
                return self.store(request, artifact_id, description, file, length, info)
            finally:
                self.state.commit()

    def read_form(self, request):
        values = {"description": "", "size": "", "artifact_id": ""}
        content_type = request.header("content-type", "")
        for name, content in multipart.parts(request.upload, content_type):
            if name == "artifact":
                return (values["artifact_id"] or new_id(), values["description"],
                        self.parse_size(values["size"]), content)
            if name in values:
                data = content.read(FORM_VALUE_MAX + 1)
                if len(data) > FORM_VALUE_MAX:
                    raise Refusal(400, "failed to read form value '%s'" % name)
                values[name] = data.decode("utf-8", "replace")
                if name == "artifact_id" and not is_uuid(values[name]):
                    raise Refusal(400, "artifact_id is not a valid UUID")
        raise Refusal(400, "request does not contain artifact")

    def parse_size(self, text):
        if not text:
            return 0
        if not text.isdigit():
            raise Refusal(400, "size: not a number")
        if int(text) > self.state.setting("image_max", IMAGE_MAX):
            raise Refusal(413, "artifact file too large")
        return int(text)

    def store(self, request, artifact_id, description, file, length, info):
        if length > self.state.setting("image_max", IMAGE_MAX):
            raise Refusal(413, "artifact file too large")
        if self.state.get("artifacts", artifact_id):
            raise Refusal(409, "An artifact with the same id exists")
        for other in self.by_name(info["name"]):
            if self.overlap(other, info):
                raise Refusal(409, "An artifact with the same name has conflicting "
                                   "depends.")
        file.seek(0)
        with open(self.path(artifact_id) + ".part", "wb") as out:
            shutil.copyfileobj(file, out)
        os.rename(self.path(artifact_id) + ".part", self.path(artifact_id))
        document = dict(info, id=artifact_id, description=description, size=length,
                        modified=self.clock.stamp(),
                        info={"format": "mender", "version": 3})
        self.state.put("artifacts", artifact_id, document)
        for call in self.on_upload:
            call(document)
        answer = empty(201)
        answer.headers.append(("Location", request.path + "/" + artifact_id))
        return answer

    def overlap(self, one, other):
        def rest(info):
            return {key: value for key, value in info["artifact_depends"].items()
                    if key != "device_type"}
        types = set(one["device_types_compatible"]) & set(other["device_types_compatible"])
        return bool(types) and rest(one) == rest(other)

    def by_name(self, name):
        return [artifact for artifact in self.state.table("artifacts").values()
                if artifact["name"] == name]

    # Reading

    def selected(self, request):
        wanted = {"name": request.first("name"), "description": request.first("description")}
        device_type = request.first("device_type")
        return [artifact for artifact in self.state.table("artifacts").values()
                if all(value in (None, artifact[key]) for key, value in wanted.items())
                and device_type in (None, *artifact["device_types_compatible"])]

    def list_all(self, request):
        return json_answer(self.selected(request))

    def list_page(self, request):
        page, headers = page_of(request, self.selected(request), total=True)
        return json_answer(page, headers=headers)

    def known(self, artifact_id):
        if not is_uuid(artifact_id):
            raise Refusal(400, "ID is not a valid UUID")
        artifact = self.state.get("artifacts", artifact_id)
        if artifact is None:
            raise Refusal(404, "Resource not found")
        return artifact

    def show(self, request):
        return json_answer(self.known(request.parts[0]))

    def download_link(self, request):
        artifact = self.known(request.parts[0])
        return json_answer(self.link(artifact, USER_URL_SECONDS))

    def delete(self, request):
        artifact = self.known(request.parts[0])
        if self.is_in_use(artifact["id"]):
            raise Refusal(409, "Artifact is used in active deployment")
        self.state.drop("artifacts", artifact["id"])
        os.unlink(self.path(artifact["id"]))
        return empty()

    # Presigned URLs

    def link(self, artifact, seconds=DEVICE_URL_SECONDS):
        """{uri, expire, method}: a URL that fetches the artifact for that long."""
        now = self.clock.now()
        query = [
            ("X-Amz-Algorithm", "AWS4-HMAC-SHA256"),
            ("X-Amz-Credential", "lab/%s/lab/s3/aws4_request"
             % time.strftime("%Y%m%d", time.gmtime(now))),
            ("X-Amz-Date", time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now))),
            ("X-Amz-Expires", str(seconds)),
            ("X-Amz-SignedHeaders", "host"),
            ("response-content-disposition",
             'attachment; filename="%s.mender"' % artifact["name"]),
            ("response-content-type", CONTENT_TYPE),
            ("x-id", "GetObject"),
        ]
        path = STORE + "/" + artifact["id"]
        query.append(("X-Amz-Signature", self.signature(path, query)))
        return {"uri": self.origin + path + "?" + urllib.parse.urlencode(query),
                "expire": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now + seconds)),
                "method": "GET"}

    def signature(self, path, query):
        text = path + "\n" + urllib.parse.urlencode(sorted(query))
        return hmac.new(self.secret.encode(), text.encode(), hashlib.sha256).hexdigest()

    def check_url(self, request):
        query = urllib.parse.parse_qsl(request.query_text, keep_blank_values=True)
        given = [value for key, value in query if key == "X-Amz-Signature"]
        rest = [pair for pair in query if pair[0] != "X-Amz-Signature"]
        if "authorization" in request.headers:
            raise store_error(400, "InvalidArgument", "Only one auth mechanism allowed")
        values = dict(rest)
        if not given or not {"X-Amz-Date", "X-Amz-Expires"} <= set(values):
            raise store_error(403, "AccessDenied", "Access Denied.")
        if request.method != "GET" or not hmac.compare_digest(
                given[0], self.signature(request.path, rest)):
            raise store_error(403, "SignatureDoesNotMatch", "The request signature we "
                              "calculated does not match the signature you provided.")
        made = calendar.timegm(time.strptime(values["X-Amz-Date"], "%Y%m%dT%H%M%SZ"))
        expired = made + int(values["X-Amz-Expires"]) <= self.clock.now()
        if expired or (request.fault and request.fault["action"] == "expired"):
            raise store_error(403, "AccessDenied", "Request has expired")
        return values

    def fetch(self, request):
        values = self.check_url(request)
        artifact = self.state.get("artifacts", request.parts[0])
        if artifact is None:
            raise store_error(404, "NoSuchKey", "The specified key does not exist.")
        size = os.path.getsize(self.path(artifact["id"]))  # what lies there, good or not
        headers = [("Accept-Ranges", "bytes"),
                   ("ETag", '"%s"' % hashlib.md5(artifact["id"].encode()).hexdigest()),
                   ("Content-Disposition", values["response-content-disposition"])]
        first, last = self.wanted_range(request.header("range"), size)
        if first is None:
            return Answer(200, headers=headers, content_type=CONTENT_TYPE,
                          file=(self.path(artifact["id"]), 0, size))
        headers.append(("Content-Range", "bytes %d-%d/%d" % (first, last, size)))
        return Answer(206, headers=headers, content_type=CONTENT_TYPE,
                      file=(self.path(artifact["id"]), first, last - first + 1))

    def wanted_range(self, text, size):
        """(first, last) of a Range header, (None, None) without one that counts."""
        found = re.fullmatch(r"bytes=(\d*)-(\d*)", text or "")
        if not found or found.groups() == ("", ""):
            return None, None
        first, last = found.groups()
        if first == "":
            first, last = max(0, size - int(last)), size - 1
        else:
            first, last = int(first), min(int(last or size - 1), size - 1)
        if first > last:
            refusal = store_error(416, "InvalidRange", "The requested range is not satisfiable")
            refusal.headers = (("Content-Range", "bytes */%d" % size),)
            raise refusal
        return first, last
