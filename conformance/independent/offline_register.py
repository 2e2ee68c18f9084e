"""What the service server keeps of handsets and applications (profile section 5)."""
from __future__ import annotations

import hmac
from dataclasses import dataclass, field

MOST_ATTEMPTS = 5  # wrong proofs that lock a password


@dataclass
class Handset:
    """An enrolled handset. Without `key` no signature of it holds."""

    name: str
    account: str
    key: object
    password_key: bytes | None = None
    attempts: int = 0
    old_keys: list = field(default_factory=list)  # that count beside the password key
    challenge: bytes = b""  # the one of all its applications, where they share it
    last_right: tuple = ()  # the proof that was right last, as it came and opened

    def set_password(self, key: bytes, keep_old: bool) -> None:
        if keep_old and self.password_key is not None:
            self.old_keys.append(self.password_key)
        self.password_key, self.attempts = key, 0

    @property
    def locked(self) -> bool:
        return self.attempts >= MOST_ATTEMPTS


@dataclass
class Application:
    """An application with the device that sent it, and what became of it."""

    device: str
    body: bytes
    fields: dict
    information: dict = field(default_factory=dict)
    information_bytes: bytes = b""
    judged: bool = False
    verified: bool = False
    countersign: bytes = b""  # that was judged
    result: bytes = b""


def same(secret, given: str) -> bool:
    return secret is not None and hmac.compare_digest(secret.encode(), given.encode())
