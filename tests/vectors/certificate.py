#!/usr/bin/python3
"""Write vectors/certificate/*.pem: certificates that nobody should accept, a few that
everybody should, and revocation lists.  Made by python3-cryptography, which knows
nothing of our code; everything in them is fixed, so that they can be made again.
usage: certificate.py        (test_certificate.c says what is wrong with each)"""
import datetime
import hashlib
import os

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_public_key
from cryptography.x509.oid import ExtendedKeyUsageOID as EKU, NameOID

PLACE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "certificate")
ARC = "1.2.840.113556.1.8000.2554.46863.27958.62896.20089.47549.14110635.110891"
COURIER, DEVICE = x509.ObjectIdentifier(ARC + ".1"), x509.ObjectIdentifier(ARC + ".2")
TLS = [EKU.SERVER_AUTH, EKU.CLIENT_AUTH]
FROM, UNTIL = datetime.datetime(2026, 3, 1), datetime.datetime(2026, 3, 31)
FOREVER = datetime.datetime(9999, 12, 31, 23, 59, 59)
RSA = b"""-----BEGIN PUBLIC KEY-----
MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEArN44Rc4A/e8z0TwSq6JQ
29yLiqXE/uDESuxEA+f/IcVNkGWoT71zfXBX5wZpBryjhyLcGTYg3eEWSKCzcTto
mn9akPnEGXEjmgzRm1VrcC7FQ8B9bb0cd1HJ+uA20UDkksnUpc0LspLxATqGBuUa
Xhb0tTlial9VTd5R3BQ7aFY2V/J1ZQk9tl6kqgZG3flxXiB0ARNpEUYrh9d+Le2b
bST/ak1RqMwZ82aUvKUdNqaE7ybgINVNtMAZqJDhTJJyvN/qJY/PQ+p3qC2sdB3h
OWMpa454+lKv60BWdmsTTwTUxeh3Dmt256Ok3A56YAigZIm60vqKTDpAWHpv3ZYu
YwIDAQAB
-----END PUBLIC KEY-----
"""


def key(name):
    return ed25519.Ed25519PrivateKey.from_private_bytes(hashlib.sha256(name.encode()).digest())


def serial(name):
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:16], "big") >> 2 | 1 << 125


def usage(sign=False, certify=False, revoke=False):
    return x509.KeyUsage(sign, False, False, False, False, certify, revoke, False, False)


def names(*texts):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text) for text in texts])


def uris(*texts):
    return x509.SubjectAlternativeName([x509.UniformResourceIdentifier(t) for t in texts])


class Holder:
    """A certificate and the key to issue others with."""

    def __init__(self, name, above=None, **changed):
        self.key = key(changed.pop("key", name))
        what = {"public": self.key.public_key(), "subject": names(name), "until": UNTIL,
                "from": FROM, "ca": None, "usage": usage(sign=True), "eku": TLS,
                "san": None, "more": [], "serial": name}
        what.update(changed)
        builder = (x509.CertificateBuilder().subject_name(what["subject"])
                   .issuer_name(above.certificate.subject if above else what["subject"])
                   .public_key(what["public"]).serial_number(serial(what["serial"]))
                   .not_valid_before(what["from"]).not_valid_after(what["until"])
                   .add_extension(x509.BasicConstraints(what["ca"] is not None, what["ca"]
                                  if what["ca"] != -1 else None), True)
                   .add_extension(x509.SubjectKeyIdentifier.from_public_key(what["public"]), False))
        if above:
            builder = builder.add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(above.key.public_key()), False)
        if what["usage"]:
            builder = builder.add_extension(what["usage"], True)
        if what["eku"]:
            builder = builder.add_extension(x509.ExtendedKeyUsage(what["eku"]), False)
        if what["san"]:
            builder = builder.add_extension(what["san"], False)
        for extension, critical in what["more"]:
            builder = builder.add_extension(extension, critical)
        self.certificate = builder.sign((above or self).key, None)


def authority(name, above=None, **changed):
    what = {"ca": 0 if above else 1, "usage": usage(certify=True, revoke=changed.pop("crl", False)),
            "until": FOREVER, "eku": None}
    what.update(changed)
    return Holder(name, above, **what)


