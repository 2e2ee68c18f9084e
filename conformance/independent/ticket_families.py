"""Families of tickets: their keys, refreshing, grace and revocation (profile section 4.3)."""
from __future__ import annotations

import hmac
import itertools
import secrets
import threading
from dataclasses import dataclass, field

from forms import Refusal
from store import TokenTable

CLEARING = 60  # seconds between two rounds of forgetting
STEP = 0.05  # seconds between check and mark where TI-AM-19 is lifted


@dataclass(frozen=True)
class Lifetimes:
    """Whole seconds."""

    authorization_key: int = 600
    refresh_key: int = 2592000
    grace: int = 60


@dataclass
class Family:
    user_id: str
    app_id: str
    expires_at: float = 0
    revoked: bool = False
    current: "Generation" = None


@dataclass
class Generation:
    """One ticket of a family."""

    family: Family
    authorization_key: str
    refresh_key: str
    made_at: float
    used_at: float = None
    request_id: str = None
    successor: "Generation" = None

    @property
    def expires_at(self) -> float:
        """A used key is remembered as long as its family can have a live one."""
        return self.family.expires_at


@dataclass
class Families:
    clock: object
    hold: object
    lifetimes: Lifetimes = Lifetimes()
    _lock: object = field(default_factory=threading.RLock)

    def __post_init__(self):
        self._by_authorization_key, self._by_refresh_key = TokenTable(), TokenTable()
        self._families, self._next_clearing = {}, 0  # user_id -> families
        self._count = itertools.count(1)

    def begin(self, user_id: str, app_id: str) -> dict:
        """A first ticket, of a family of its own."""
        with self._lock:
            now = self.clock.now()
            self._forget(now)
            if not self.hold("TI-AM-05"):
                self.revoke_all(user_id)
            family = Family(user_id, app_id)
            self._families.setdefault(user_id, []).append(family)
            return self._ticket(self._generation(family, now), now)

    def _generation(self, family: Family, now: float, refresh_key: str = "") -> Generation:
        made = Generation(family, self._key(), refresh_key or self._key(), now)
        family.current, family.expires_at = made, now + self.lifetimes.refresh_key
        self._by_authorization_key.put(made.authorization_key, made)
        self._by_refresh_key.put(made.refresh_key, made)
        return made

    def _key(self) -> str:
        return secrets.token_urlsafe(32) if self.hold("TI-AM-23") else f"{next(self._count):022d}"

    def _ticket(self, generation: Generation, now: float) -> dict:
        return {
            "user_id": generation.family.user_id,
            "app_id": generation.family.app_id,
            "authorization_key": generation.authorization_key,
            "refresh_key": generation.refresh_key,
            "expires_in": max(0, int(generation.made_at + self.lifetimes.authorization_key - now)),
            "refresh_expires_in": max(0, int(generation.made_at + self.lifetimes.refresh_key - now)),
        }

    def _over(self, generation: Generation, lifetime: int, now: float) -> bool:
        return self.hold("TI-AM-14") and now >= generation.made_at + lifetime

    # Verification

    def confirmed(self, user_id: str, authorization_key: str):
        """The ticket's app and the time at which the key expires; or None and the reason, which nobody is told."""
        with self._lock:
            found = self._by_authorization_key.get(authorization_key)
            if found is None:
                return None, "unknown"
            if self.hold("TI-AM-07") and not same(found.family.user_id, user_id):
                return None, "swapped"
            if found.family.revoked:
                return None, "revoked"
            if self.hold("TI-AM-15") and found is not found.family.current:
                return None, "replaced"
            if self._over(found, self.lifetimes.authorization_key, self.clock.now()):
                return None, "expired"
            return found.family.app_id, found.made_at + self.lifetimes.authorization_key

    # Refresh

    def refresh(self, user_id: str, refresh_key: str, request_id) -> dict:
        with self._lock:
            now = self.clock.now()
            found = self._by_refresh_key.get(refresh_key)
            if found is None or self.hold("TI-AM-09") and not same(found.family.user_id, user_id):
                raise invalid_grant()
            if found.family.revoked or self._over(found, self.lifetimes.refresh_key, now):
                raise invalid_grant()
            if found.used_at is not None:
                return self._again(found, request_id, now)
            if self.hold("TI-AM-19"):
                return self._first(found, request_id, now)
        threading.Event().wait(STEP)
        with self._lock:
            return self._first(found, request_id, now)

    def _first(self, found: Generation, request_id, now: float) -> dict:
        kept = "" if self.hold("TI-AM-08") else found.refresh_key
        if not kept:
            found.used_at, found.request_id = now, request_id
        found.successor = self._generation(found.family, now, kept)
        return self._ticket(found.successor, now)

    def _again(self, found: Generation, request_id, now: float) -> dict:
        """A used refresh key: the same answer within its grace, else reuse."""
        same_request = request_id is not None and found.request_id is not None and same(request_id, found.request_id)
        in_grace = now - found.used_at < self.lifetimes.grace and found.successor.used_at is None
        if same_request and (in_grace or not self.hold("TI-AM-18")) and self.hold("TI-AM-17"):
            return self._ticket(found.successor, now)
        if self.hold("TI-AM-16"):
            found.family.revoked = True
        raise invalid_grant()

    # Revocation

    def revoke(self, user_id: str, refresh_key: str) -> None:
        with self._lock:
            found = self._by_refresh_key.get(refresh_key)
            if found and same(found.family.user_id, user_id):
                found.family.revoked = True

    def revoke_all(self, user_id: str, app_id=None) -> None:
        with self._lock:
            for family in self._families.get(user_id, ()):
                if app_id is None or family.app_id == app_id:
                    family.revoked = True

    def _forget(self, now: float) -> None:
        if now < self._next_clearing or not self.hold("TI-AM-14"):
            return
        self._next_clearing = now + CLEARING
        for table in (self._by_authorization_key, self._by_refresh_key):
            table.forget(now)
        alive = {user: [f for f in families if f.expires_at >= now] for user, families in self._families.items()}
        self._families = {user: families for user, families in alive.items() if families}


def same(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode(), other.encode())


def invalid_grant(why: str = "The keys are unknown, used or no longer valid; authenticate anew.") -> Refusal:
    return Refusal(400, "invalid_grant", why)
