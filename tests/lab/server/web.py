"""HTTP/1.1 over TLS: requests in, answers out, one thread per connection.

Written out rather than taken from http.server, because faults need the socket: an answer may be
slow, short, or end in a reset.
"""

import os
import socket
import socketserver
import ssl
import struct
import tempfile
import time
import urllib.parse

from .wire import Refusal

LINE_MAX = 65536  # bytes
HEADERS_MAX = 200  # lines
IDLE_SECONDS = 300
DRAIN_MAX = 64 << 20  # bytes of an unwanted body read away, so that the answer arrives
SPOOL_BYTES = 1 << 20
PIECE = 65536

REASONS = {200: "OK", 201: "Created", 202: "Accepted", 204: "No Content",
           206: "Partial Content", 400: "Bad Request", 401: "Unauthorized", 403: "Forbidden",
           404: "Not Found", 405: "Method Not Allowed", 409: "Conflict", 412:
           "Precondition Failed", 413: "Request Entity Too Large", 415:
           "Unsupported Media Type", 416: "Requested Range Not Satisfiable", 422:
           "Unprocessable Entity", 429: "Too Many Requests", 500: "Internal Server Error", 502:
           "Bad Gateway", 503: "Service Unavailable", 504: "Gateway Timeout"}


class Closed(Exception):
    """The peer is gone, or speaks no HTTP."""


class Answer:
    def __init__(self, status, body=b"", headers=(), content_type=None, file=None):
        self.status = status
        self.body = body
        self.headers = list(headers)
        if content_type:
            self.headers.append(("Content-Type", content_type))
        self.file = file  # (path, first byte, length): sent instead of the body

    def length(self):
        return self.file[2] if self.file else len(self.body)

    def pieces(self):
        if not self.file:
            yield self.body
            return
        path, first, left = self.file
        with open(path, "rb") as source:
            source.seek(first)
            while left > 0:
                piece = source.read(min(PIECE, left))
                if not piece:
                    raise Closed("stored file is short")
                left -= len(piece)
                yield piece


class Request:
    """One request: its head at once, its body when asked for."""

    def __init__(self, reader, method, target, headers):
        self.reader = reader
        self.method = method
        self.target = target
        self.headers = headers
        self.path, _, self.query_text = target.partition("?")
        self.path = urllib.parse.unquote(self.path)
        self.query = urllib.parse.parse_qs(self.query_text, keep_blank_values=True)
        self.chunked = headers.get("transfer-encoding", "").lower() == "chunked"
        self.body = b""
        self.upload = None
        self.read_all = False
        self.device = None  # id, once authenticated as a device
        self.auth_set = None
        self.user = None
        self.fault = None
        self.parts = ()  # what the route's path expression captured
        self.time = time.time()

    def header(self, name, default=None):
        return self.headers.get(name.lower(), default)

    def first(self, name, default=None):
        return self.query.get(name, [default])[0]

    def content_length(self):
        if self.chunked:
            return 0
        text = self.headers.get("content-length", "0")
        if not text.isdigit():
            raise Closed("bad Content-Length")
        return int(text)

    def chunks(self):
        """The body's bytes, piece by piece; the caller consumes all of them."""
        if not self.chunked:
            left = self.content_length()
            while left > 0:
                piece = self.reader.read(min(PIECE, left))
                if not piece:
                    raise Closed("body ended early")
                left -= len(piece)
                yield piece
        else:
            yield from self.chunked_pieces()
        self.read_all = True

    def chunked_pieces(self):
        while True:
            size_text = self.reader.readline(LINE_MAX).split(b";")[0].strip()
            try:
                left = int(size_text, 16)
            except ValueError:
                raise Closed("bad chunk size") from None
            if left == 0:
                break
            while left > 0:
                piece = self.reader.read(min(PIECE, left))
                if not piece:
                    raise Closed("body ended early")
                left -= len(piece)
                yield piece
            self.reader.readline(LINE_MAX)
        while self.reader.readline(LINE_MAX).strip():
            pass  # trailers

    def read_body(self, limit):
        """Read a body of at most limit bytes; as the server does, 413 for a Content-Length
        beyond it and 400 for a chunked body that turns out too long."""
        if self.content_length() > limit:
            raise Refusal(413, "request body too large")
        collected = bytearray()
        length = 0
        for piece in self.chunks():
            length += len(piece)
            if length > DRAIN_MAX:
                raise Closed("endless body")
            if length <= limit:
                collected += piece
        if length > limit:
            raise Refusal(400, "http: request body too large")
        self.body = bytes(collected)

    def spool_body(self):
        """Read a body of any size into a temporary file."""
        self.upload = tempfile.SpooledTemporaryFile(max_size=SPOOL_BYTES)
        for piece in self.chunks():
            self.upload.write(piece)
        self.upload.seek(0)

    def drain(self):
        """Read away what is left of the body; False when that is too much."""
        if self.read_all:
            return True
        left = DRAIN_MAX
        for piece in self.chunks():
            left -= len(piece)
            if left < 0:
                return False
        return True


