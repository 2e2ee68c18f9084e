"""Wrong passwords for one user name, wherever they are tried (section 4.2 of the profiles)."""
from __future__ import annotations

import hmac
import math
import secrets
import threading
from collections import deque

from forms import Refusal

MOST = 10  # wrong passwords, unless the profile has another number
SPAN = 600  # seconds
MADE_UP = 2**20  # counts for all names that nobody has


class Guesses:
    """Counts wrong passwords for each account; names that nobody has share a fixed number of counts, and nobody can foretell which.
    Where they are not kept `apart` they share one."""

    def __init__(self, clock, accounts, most: int = MOST, apart: bool = True):
        self._made_up = MADE_UP if apart else 1
        self._clock, self._accounts, self._most = clock, accounts, most
        self._tries, self._lock, self._secret = {}, threading.Lock(), secrets.token_bytes(32)

    def _key(self, username: str):
        # Made for every name: time does not tell which are known.
        shared = int.from_bytes(hmac.digest(self._secret, username.encode(), "sha256"), "big") % self._made_up
        return username if username in self._accounts else shared

    def may_consent(self, username: str, right: bool) -> bool:
        """Judges and counts a password that was compared: of many at once, no more than the allowed have a chance."""
        return self.count(username, right) == 0 and right

    def count(self, username: str, right: bool) -> float:
        """Counts a password that was compared, unless the name is shut; returns the seconds for which it was."""
        now, key = self._clock.now(), self._key(username)
        with self._lock:
            shut = self._shut(key, now)
            if shut or right:
                if not shut:
                    self._tries.pop(key, None)
                return shut
            tries = self._tries.setdefault(key, deque(maxlen=self._most))
            while tries and now >= tries[0] + SPAN:
                tries.popleft()
            tries.append(now)
            return 0

    def shut(self, username: str) -> float:
        """Seconds until passwords for the name are compared again; 0: they are now."""
        with self._lock:
            return self._shut(self._key(username), self._clock.now())

    def _shut(self, key, now: float) -> float:
        tries = self._tries.get(key, ())
        return max(0, tries[-1] + SPAN - now) if len(tries) == self._most else 0


def refuse_while(seconds: float, error: str) -> None:
    """Refuses while a name is shut, as `error`."""
    if seconds:
        raise Refusal(429, error, "There were too many wrong passwords for this name; come back later.",
                      ("Retry-After", str(math.ceil(seconds))))