ROOT = authority("fleet")
STRANGER = authority("another fleet")
COURIERS = authority("courier issuer", ROOT, eku=TLS + [COURIER], crl=True)
DEVICES = authority("device issuer", ROOT, eku=TLS + [DEVICE])


def write(name, *blocks):
    with open(os.path.join(PLACE, name + ".pem"), "wb") as out:
        for block in blocks:
            out.write(block.public_bytes(Encoding.PEM))


def leaf(name, above=COURIERS, chain=(), **changed):
    """One leaf, a courier's unless CHANGED, with its issuer and the CHAIN behind it."""
    what = {"eku": TLS + [COURIER], "san": uris("urn:courier:c-17"), "subject": names("Ida"),
            "serial": name}
    what.update(changed)
    made = Holder("leaf", above, **what)
    write(name, made.certificate, *[one.certificate for one in chain or [above]])
    return made


def device(name, above=DEVICES, **changed):
    what = {"eku": TLS + [DEVICE], "san": uris("urn:device:d-1"), "subject": names("d-1")}
    what.update(changed)
    return leaf(name, above, **what)


def crl(name, above, number=7, revoked=(), more=(), entry=None):
    builder = (x509.CertificateRevocationListBuilder().issuer_name(above.certificate.subject)
               .last_update(FROM).next_update(UNTIL))
    if number is not None:
        builder = builder.add_extension(x509.CRLNumber(number), False)
    for extension in more:
        builder = builder.add_extension(extension, True)
    for one in revoked:
        row = (x509.RevokedCertificateBuilder().revocation_date(FROM)
               .serial_number(one.certificate.serial_number))
        if entry:
            row = row.add_extension(entry, True)
        builder = builder.add_revoked_certificate(row.build())
    made = builder.sign(above.key, None)
    write(name, made)
    return made


def accepted():
    made = leaf("courier", san=uris("urn:courier:c-17", "urn:courier-group:north",
                                    "urn:courier-group:mines"))
    leaf("courier-with-root", chain=[COURIERS, ROOT])
    leaf("courier-of-another-name-space", san=x509.SubjectAlternativeName([
        x509.DNSName("laptop.example"), x509.UniformResourceIdentifier("https://example.com/"),
        x509.UniformResourceIdentifier("urn:courier:c-17")]))
    digest = hashlib.sha256(b'{"mac":"00:11"}').hexdigest()
    device("device", until=FOREVER, san=uris(
        "urn:device-identity:sha256:" + digest, "urn:device:d-1", "urn:courier-group:north"))
    point = ec.derive_private_key(17, ec.SECP256R1()).public_key()
    device("device-p256", public=point)
    return made


def chains():
    leaf("alone", chain=[Holder("leaf", COURIERS)])
    leaf("issuer-third", chain=[DEVICES, COURIERS])
    leaf("stranger", authority("courier issuer", STRANGER, eku=TLS + [COURIER]))
    leaf("by-device-issuer", DEVICES)
    leaf("by-issuer-without-role", authority("courier issuer", ROOT, eku=TLS))
    leaf("by-issuer-of-both", authority("courier issuer", ROOT, eku=TLS + [COURIER, DEVICE]))
    leaf("by-issuer-without-limit", authority("courier issuer", ROOT, ca=-1, eku=TLS + [COURIER]))
    leaf("by-issuer-that-may-not", authority("courier issuer", ROOT, eku=TLS + [COURIER],
                                             usage=usage(sign=True)))
    leaf("by-root", ROOT)
    middle = authority("sub-issuer", COURIERS, eku=TLS + [COURIER])
    leaf("by-sub-issuer", middle, chain=[middle, COURIERS])
    signer = Holder("leaf", COURIERS, eku=TLS + [COURIER], san=uris("urn:courier:c-17"))
    leaf("by-leaf", signer, chain=[signer, COURIERS])
    write("self-signed", Holder("leaf", None, eku=TLS + [DEVICE], san=uris(
        "urn:device:uncertified"), subject=names("uncertified")).certificate)


