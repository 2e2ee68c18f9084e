"""What the roles keep: tables of tokens, accounts with hashed passwords, registered clients."""
from __future__ import annotations

import hashlib
import hmac
import secrets
import threading
from dataclasses import dataclass


@dataclass(frozen=True)
class Registration:
    """A client as an OAuth server and its resource server know it."""

    client_id: str
    secret: str
    name: str
    callback: str


class TokenTable:
    """Entries by token. Tokens are looked up by digest and compared whole, in constant time."""

    def __init__(self):
        self._entries, self._lock = {}, threading.Lock()

    @staticmethod
    def _digest(token: str) -> bytes:
        return hashlib.sha256(token.encode()).digest()

    def get(self, token: str):
        with self._lock:
            found = self._entries.get(self._digest(token))
        return found[1] if found and hmac.compare_digest(found[0].encode(), token.encode()) else None

    def put(self, token: str, entry) -> None:
        with self._lock:
            self._entries[self._digest(token)] = (token, entry)

    def items(self) -> list:
        with self._lock:
            return list(self._entries.values())

    def pop(self, token: str):
        with self._lock:
            found = self._entries.pop(self._digest(token), None)
        return found[1] if found else None

    def forget(self, before: float) -> None:
        """Drops entries whose `expires_at` lies before the given time."""
        with self._lock:
            self._entries = {k: v for k, v in self._entries.items() if v[1].expires_at >= before}


class Accounts:
    """User names with scrypt-hashed passwords."""

    # scrypt's n. A service with people of its own would take 2**17; those of a run are made up, and hashed anew by each of some 600 processes.
    COST = 2**10

    def __init__(self, users):
        self._hashes = {}
        for name, password in users:
            self.add(name, password)
        # Compared for unknown names, so that time does not tell which names exist.
        self._nobody = self._hash(secrets.token_urlsafe(16), b"")

    def _hash(self, password: str, salt: bytes = b"") -> bytes:
        salt = salt or secrets.token_bytes(16)
        return salt + hashlib.scrypt(password.encode(), salt=salt, n=self.COST, r=8, p=1, dklen=32)

    def add(self, name: str, password: str) -> None:
        self._hashes[name] = self._hash(password)

    def __contains__(self, name: str) -> bool:
        return name in self._hashes

    def first(self) -> str:
        return next(iter(self._hashes))

    def right(self, name: str, password: str) -> bool:
        stored = self._hashes.get(name, self._nobody)
        same = hmac.compare_digest(self._hash(password, stored[:16]), stored)
        return same and name in self._hashes


class Guards:
    """The requirements of a role, less those that a defect lifts. `TI-AM-22/others` is a part of `TI-AM-22`, and a defect of its own."""

    def __init__(self, defects, lifted=()):
        self._defects, self._lifted = frozenset(defects), frozenset(lifted)

    def hold(self, requirement: str) -> bool:
        """Whether the requirement is kept. Asking for one that the role does not list is a mistake in the code."""
        if requirement not in self._defects:
            raise KeyError(requirement)
        return requirement not in self._lifted
