"""The sealing keys of the business systems (profile section 4.8)."""
from __future__ import annotations

import secrets
import threading
from dataclasses import dataclass

from jose import Key, b64encode


@dataclass
class Kept:
    """A key in a set, with the time at which it goes; 0: it is in use."""

    key: Key
    until: float = 0


class SealingKeys:
    """The keys of each system, newest first."""

    def __init__(self, clock, first: dict, overlap: int, hold):
        self._clock, self._overlap, self._hold, self._lock = clock, overlap, hold, threading.Lock()
        self._sets = {system_id: [Kept(key)] for system_id, key in first.items()}

    def __contains__(self, system_id: str) -> bool:
        return system_id in self._sets

    def newest(self, system_id: str) -> Key:
        with self._lock:
            return self._sets[system_id][0].key

    def rotate(self, system_id: str) -> Key:
        """A new key under a name that none had; the one before stays for the overlap."""
        key = Key(f"{system_id[:100]}-{secrets.token_hex(8)}", secrets.token_bytes(32))
        with self._lock:
            kept = self._sets[system_id]
            kept[0].until = self._clock.now() + (self._overlap if self._hold("MO-AS-43") else 0)
            kept.insert(0, Kept(key))
        return key

    def jwks(self, system_id: str) -> list:
        """What a system may read: its own set."""
        systems = [system_id] if self._hold("MO-AS-42") else list(self._sets)
        return [_jwk(key) for system in systems for key in self._alive(system)]

    def _alive(self, system_id: str) -> list:
        now = self._clock.now()
        with self._lock:
            if self._hold("MO-AS-44"):
                self._sets[system_id] = [kept for kept in self._sets[system_id] if not kept.until or now < kept.until]
            return [kept.key for kept in self._sets[system_id]]


def _jwk(key: Key) -> dict:
    return {"kty": "oct", "kid": key.kid, "alg": "A256GCM", "use": "enc", "k": b64encode(key.secret)}
