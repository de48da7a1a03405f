"""Artifacts and their download URLs."""

import os
import re

from labtool.client import DEPLOYMENTS, Failed

from . import ArtifactCase

ARTIFACTS = DEPLOYMENTS + "/artifacts"


class Upload(ArtifactCase):
    def test_what_the_header_says_is_listed(self):
        name = self.upload(device_types=("a", "b"), counter=7, signed_by="rsa")
        found = self.admin.must("GET", "%s/%s" % (ARTIFACTS, self.artifact_id)).json()
        self.assertEqual((found["name"], found["signed"]), (name, True))
        self.assertEqual(found["device_types_compatible"], ["a", "b"])
        self.assertEqual(found["artifact_provides"]["courier.counter"], "7")
        self.assertEqual(found["updates"][0]["type_info"], {"type": "file"})
        self.assertEqual(found["size"], os.path.getsize(self.artifact_path))

    def test_every_compression(self):
        for compression in ("none", "gzip", "lzma"):
            self.upload(extra=("--compression", compression), size=100000)

    def test_every_signature(self):
        for key in ("rsa", "p256", "ed25519"):
            self.upload(signed_by=key)

    def test_a_broken_file_is_400(self):
        self.upload(size=3000, extra=("--compression", "none"))
        with open(self.artifact_path, "rb") as file:
            data = file.read()
        at = data.rindex(data[data.index(b"data/0000.tar") + 1600 :][:16])
        broken = (b"not a tar", data[:4000], data[:at] + b"\0" + data[at + 1 :],
                  data.replace(b'"version":3', b'"version":2'))
        for number, content in enumerate(broken):
            path = self.home.path("broken-%d.mender" % number)
            with open(path, "wb") as out:
                out.write(content)
            with self.subTest(number), self.assertRaisesRegex(Failed, ": 400 "):
                self.admin.upload(path)

    def test_the_same_name_and_depends_is_409(self):
        name = self.upload()
        with self.assertRaisesRegex(Failed, ": 409 "):
            self.upload(name)
        self.upload(name, device_types=("otherbox",))

    def test_too_large_is_413(self):
        with self.setting(image_max=1000), self.assertRaisesRegex(Failed, ": 413 "):
            self.upload()

    def test_a_given_id_is_kept(self):
        self.upload()
        given = "00000000-0000-4000-8000-00000000abcd"
        self.admin.must("DELETE", "%s/%s" % (ARTIFACTS, self.artifact_id))
        self.assertEqual(self.admin.upload(self.artifact_path, given), given)

    def test_one_in_use_cannot_be_deleted(self):
        device = self.accepted()
        deployment = self.deploy(device)
        target = "%s/%s" % (ARTIFACTS, self.artifact_id)
        self.expect(409, self.admin.ask("DELETE", target))
        self.admin.abort(deployment)
        self.expect(204, self.admin.ask("DELETE", target))
        self.expect(404, self.admin.ask("GET", target))
        self.expect(400, self.admin.ask("GET", ARTIFACTS + "/nonsense"))

    def test_json_is_not_multipart(self):
        self.expect(415, self.admin.ask("POST", ARTIFACTS, {}))


class Download(ArtifactCase):
    def setUp(self):
        self.one = self.accepted()
        self.deployment = self.deploy(self.one)
        self.uri = self.offered(self.one)["artifact"]["source"]["uri"]
        with open(self.artifact_path, "rb") as file:
            self.data = file.read()

    def get(self, **headers):
        return self.one.request("GET", self.uri, headers=headers)

    def test_no_token_is_asked_for_and_none_is_taken(self):
        self.assertEqual(self.expect(200, self.get()).body, self.data)
        self.expect(400, self.get(Authorization="Bearer " + self.one.token))

    def test_ranges(self):
        total = len(self.data)
        for text, first, last in (("bytes=100-", 100, total - 1), ("bytes=0-0", 0, 0),
                                  ("bytes=10-19", 10, 19), ("bytes=-5", total - 5, total - 1),
                                  ("bytes=0-999999999", 0, total - 1)):
            reply = self.expect(206, self.get(Range=text))
            self.assertEqual(reply.body, self.data[first : last + 1])
            self.assertEqual(reply.headers["Content-Range"],
                             "bytes %d-%d/%d" % (first, last, total))
        reply = self.expect(416, self.get(Range="bytes=%d-" % total))
        self.assertEqual(reply.headers["Content-Range"], "bytes */%d" % total)

    def test_24_hours_then_403_and_next_gives_another(self):
        self.advance(86400 - 60)
        self.expect(200, self.get())
        self.advance(61)
        self.assertIn(b"Request has expired", self.expect(403, self.get()).body)
        self.uri = self.offered(self.one)["artifact"]["source"]["uri"]
        self.expect(200, self.get())

    def test_the_url_outlives_the_revocation(self):
        self.move(self.one, "rejected")
        self.assertEqual(self.alive(self.one), 401)
        self.expect(200, self.get())

    def test_only_get_and_only_as_signed(self):
        self.expect(403, self.one.request("HEAD", self.uri))
        self.uri = re.sub("X-Amz-Expires=[0-9]+", "X-Amz-Expires=999999", self.uri)
        self.expect(403, self.get())
        self.uri = self.uri.split("?")[0]
        self.expect(403, self.get())

    def test_users_get_a_short_lived_url(self):
        link = self.admin.must("GET", "%s/%s/download" % (ARTIFACTS, self.artifact_id)).json()
        self.uri = link["uri"]
        self.expect(200, self.get())
        self.advance(901)
        self.expect(403, self.get())
