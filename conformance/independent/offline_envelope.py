"""Keys and COSE_Sign1 envelopes (profile section 2.2, RFC 9052 section 4)."""
from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from offline_cbor import Malformed, Map, Tag, encode
from offline_messages import STRICT, Tolerance

MEDIA_TYPE = 'application/cose; cose-type="cose-sign1"'
DOMAINS = {name: f"countersign/offline@1/{name}".encode() for name in ("information", "countersign", "result")}

_ALG, _KID, _EDDSA, _SIGN1 = 1, 4, -8, 18


def private_bytes(name: str) -> bytes:
    """The private key of a name (section 8)."""
    return hashlib.sha256(f"offline@1 {name}".encode("ascii")).digest()


def raw(public_key) -> bytes:
    return public_key.public_bytes(Encoding.Raw, PublicFormat.Raw)


def public_key_of(name: str) -> Ed25519PublicKey:
    return Signer(name, private_bytes(name)).public


class Signer:
    """A private key with the identifier that goes into the header."""

    def __init__(self, kid: str, seed: bytes):
        self.kid, self._key = kid, Ed25519PrivateKey.from_private_bytes(seed)
        self.public = self._key.public_key()

    def sign(self, domain: str, payload: bytes) -> bytes:
        protected = encode({_ALG: _EDDSA, _KID: self.kid.encode()})
        signature = self._key.sign(_to_be_signed(protected, DOMAINS[domain], payload))
        return encode(Tag(_SIGN1, [protected, {}, payload, signature]))

    def jwk(self) -> dict:
        x = base64.urlsafe_b64encode(raw(self.public)).rstrip(b"=").decode()
        return {"kty": "OKP", "crv": "Ed25519", "x": x, "kid": self.kid, "use": "sig"}


def _to_be_signed(protected: bytes, external_aad: bytes, payload: bytes) -> bytes:
    return encode(["Signature1", protected, external_aad, payload])


@dataclass(frozen=True)
class Envelope:
    """A COSE_Sign1 whose signature is not judged."""

    protected: bytes
    algorithm: object
    kid: object
    payload: bytes
    signature: bytes

    def right_algorithm(self) -> bool:
        return type(self.algorithm) is int and self.algorithm == _EDDSA

    def holds(self, key: Ed25519PublicKey, external_aad: bytes, payload: bytes | None = None) -> bool:
        """Whether the signature holds in this domain; `payload` stands in for the envelope's own."""
        signed = self.payload if payload is None else payload
        try:
            key.verify(self.signature, _to_be_signed(self.protected, external_aad, signed))
        except InvalidSignature:
            return False
        return True

    def trusted(self, pinned: dict, domains) -> bool:
        """Whether a pinned key, the one that the kid names, made the signature in one of the domains."""
        key = next((key for kid, key in pinned.items() if kid.encode() == self.kid), None)
        return key is not None and self.right_algorithm() and any(self.holds(key, DOMAINS[d]) for d in domains)


def parse(data: bytes, tolerance: Tolerance = STRICT) -> Envelope:
    item = tolerance.read(data)
    parts = item.value if isinstance(item, Tag) and item.number == _SIGN1 else None
    if not isinstance(parts, list) or isinstance(parts, Map) or len(parts) != 4:
        raise Malformed("this is no tagged COSE_Sign1 of four parts")
    protected, unprotected, payload, signature = parts
    if not isinstance(unprotected, Map) or unprotected:
        raise Malformed("the unprotected header is not the empty map")
    if not all(isinstance(part, bytes) for part in (protected, payload, signature)):
        raise Malformed("protected header, payload and signature are not byte strings")
    header = tolerance.read(protected)
    if not isinstance(header, Map):
        raise Malformed("the protected header holds no map")
    known = {}
    for key, value in header:
        if type(key) is not int or key not in (_ALG, _KID):
            raise Malformed("the protected header has another parameter than alg and kid")
        known[key] = value
    return Envelope(protected, known.get(_ALG), known.get(_KID), payload, signature)
