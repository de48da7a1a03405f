"""A TUF repository behind a real nginx, over HTTPS.

What is signed comes from tests/tuf_repository.py, or from anything else that makes a static
tree with metadata/ and targets/; nginx gives it away and writes down what it gave.
"""

import hashlib
import os
import shutil
import socket
import subprocess

from .home import LabError

CONFIGURATION = """\
daemon off;
%(user)s
worker_processes 1;
pid %(directory)s/nginx.pid;
error_log %(directory)s/error.log;
events { worker_connections 256; }
http {
	access_log off;
	client_body_temp_path %(directory)s/tmp;
	proxy_temp_path %(directory)s/tmp;
	fastcgi_temp_path %(directory)s/tmp;
	uwsgi_temp_path %(directory)s/tmp;
	scgi_temp_path %(directory)s/tmp;
	default_type application/octet-stream;
	log_format line '$status $body_bytes_sent $uri';
	server {
		listen 127.0.0.1:%(port)d ssl;
		ssl_certificate %(directory)s/cert.pem;
		ssl_certificate_key %(directory)s/key.pem;
		access_log %(directory)s/access.log line;
		root %(directory)s/www;
		%(trouble)s
	}
}
"""


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


class RepositorySide:
    def __init__(self, home, name="repository"):
        self.home, self.name = home, name
        self.directory = home.ensure(name)
        home.ensure(name, "tmp")
        self.tree = home.ensure(name, "www", "tuf")
        self.port = free_port()
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ed25519", "-nodes", "-days", "2",
             "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1",
             "-keyout", self.path("key.pem"), "-out", self.path("cert.pem")],
            check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.url = "https://127.0.0.1:%d/tuf" % self.port
        self.start()

    def path(self, *names):
        return self.home.path(self.name, *names)

    def start(self, trouble=""):
        """Nginx, with more of its configuration."""
        nginx = shutil.which("nginx", path="/usr/sbin:/usr/bin:" + os.environ["PATH"])
        if nginx is None:
            raise LabError("there is no nginx: sh tests/setup.sh")
        # Its workers must be able to read a directory that is ours alone.
        user = "user root;" if os.geteuid() == 0 else ""
        with open(self.path("nginx.conf"), "w", encoding="utf-8") as file:
            file.write(CONFIGURATION % {"directory": self.directory, "port": self.port,
                                        "user": user, "trouble": trouble})
        self.home.start(self.name, [nginx, "-p", self.directory, "-c", self.path("nginx.conf"),
                                    "-e", self.path("error.log")], ready=self.answers)

    def answers(self):
        with socket.socket() as one:
            return one.connect_ex(("127.0.0.1", self.port)) == 0

    def trouble(self, text):
        """Restart it, with these lines in its server block."""
        self.stop()
        self.start(text)

    def stop(self):
        self.home.stop(self.name)

    # What it serves

    def write(self, name, content):
        """Replace a file below the tree."""
        path = os.path.join(self.tree, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path + ".new", "wb") as file:
            file.write(content)
        os.rename(path + ".new", path)

    def publish(self, repository):
        """Everything that a tests/tuf_repository.Repository serves, and nothing else."""
        shutil.rmtree(self.tree)
        consistent = repository.signed["root"]["consistent_snapshot"]
        for name, content in repository.served.items():
            if consistent and name in ("snapshot.json", "targets.json"):
                continue
            self.write("metadata/" + name, content)
        for path, content in repository.files.items():
            if consistent:
                directory, slash, base = path.rpartition("/")
                digest = hashlib.sha256(content).hexdigest()
                path = directory + slash + digest + "." + base
            self.write("targets/" + path, content)

    def configure(self, home, repository, root="1.root.json", name="fleet"):
        """The courier whose COURIER_HOME is HOME knows of it, and trusts that root."""
        path = os.path.join(home, "courier.conf")
        with open(path, encoding="utf-8") as file:
            text = file.read().split("[repository %s]" % name)[0]
        with open(path, "w", encoding="utf-8") as file:
            file.write(text + "[repository %s]\nurl = %s\nroot = %s.json\nca = %s\n" % (
                name, self.url, name, self.path("cert.pem")))
        with open(os.path.join(home, name + ".json"), "wb") as file:
            file.write(repository.served[root])

    # What it was asked for

    def mark(self):
        return len(self.lines())

    def lines(self, since=0):
        """(status, bytes, path below the tree)."""
        try:
            with open(self.path("access.log"), encoding="utf-8") as file:
                rows = [line.split() for line in file]
        except FileNotFoundError:
            rows = []
        return [(int(row[0]), int(row[1]), row[2].replace("/tuf/", "", 1))
                for row in rows[since:]]

    def given(self, since=0):
        """Names of the files it gave."""
        return [path for status, _, path in self.lines(since) if status == 200]
