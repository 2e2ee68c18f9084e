"""The tokens that an authorization server makes, seals and shares (profile sections 4.2, 4.3 and 4.7)."""
from __future__ import annotations

import hashlib
import hmac
import itertools
import json
import secrets
import threading
from dataclasses import dataclass

from jose import Key, b64encode, seal
from store import TokenTable

MOST_CACHED = 5  # seconds for which a business system may use a download again


@dataclass(frozen=True)
class Record:
    """A token as it is shared."""

    token_id: str
    token: str
    username: str
    appid: str
    system_id: str
    device: object
    deviceid: str
    jkt: str
    issued_at: int
    expires_at: int


class Tokens:
    """Makes and keeps the tokens of all systems."""

    def __init__(self, issuer: str, clock, lifetime: int, hold):
        self._issuer, self._clock, self._lifetime, self._hold = issuer, clock, lifetime, hold
        self._table, self._lock = TokenTable(), threading.Lock()
        self._counter, self._same, self._vector = itertools.count(1), {}, secrets.token_bytes(12)

    def make(self, appid: str, deviceid: str, username: str, device, jkt: str, system_id: str) -> Record:
        """A new token, shared from now on."""
        token_id, token = self._names((appid, deviceid, username))
        now = int(self._clock.now())
        record = Record(token_id, token, username, appid, system_id, device, deviceid, jkt, now, now + self._lifetime)
        if self._hold("MO-AS-38"):
            self._table.forget(now)
        self._table.put(token_id, record)
        return record

    def _names(self, authentication_id: tuple) -> tuple:
        token_id = secrets.token_urlsafe(24) if self._hold("MO-AS-36") else f"{next(self._counter):024d}"
        names = token_id, secrets.token_urlsafe(24)
        return names if self._hold("MO-AS-13") else self._same.setdefault(authentication_id, names)

    def find(self, token_id: str):
        """The record of a token that has not expired, or None."""
        record = self._table.get(token_id)
        if record and self._clock.now() >= record.expires_at and self._hold("MO-AS-38"):
            return None
        return record

    def answer(self, record: Record) -> dict:
        """What a download gives (section 4.7)."""
        left = max(0, int(record.expires_at - self._clock.now()))
        shared = record.token if self._hold("MO-AS-12") else secrets.token_urlsafe(24)
        bound = {"jkt": record.jkt} if self._hold("MO-AS-65") and record.jkt else {}
        return {"token_id": record.token_id, "token": shared, "username": record.username, "appid": record.appid,
                "deviceid": record.deviceid, **bound, "expires_in": left,
                "cache_lifetime": min(MOST_CACHED, left) if self._hold("MO-AS-41") else 86400}

    def sealed(self, record: Record, key: Key) -> str:
        """The token, sealed for its system (section 4.3)."""
        bound = {"cnf": {"jkt": record.jkt}} if self._hold("MO-AS-34") and record.jkt else {}
        claims = {"iss": self._issuer, "aud": record.system_id, "sub": record.username, "appid": record.appid,
                  "deviceid": record.deviceid, **bound, "jti": record.token_id, "token": record.token,
                  "iat": record.issued_at, "exp": record.expires_at}
        if not self._hold("MO-AS-11"):
            del claims["sub"]
        header = {"typ": "sealed+jwt", "aud": record.system_id, **bound}
        if not self._hold("MO-AS-35"):
            del header["aud"]
        plaintext = json.dumps(claims).encode()
        if not self._hold("MO-AS-10"):
            return _readable({"alg": "HS256", "kid": key.kid, **header}, plaintext, key)
        return seal(key, header, plaintext, b"" if self._hold("MO-AS-37") else self._vector)


def _readable(header: dict, payload: bytes, key: Key) -> str:
    text = b64encode(json.dumps(header).encode()) + "." + b64encode(payload)
    return text + "." + b64encode(hmac.digest(key.secret, text.encode(), hashlib.sha256))
