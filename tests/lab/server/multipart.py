"""multipart/form-data, read part by part from a file; each part's content on disk, not in
memory."""

import re
import tempfile

from .wire import Refusal

LINE_MAX = 1 << 16
SPOOL_BYTES = 1 << 20


def boundary_of(content_type):
    found = re.search(r'boundary="?([^";]+)"?', content_type)
    if not found:
        raise Refusal(400, "no multipart boundary param in Content-Type")
    return found.group(1).encode()


def parts(file, content_type):
    """Yield (name, content file) in order; Refusal 400 when the body is malformed."""
    delimiter = b"--" + boundary_of(content_type)
    line = file.readline(LINE_MAX)
    while line and line.rstrip(b"\r\n") != delimiter:
        line = file.readline(LINE_MAX)
    if not line:
        raise Refusal(400, "multipart: NextPart: EOF")
    last = False
    while not last:
        name = read_headers(file)
        content, last = read_content(file, delimiter)
        yield name, content


def read_headers(file):
    name = ""
    while True:
        line = file.readline(LINE_MAX)
        if not line:
            raise Refusal(400, "multipart: unexpected EOF")
        if line in (b"\r\n", b"\n"):
            return name
        found = re.match(rb'content-disposition:.*[; ]name="?([^";\r\n]+)"?', line, re.I)
        if found:
            name = found.group(1).decode("latin-1").lower()


def read_content(file, delimiter):
    """(content, whether it was the last part).  The line end before a delimiter is not
    content."""
    content = tempfile.SpooledTemporaryFile(max_size=SPOOL_BYTES)
    held = b""
    while True:
        line = file.readline(LINE_MAX)
        if not line:
            raise Refusal(400, "multipart: unexpected EOF")
        stripped = line.rstrip(b"\r\n")
        if held[-1:] in (b"\n", b"") and stripped in (delimiter, delimiter + b"--"):
            if held.endswith(b"\r\n"):
                held = held[:-2]
            content.write(held)
            content.seek(0)
            return content, stripped != delimiter
        content.write(held)
        held = line
