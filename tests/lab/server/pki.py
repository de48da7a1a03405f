"""The lab's web PKI: one CA, one certificate for localhost."""

import datetime
import ipaddress
import os

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

LIFETIME_DAYS = 3650


def write_private(path, data):
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as out:
        out.write(data)


def pem_private(key):
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                             serialization.NoEncryption())


def builder(subject, issuer, public_key):
    now = datetime.datetime.utcnow()
    return (x509.CertificateBuilder().subject_name(subject).issuer_name(issuer)
            .public_key(public_key).serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=2))
            .not_valid_after(now + datetime.timedelta(days=LIFETIME_DAYS)))


def name(text):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def make_ca():
    key = ec.generate_private_key(ec.SECP256R1())
    subject = name("lab web CA")
    usage = x509.KeyUsage(False, False, False, False, False, True, True, False, False)
    certificate = (builder(subject, subject, key.public_key())
                   .add_extension(x509.BasicConstraints(True, 0), critical=True)
                   .add_extension(usage, critical=True)
                   .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()),
                                  critical=False)
                   .sign(key, hashes.SHA256()))
    return key, certificate


def make_server(ca_key, ca_certificate):
    key = ec.generate_private_key(ec.SECP256R1())
    names = x509.SubjectAlternativeName([x509.DNSName("localhost"),
                                         x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    authority = x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key())
    certificate = (builder(name("localhost"), ca_certificate.subject, key.public_key())
                   .add_extension(names, critical=False)
                   .add_extension(x509.BasicConstraints(False, None), critical=True)
                   .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]),
                                  critical=False)
                   .add_extension(authority, critical=False)
                   .sign(ca_key, hashes.SHA256()))
    return key, certificate


def ensure(directory):
    """Make ca.pem, server.pem and server.key in directory, unless they are there."""
    paths = [os.path.join(directory, name) for name in ("ca.pem", "server.pem", "server.key")]
    if not all(os.path.exists(path) for path in paths):
        ca_key, ca_certificate = make_ca()
        key, certificate = make_server(ca_key, ca_certificate)
        pem = serialization.Encoding.PEM
        for path, made in zip(paths, (ca_certificate, certificate)):
            with open(path, "wb") as out:
                out.write(made.public_bytes(pem))
        write_private(paths[2], pem_private(key))
    return paths
