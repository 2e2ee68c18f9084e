"""Sealed and signed messages in compact serialization: JWE with dir and A256GCM, JWS with ES256, and their keys.

What is parsed is not judged yet: whoever parses looks at the header, and then opens or verifies.
"""
from __future__ import annotations

import base64
import hashlib
import json
import re
import secrets
from dataclasses import dataclass, field

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_BASE64URL = re.compile(r"[A-Za-z0-9_-]*")
VECTOR_BYTES, TAG_BYTES, COORDINATE_BYTES = 12, 16, 32


class JoseError(ValueError):
    """A message or key that is malformed, does not open, or is not signed by the key in question."""


def b64encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def b64decode(text) -> bytes:
    """Strict base64url without padding (RFC 7515 section 2): one spelling for each value."""
    if not isinstance(text, str) or not _BASE64URL.fullmatch(text) or len(text) % 4 == 1:
        raise JoseError("This is not base64url without padding.")
    data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    if b64encode(data) != text:
        raise JoseError("The last character of the base64url has bits that mean nothing.")
    return data


def parse_object(data: bytes) -> dict:
    """A JSON object in UTF-8 in which no member comes twice, and whose strings are text."""
    try:
        value = json.loads(data.decode("utf-8"), object_pairs_hook=_once, parse_constant=_no_constant)
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    except (ValueError, RecursionError) as error:
        raise JoseError("This is not JSON in UTF-8 with every member once.") from error
    if not isinstance(value, dict):
        raise JoseError("This is not a JSON object.")
    return value


def _once(pairs) -> dict:
    members = dict(pairs)
    if len(members) < len(pairs):
        raise JoseError("A member comes twice.")
    return members


def _no_constant(name: str):
    raise JoseError(f"{name} is not JSON.")


def _written(value: dict) -> str:
    return b64encode(json.dumps(value, separators=(",", ":")).encode())


def _parts(compact, count: int) -> list:
    parts = compact.split(".") if isinstance(compact, str) else []
    if len(parts) != count:
        raise JoseError(f"The message has not {count} parts.")
    return parts


@dataclass(frozen=True)
class Key:
    """A key of 256 bits for sealing, with its identifier."""

    kid: str
    secret: bytes = field(repr=False)


def seal(key: Key, header: dict, plaintext: bytes, vector: bytes = b"") -> str:
    """A compact JWE; alg, enc and kid are added to the header. `vector`: the 96 bits to use in the place of random ones."""
    vector = vector or secrets.token_bytes(VECTOR_BYTES)
    protected = _written({"alg": "dir", "enc": "A256GCM", "kid": key.kid, **header})
    sealed = AESGCM(key.secret).encrypt(vector, plaintext, protected.encode())
    parts = (b"", vector, sealed[:-TAG_BYTES], sealed[-TAG_BYTES:])
    return ".".join([protected, *map(b64encode, parts)])


@dataclass(frozen=True)
class Sealed:
    """A JWE that was parsed and has not been opened."""

    header: dict
    protected: str
    encrypted_key: bytes
    vector: bytes
    ciphertext: bytes
    tag: bytes

    @property
    def kid(self) -> str:
        kid = self.header.get("kid")
        return kid if isinstance(kid, str) else ""

    def open(self, secret: bytes) -> bytes:
        """The plaintext under a content encryption key; it judges no header."""
        if len(self.vector) != VECTOR_BYTES or len(self.tag) != TAG_BYTES:
            raise JoseError("The initialization vector has not 96 bits, or the tag not 128.")
        try:
            return AESGCM(secret).decrypt(self.vector, self.ciphertext + self.tag, self.protected.encode())
        except InvalidTag as error:
            raise JoseError("The message does not open under this key.") from error


def parse_sealed(compact: str) -> Sealed:
    protected, *rest = _parts(compact, 5)
    return Sealed(parse_object(b64decode(protected)), protected, *map(b64decode, rest))


class Signer:
    """A P-256 key that signs with ES256; without one given it makes its own."""

    def __init__(self, kid: str = "", private: ec.EllipticCurvePrivateKey = None):
        self.kid, self.private = kid, private or ec.generate_private_key(ec.SECP256R1())
        self.public = self.private.public_key()

    def sign(self, header: dict, payload: bytes) -> str:
        """A compact JWS; alg, and kid where the signer has one, are added to the header."""
        added = {"alg": "ES256", "kid": self.kid} if self.kid else {"alg": "ES256"}
        text = _written({**added, **header}) + "." + b64encode(payload)
        r, s = decode_dss_signature(self.private.sign(text.encode(), ec.ECDSA(hashes.SHA256())))
        return text + "." + b64encode(r.to_bytes(COORDINATE_BYTES, "big") + s.to_bytes(COORDINATE_BYTES, "big"))

    def jwk(self) -> dict:
        """The public key as a JWK, with kid where the signer has one."""
        return {**jwk(self.public), **({"kid": self.kid} if self.kid else {})}

    def thumbprint(self) -> str:
        return thumbprint(self.public)


@dataclass(frozen=True)
class Signed:
    """A JWS that was parsed and has not been verified, whatever its alg."""

    header: dict
    payload: bytes
    signed: str
    signature: bytes

    def claims(self) -> dict:
        return parse_object(self.payload)

    def verify(self, public: ec.EllipticCurvePublicKey) -> None:
        """Raises JoseError unless the message is signed with ES256 by the key."""
        if self.header.get("alg") != "ES256" or len(self.signature) != 2 * COORDINATE_BYTES:
            raise JoseError("The message is not signed with ES256.")
        r, s = (int.from_bytes(half, "big") for half in (self.signature[:COORDINATE_BYTES], self.signature[COORDINATE_BYTES:]))
        try:
            public.verify(encode_dss_signature(r, s), self.signed.encode(), ec.ECDSA(hashes.SHA256()))
        except InvalidSignature as error:
            raise JoseError("The signature is not by this key.") from error


def parse_signed(compact: str) -> Signed:
    protected, payload, signature = _parts(compact, 3)
    return Signed(parse_object(b64decode(protected)), b64decode(payload), f"{protected}.{payload}", b64decode(signature))


def jwk(public: ec.EllipticCurvePublicKey) -> dict:
    """The public members of a P-256 key (RFC 7518 section 6.2)."""
    point = public.public_numbers()
    x, y = (b64encode(n.to_bytes(COORDINATE_BYTES, "big")) for n in (point.x, point.y))
    return {"kty": "EC", "crv": "P-256", "x": x, "y": y}


def public_key(members) -> ec.EllipticCurvePublicKey:
    """The P-256 key of a JWK; one that holds a private part is refused."""
    if not isinstance(members, dict) or members.get("kty") != "EC" or members.get("crv") != "P-256" or "d" in members:
        raise JoseError("The JWK is no public key of the curve P-256.")
    x, y = b64decode(members.get("x")), b64decode(members.get("y"))
    if len(x) != COORDINATE_BYTES or len(y) != COORDINATE_BYTES:
        raise JoseError("A coordinate of the JWK has not 256 bits.")
    try:
        return ec.EllipticCurvePublicNumbers(int.from_bytes(x, "big"), int.from_bytes(y, "big"), ec.SECP256R1()).public_key()
    except ValueError as error:
        raise JoseError("The point of the JWK is not on the curve P-256.") from error


def thumbprint(public: ec.EllipticCurvePublicKey) -> str:
    """The SHA-256 thumbprint of the key (RFC 7638), in base64url."""
    members = json.dumps(jwk(public), separators=(",", ":"), sort_keys=True)
    return b64encode(hashlib.sha256(members.encode()).digest())
