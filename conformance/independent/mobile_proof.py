"""Proofs of possession of the device key (profile section 2.1)."""
from __future__ import annotations

import json
import secrets
import threading

from jose import JoseError, Signer, b64encode, parse_signed, public_key, thumbprint
from mobile_wire import digest, is_message_id, is_whole

PROOF_WINDOW = 60  # seconds, either way
PROOF_TYPE = "dpop+jwt"


class ProofError(ValueError):
    """A proof that is missing or does not hold."""


class Judge:
    """Judges the proofs of one role. `holds` says for signature, request, age, replay and token whether that is compared."""

    def __init__(self, clock, **holds):
        self._clock, self._holds = clock, holds
        self._used, self._lock = {}, threading.Lock()

    def judge(self, request, url: str, access_token: str = "", key: str = "") -> str:
        """The thumbprint of the key that made the request's proof; `key` is the one that has to have made it, where that matters.
        Nothing is remembered of a proof that does not hold."""
        values = request.header_values("DPoP")
        if len(values) != 1:
            raise ProofError("Send one proof in the header DPoP.")
        try:
            signed = parse_signed(values[0].strip())
            public, claims = public_key(signed.header.get("jwk")), signed.claims()
        except JoseError as error:
            raise ProofError(f"The proof cannot be read: {error}") from error
        if signed.header.get("typ") != PROOF_TYPE or signed.header.get("alg") != "ES256" or "crit" in signed.header:
            raise ProofError("The proof has not typ dpop+jwt and alg ES256, or has crit.")
        if self._holds["signature"]:
            try:
                signed.verify(public)
            except JoseError as error:
                raise ProofError("The signature of the proof does not fit the key in it.") from error
        if self._holds["request"] and (claims.get("htm"), claims.get("htu")) != (request.method, url):
            raise ProofError("The proof is for another request: compare htm and htu.")
        jti, iat = claims.get("jti"), claims.get("iat")
        if not is_message_id(jti) or not is_whole(iat):
            raise ProofError("The proof has no jti of 16-128 characters or no whole iat.")
        now = int(self._clock.now())
        if self._holds["age"] and abs(now - iat) > PROOF_WINDOW:
            raise ProofError("The proof's iat is too far from the present time.")
        if access_token and self._holds["token"] and claims.get("ath") != digest(access_token):
            raise ProofError("The proof's ath is not the hash of the access token.")
        maker = thumbprint(public)
        if key and maker != key:
            raise ProofError("The proof is by another key than the token's.")
        if self._holds["replay"]:
            self._use(maker, jti, now, iat)
        return maker

    def _use(self, maker: str, jti: str, now: int, iat: int) -> None:
        with self._lock:
            self._used = {entry: until for entry, until in self._used.items() if now <= until}
            if (maker, jti) in self._used:
                raise ProofError("The proof has been used before; make a new one for every request.")
            self._used[maker, jti] = max(now, iat) + PROOF_WINDOW


class Prover:
    """Makes the proofs of one device key."""

    def __init__(self, clock, hold):
        self.signer, self._clock, self._hold = Signer(), clock, hold
        self._first_jti = secrets.token_urlsafe(24)

    @property
    def thumbprint(self) -> str:
        return self.signer.thumbprint()

    def header(self, method: str, url: str, access_token: str = "") -> tuple:
        """The header DPoP for one request; `url` without query."""
        jwk = self.signer.jwk()
        if not self._hold("MO-AP-16"):
            jwk["d"] = b64encode(self.signer.private.private_numbers().private_value.to_bytes(32, "big"))
        claims = {"jti": secrets.token_urlsafe(24) if self._hold("MO-AP-15") else self._first_jti,
                  "htm": method, "htu": url.partition("?")[0], "iat": int(self._clock.now())}
        if access_token and self._hold("MO-AP-14"):
            claims["ath"] = digest(access_token)
        return "DPoP", self.signer.sign({"typ": PROOF_TYPE, "jwk": jwk}, json.dumps(claims).encode())
