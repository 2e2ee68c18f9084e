"""Wrong passwords for one user name, over all temporary credentials (profile section 4.2)."""
from __future__ import annotations

import threading
import zlib
from collections import deque

MOST = 10  # wrong passwords
SPAN = 600  # seconds
MADE_UP = 1024  # counts for all names that nobody has


class Guesses:
    """Counts wrong passwords for each account; names that nobody has share a fixed number of counts."""

    def __init__(self, clock, accounts):
        self._clock, self._accounts = clock, accounts
        self._tries, self._lock = {}, threading.Lock()

    def _key(self, username: str):
        return username if username in self._accounts else zlib.crc32(username.encode()) % MADE_UP

    def may_consent(self, username: str, right: bool) -> bool:
        """Judges and counts a password that was compared: of many at once, no more than MOST have a chance."""
        now, key = self._clock.now(), self._key(username)
        with self._lock:
            tries = self._tries.setdefault(key, deque(maxlen=MOST))
            if len(tries) == MOST and now < tries[-1] + SPAN:
                return False
            if right:
                del self._tries[key]
                return True
            while tries and now >= tries[0] + SPAN:
                tries.popleft()
            tries.append(now)
            return False