def read_request(reader):
    """The next request's head, or None when the peer closed in peace."""
    line = reader.readline(LINE_MAX)
    if not line:
        return None
    words = line.decode("latin-1").split()
    if len(words) != 3 or not words[2].startswith("HTTP/1."):
        raise Closed("not HTTP")
    headers = {}
    for _ in range(HEADERS_MAX):
        line = reader.readline(LINE_MAX)
        if line in (b"\r\n", b"\n"):
            break
        key, colon, value = line.decode("latin-1").partition(":")
        if not colon:
            raise Closed("bad header")
        headers[key.strip().lower()] = value.strip()
    else:
        raise Closed("too many headers")
    if words[2] == "HTTP/1.0":
        headers.setdefault("connection", "close")
    return Request(reader, words[0], words[1], headers)


class Connection(socketserver.BaseRequestHandler):
    """One client.  server.serve(request) gives (answer, shape)."""

    def handle(self):
        try:
            self.request.settimeout(IDLE_SECONDS)
            self.request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.socket = self.server.tls.wrap_socket(self.request, server_side=True)
            with self.socket.makefile("rb", 65536) as reader:
                while self.one_request(reader):
                    pass
                self.close()
        except (Closed, OSError, ValueError):
            self.finish_abruptly()

    def one_request(self, reader):
        request = read_request(reader)
        if request is None:
            return False
        if request.header("expect", "").lower() == "100-continue":
            self.socket.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        answer, shape = self.server.serve(request)
        if shape.get("reset_before_answer"):
            self.reset()
            return False
        closing = request.header("connection", "").lower() == "close" or not request.read_all
        if not self.send(answer, shape, closing, request.method == "HEAD"):
            return False
        if closing:
            request.drain()
        return not closing

    def send(self, answer, shape, closing, head_only):
        """Send the answer, impaired as the shape says; False when the connection is over."""
        lines = ["HTTP/1.1 %d %s" % (answer.status, REASONS.get(answer.status, "Status"))]
        lines += ["%s: %s" % header for header in answer.headers]
        if answer.status != 204:
            lines.append("Content-Length: %d" % answer.length())
        if closing:
            lines.append("Connection: close")
        head = ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")
        if head_only or answer.length() == 0:
            self.socket.sendall(head)
            return True
        if not shape and not answer.file:
            self.socket.sendall(head + answer.body)
            return True
        self.socket.sendall(head)
        return self.send_shaped(answer, shape)

    def send_shaped(self, answer, shape):
        left = shape.get("after_bytes", answer.length())
        rate = shape.get("bytes_per_second")
        step = max(1, min(PIECE, int(rate / 10))) if rate else PIECE
        for piece in answer.pieces():
            for at in range(0, len(piece), step):
                part = piece[at : at + min(step, left)]
                if rate:
                    time.sleep(len(part) / rate)
                self.socket.sendall(part)
                left -= len(part)
                if left <= 0 and "after_bytes" in shape:
                    self.cut(shape)
                    return False
        return True

    def cut(self, shape):
        if shape.get("how") == "reset":
            self.reset()

    def close(self):
        """Say goodbye in TLS, then close."""
        if self.socket.fileno() >= 0:
            self.socket.settimeout(1)
            try:
                self.socket.unwrap()
            except OSError:
                pass  # the peer said nothing in return
        self.socket.close()

    def reset(self):
        """Drop the connection with an RST."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        os.close(self.socket.detach())

    def finish_abruptly(self):
        try:
            getattr(self, "socket", self.request).close()
        except OSError:
            pass


class Server(socketserver.ThreadingMixIn, socketserver.TCPServer):
    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 1024

    def __init__(self, port, certificate, key, serve):
        self.serve = serve
        self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.tls.minimum_version = ssl.TLSVersion.TLSv1_2
        self.tls.load_cert_chain(certificate, key)
        super().__init__(("127.0.0.1", port), Connection)

    def handle_error(self, request, client_address):
        """Connections end how they end; the request log tells."""

    def shutdown_request(self, request):
        """The connection closed its socket itself."""
        try:
            request.close()
        except OSError:
            pass