def leaves():
    leaf("of-both", eku=TLS + [COURIER, DEVICE])
    leaf("of-neither", eku=TLS)
    leaf("not-for-tls", eku=[COURIER])
    leaf("without-server-auth", eku=[EKU.CLIENT_AUTH, COURIER])
    leaf("authority", ca=0, usage=usage(sign=True, certify=True))
    leaf("without-key-usage", usage=None)
    leaf("for-nothing", usage=usage(revoke=True))
    leaf("signs-lists", usage=usage(sign=True, revoke=True))
    leaf("rsa", public=load_pem_public_key(RSA))
    leaf("p384", public=ec.derive_private_key(17, ec.SECP384R1()).public_key())
    leaf("critical", more=[(x509.UnrecognizedExtension(
        x509.ObjectIdentifier(ARC + ".9"), b"\x05\x00"), True)])
    leaf("without-name", subject=x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, "x")]))
    leaf("two-names", subject=names("Ida", "Eve"))
    leaf("escape", subject=names("Ida\x1b[2J"))
    device("device-of-another-name", subject=names("d-2"))


def texts():
    ours = "urn:courier:c-17"
    for name, san in {
            "no-names": (), "no-id": ("urn:courier-group:north",),
            "two-ids": (ours, "urn:courier:c-18"), "id-of-a-device": ("urn:device:d-1",),
            "both-ids": (ours, "urn:device:d-1"), "id-empty": ("urn:courier:",),
            "id-dotted": ("urn:courier:.c",), "id-dashed": ("urn:courier:-c",),
            "id-slash": ("urn:courier:a/b",), "id-long": ("urn:courier:" + 65 * "c",),
            "id-endless": ("urn:courier:" + 300 * "c",), "id-nul": (ours + "\0", ),
            "loud": (ours, "URN:Courier:c-18"), "unknown": (ours, "urn:courier-level:9"),
            "unknown-device": (ours, "urn:devices:all"),
            "identity-of-a-device": (ours, "urn:device-identity:sha256:" + 64 * "0"),
            "group-empty": (ours, "urn:courier-group:"),
            "group-space": (ours, "urn:courier-group:a b"),
            "17-groups": (ours,) + tuple("urn:courier-group:g%d" % i for i in range(17)),
            "65-names": (ours,) + tuple("urn:x-other:%d" % i for i in range(64))}.items():
        leaf(name, san=uris(*san) if san else None)
    zero = "urn:device-identity:sha256:" + 64 * "0"
    for name, san in {
            "device-two-groups": ("urn:courier-group:a", "urn:courier-group:b"),
            "device-two-identities": (zero, zero), "device-identity-short": (zero[:-1],),
            "device-identity-loud": (zero[:-1] + "A",)}.items():
        device(name, san=uris("urn:device:d-1", *san))


def lists(revoked):
    crl("crl", COURIERS, 2**63 - 1, [revoked])
    write("crl-carrying", crl("crl", COURIERS, 2**63 - 1, [revoked]), COURIERS.certificate)
    crl("crl-by-devices", DEVICES, revoked=[revoked])
    crl("crl-by-root", ROOT, revoked=[revoked])
    crl("crl-forged", authority("courier issuer", ROOT, eku=TLS + [COURIER], crl=True,
                                key="forger"))
    mute = authority("courier issuer", ROOT, eku=TLS + [COURIER], key="mute")
    write("crl-by-mute", crl("crl-by-mute", mute), mute.certificate)
    stranger = authority("courier issuer", STRANGER, eku=TLS + [COURIER], crl=True,
                         key="stranger")
    write("crl-by-stranger", crl("crl-by-stranger", stranger), stranger.certificate)
    crl("crl-without-number", COURIERS, None)
    crl("crl-number-64", COURIERS, 2**63)
    crl("crl-number-long", COURIERS, 2**120)
    crl("crl-delta", COURIERS, more=[x509.DeltaCRLIndicator(6)])
    crl("crl-partial", COURIERS, more=[x509.IssuingDistributionPoint(
        None, None, True, False, None, False, False)])
    crl("crl-of-others", COURIERS, revoked=[revoked], entry=x509.CertificateIssuer(
        [x509.DirectoryName(DEVICES.certificate.subject)]))


def main():
    os.makedirs(PLACE, exist_ok=True)
    write("root", ROOT.certificate)
    write("stranger-root", STRANGER.certificate)
    write("courier-issuer", COURIERS.certificate)
    write("device-issuer", DEVICES.certificate)
    revoked = accepted()
    chains()
    leaves()
    texts()
    lists(revoked)


main()
