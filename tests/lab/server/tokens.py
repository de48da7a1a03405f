"""JSON web tokens, EdDSA or RS256, of devices and of users."""

import base64
import json
import os

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, padding, rsa

from . import pki

REMEMBERED = 20000  # tokens whose signature was checked already


def encode(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def decode(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


class Signer:
    """The key this server signs its tokens with."""

    def __init__(self, path, algorithm):
        if not os.path.exists(path):
            key = (rsa.generate_private_key(65537, 3072) if algorithm == "RS256"
                   else ed25519.Ed25519PrivateKey.generate())
            pki.write_private(path, pki.pem_private(key))
        with open(path, "rb") as file:
            self.key = serialization.load_pem_private_key(file.read(), None)
        self.is_rsa = isinstance(self.key, rsa.RSAPrivateKey)
        self.algorithm = "RS256" if self.is_rsa else "EdDSA"
        self.known = {}

    def sign(self, claims):
        head = encode(json.dumps({"alg": self.algorithm, "typ": "JWT"}).encode())
        signed = (head + "." + encode(json.dumps(claims).encode())).encode()
        if self.is_rsa:
            signature = self.key.sign(signed, padding.PKCS1v15(), hashes.SHA256())
        else:
            signature = self.key.sign(signed)
        return signed.decode() + "." + encode(signature)

    def read(self, token):
        """The claims, whatever their expiry; None when the token is not ours."""
        if token in self.known:
            return self.known[token]
        try:
            signed, signature = token.rsplit(".", 1)
            head, body = signed.split(".")
            if json.loads(decode(head)).get("alg") != self.algorithm:
                return None
            self.verify(decode(signature), signed.encode())
            claims = json.loads(decode(body))
        except (ValueError, AttributeError, InvalidSignature):
            return None
        if len(self.known) > REMEMBERED:
            self.known.clear()
        self.known[token] = claims
        return claims

    def verify(self, signature, signed):
        public = self.key.public_key()
        if self.is_rsa:
            public.verify(signature, signed, padding.PKCS1v15(), hashes.SHA256())
        else:
            public.verify(signature, signed)
