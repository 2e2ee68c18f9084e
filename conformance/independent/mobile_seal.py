"""Opening and judging a sealed token at a business system (profile sections 4.3 and 5.1, steps 1 and 2)."""
from __future__ import annotations

import json
import zlib
from dataclasses import dataclass

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from jose import VECTOR_BYTES, JoseError, Sealed, parse_object, parse_sealed
from mobile_wire import is_whole


class TokenError(ValueError):
    """A token that does not open, or is not for this system now."""


@dataclass(frozen=True)
class Opened:
    """A token that opened and passed steps 1 and 2."""

    username: str
    appid: str
    deviceid: str
    token_id: str
    token: str
    expires_at: int
    jkt: str


class Opener:
    """Opens the tokens of one system. `key` gives the sealing key of a name."""

    def __init__(self, system_id: str, issuer: str, clock, hold):
        self._system_id, self._issuer, self._clock, self._hold = system_id, issuer, clock, hold

    def open(self, access_token: str, key) -> Opened:
        try:
            sealed = parse_sealed(access_token)
            self._judge_header(sealed)
            claims = parse_object(self._plaintext(sealed, key(sealed.kid)))
        except JoseError as error:
            raise TokenError(f"The token does not open: {error}") from error
        return self._judged(sealed.header, claims)

    def _judge_header(self, sealed: Sealed) -> None:
        header = sealed.header
        strange = header.get("alg") != "dir" or header.get("enc") != "A256GCM" or "zip" in header or "crit" in header
        if (strange or sealed.encrypted_key) and self._hold("MO-BS-16"):
            raise TokenError("The token is not sealed with dir and A256GCM alone.")
        if not sealed.kid:
            raise TokenError("The token names no key.")

    def _plaintext(self, sealed: Sealed, secret: bytes) -> bytes:
        if self._hold("MO-BS-04"):
            plaintext = sealed.open(secret)
        else:
            plaintext = _without_tag(sealed, secret)
        if sealed.header.get("zip") == "DEF":
            try:
                return zlib.decompress(plaintext, -zlib.MAX_WBITS)
            except zlib.error as error:
                raise TokenError("The token cannot be decompressed.") from error
        return plaintext

    def _judged(self, header: dict, claims: dict) -> Opened:
        names = [claims.get(name) for name in ("sub", "appid", "deviceid", "jti", "token")]
        expires_at = claims.get("exp")
        if not all(isinstance(name, str) and name for name in names) or not is_whole(expires_at):
            raise TokenError("The token lacks a claim.")
        if (header.get("aud") != self._system_id or claims.get("aud") != self._system_id) and self._hold("MO-BS-12"):
            raise TokenError("The token is for another system.")
        if _written(header.get("cnf")) != _written(claims.get("cnf")) and self._hold("MO-BS-13"):
            raise TokenError("Header and claims of the token disagree about the device key.")
        if claims.get("iss") != self._issuer and self._hold("MO-BS-14"):
            raise TokenError("The token is by another issuer.")
        if self._clock.now() >= expires_at and self._hold("MO-BS-15"):
            raise TokenError("The token has expired.")
        cnf = header.get("cnf")
        jkt = cnf.get("jkt") if isinstance(cnf, dict) else None
        if not (isinstance(jkt, str) and jkt) and self._hold("MO-BS-17"):
            raise TokenError("The token is bound to no device key.")
        return Opened(*names, expires_at, jkt if isinstance(jkt, str) else "")


def _written(value) -> str:
    """JSON with one spelling, so that 1 is not true."""
    return json.dumps(value, sort_keys=True)


def _without_tag(sealed: Sealed, secret: bytes) -> bytes:
    """What MO-BS-04 forbids: the plaintext whatever the tag. GCM counts from the vector and 2 (NIST SP 800-38D section 7.1)."""
    if len(sealed.vector) != VECTOR_BYTES:
        raise TokenError("The initialization vector has not 96 bits.")
    counter = sealed.vector + (2).to_bytes(4, "big")
    decryptor = Cipher(algorithms.AES(secret), modes.CTR(counter)).decryptor()
    return decryptor.update(sealed.ciphertext) + decryptor.finalize()
