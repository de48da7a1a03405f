"""The fleet's keys and certificates, and the operator's bundle for a courier.

Made by the text of common/certificate.h, common/dsse.h and courier/control.h with
python3-cryptography: nothing of ours in C takes part, so that the two judge each other.

  fleet/   root, device-issuer, courier-issuer (.key .pem), crl.pem, fleet.json
"""

import base64
import datetime
import hashlib
import json
import os
import re
import time

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from server.pki import pem_private, write_private

from .home import LabError

ARC = "1.2.840.113556.1.8000.2554.46863.27958.62896.20089.47549.14110635.110891"
COURIER, DEVICE = x509.ObjectIdentifier(ARC + ".1"), x509.ObjectIdentifier(ARC + ".2")
TLS = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
ROLES = {"device": DEVICE, "courier": COURIER}
FOREVER = datetime.datetime(9999, 12, 31, 23, 59, 59)
DAY = datetime.timedelta(days=1)
CONTROL = "application/vnd.courier.control+json"
REQUEST = r"-----BEGIN CERTIFICATE REQUEST-----.*?-----END CERTIFICATE REQUEST-----\n"


def now():
    return datetime.datetime.utcnow().replace(microsecond=0)


def pem(block):
    return block.public_bytes(serialization.Encoding.PEM).decode()


def name(text):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def usage(sign=False, certify=False, revoke=False):
    return x509.KeyUsage(sign, False, False, False, False, certify, revoke, False, False)


def canonical(value):
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def requested_key(text):
    """The public key of the certificate request in a text, its signature verified."""
    found = re.search(REQUEST, text, re.DOTALL)
    if not found:
        raise LabError("no certificate request in: %s" % text[:200])
    request = x509.load_pem_x509_csr(found.group().encode())
    if not request.is_signature_valid:
        raise LabError("the request's signature is wrong")
    return request.public_key()


def envelope(key, kind, payload):
    """A DSSE envelope in its one form."""
    spki = key.public_key().public_bytes(serialization.Encoding.DER,
                                         serialization.PublicFormat.SubjectPublicKeyInfo)
    signed = b"DSSEv1 %d %s %d %s" % (len(kind), kind.encode(), len(payload), payload)
    return json.dumps({
        "payload": base64.standard_b64encode(payload).decode(),
        "payloadType": kind,
        "signatures": [{"keyid": hashlib.sha256(spki).hexdigest(),
                        "sig": base64.standard_b64encode(key.sign(signed)).decode()}],
    }, separators=(",", ":")).encode()


class Fleet:
    """One operator's authority.  facts: what it must remember, kept in fleet.json."""

    def __init__(self, home):
        self.home = home
        path = home.path("fleet", "fleet.json")
        self.facts = {"control": 0, "crl": 0, "revoked": []}
        if os.path.exists(path):
            self.facts = json.loads(home.read("fleet", "fleet.json"))

    def save(self):
        path = self.home.path("fleet", "fleet.json")
        with open(path + ".new", "w", encoding="utf-8") as out:
            json.dump(self.facts, out, indent=1)
        os.rename(path + ".new", path)

    # Authorities

    def make(self):
        """Root, the two issuers, CRL number 1; nothing where they are."""
        if self.facts["crl"]:
            return
        self.home.ensure("fleet")
        root = self.authority("root", None, None)
        for role in ROLES:
            self.authority(role + "-issuer", root, role)
        self.publish_crl()

    def authority(self, label, above, role):
        key = ed25519.Ed25519PrivateKey.generate()
        builder = (x509.CertificateBuilder().subject_name(name("lab " + label))
                   .issuer_name(above[1].subject if above else name("lab " + label))
                   .public_key(key.public_key()).serial_number(x509.random_serial_number())
                   .not_valid_before(now() - DAY).not_valid_after(FOREVER)
                   .add_extension(x509.BasicConstraints(True, 0 if above else 1), True)
                   .add_extension(usage(certify=True, revoke=role == "courier"), True)
                   .add_extension(x509.SubjectKeyIdentifier.from_public_key(
                       key.public_key()), False))
        if above:
            builder = builder.add_extension(self.authority_id(above[0]), False)
            builder = builder.add_extension(x509.ExtendedKeyUsage(TLS + [ROLES[role]]), False)
        certificate = builder.sign((above or (key,))[0], None)
        write_private(self.home.path("fleet", label + ".key"), pem_private(key))
        with open(self.home.path("fleet", label + ".pem"), "w", encoding="ascii") as out:
            out.write(pem(certificate))
        return key, certificate

    def authority_id(self, key):
        return x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key())

    def load(self, label):
        with open(self.home.path("fleet", label + ".key"), "rb") as file:
            key = serialization.load_pem_private_key(file.read(), None)
        with open(self.home.path("fleet", label + ".pem"), "rb") as file:
            return key, x509.load_pem_x509_certificate(file.read())

    def text(self, label):
        """A file of the fleet, as it stands."""
        with open(self.home.path("fleet", label), encoding="ascii") as file:
            return file.read()

    # Leaves

    def leaf(self, role, public, common_name, uris, begin, end):
        """A chain in PEM: the leaf, then its issuer."""
        key, issuer = self.load(role + "-issuer")
        san = [x509.UniformResourceIdentifier(uri) for uri in uris]
        leaf = (x509.CertificateBuilder().subject_name(name(common_name))
                .issuer_name(issuer.subject).public_key(public)
                .serial_number(x509.random_serial_number())
                .not_valid_before(begin).not_valid_after(end)
                .add_extension(x509.BasicConstraints(False, None), True)
                .add_extension(usage(sign=True), True)
                .add_extension(x509.ExtendedKeyUsage(TLS + [ROLES[role]]), False)
                .add_extension(x509.SubjectAlternativeName(san), False)
                .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), False)
                .add_extension(self.authority_id(key), False).sign(key, None))
        return pem(leaf) + pem(issuer)

    def certify_device(self, public, device_id, identity, group=None):
        digest = hashlib.sha256(canonical(identity).encode()).hexdigest()
        uris = ["urn:device:" + device_id, "urn:device-identity:sha256:" + digest]
        uris += ["urn:courier-group:" + group] if group else []
        return self.leaf("device", public, device_id, uris, now(), FOREVER)

    def certify_courier(self, public, courier_id, technician, groups=(), begin=None, days=30):
        begin = begin or now()
        uris = ["urn:courier:" + courier_id]
        uris += ["urn:courier-group:" + group for group in groups]
        return self.leaf("courier", public, technician, uris, begin, begin + days * DAY)

    # Revocation

    def publish_crl(self, *chains):
        """The next CRL, which also revokes the leaves of the chains, with its issuer."""
        for chain in chains:
            leaf = x509.load_pem_x509_certificate(chain.encode())
            self.facts["revoked"].append("%x" % leaf.serial_number)
        self.facts["crl"] += 1
        key, issuer = self.load("courier-issuer")
        builder = (x509.CertificateRevocationListBuilder().issuer_name(issuer.subject)
                   .last_update(now()).next_update(FOREVER)
                   .add_extension(x509.CRLNumber(self.facts["crl"]), False)
                   .add_extension(self.authority_id(key), False))
        for serial in self.facts["revoked"]:
            builder = builder.add_revoked_certificate(
                x509.RevokedCertificateBuilder().revocation_date(now())
                .serial_number(int(serial, 16)).build())
        text = pem(builder.sign(key, None)) + pem(issuer)
        with open(self.home.path("fleet", "crl.pem"), "w", encoding="ascii") as out:
            out.write(text)
        self.save()
        return text

    # What a courier is told

    def control(self, courier_id, chain, artifact_keys, devices):
        """The next control bundle, signed.  devices: as courier/control.h has them."""
        self.facts["control"] += 1
        payload = {"version": 1, "courier": courier_id, "number": self.facts["control"],
                   "issued": int(time.time()), "root": self.text("root.pem"), "chain": chain,
                   "crl": self.text("crl.pem"), "artifact_keys": artifact_keys,
                   "devices": devices}
        self.save()
        return envelope(self.load("courier-issuer")[0], CONTROL,
                        json.dumps(payload, separators=(",", ":")).encode())
