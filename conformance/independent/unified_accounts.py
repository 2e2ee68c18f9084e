"""Accounts and login credentials of a third-party platform, and what has ended (profile sections 5.1 to 5.3)."""
from __future__ import annotations

import threading
from dataclasses import dataclass

from unified_wire import secret

CREDENTIAL_LIFETIME = 3600  # seconds


@dataclass(frozen=True)
class Information:
    """User information as a platform gave it."""

    issuer: str
    sub: str
    nickname: str
    picture: str
    generation: int


@dataclass
class Account:
    number: str
    nickname: str = ""
    picture: str = ""


@dataclass(eq=False)
class Credential:
    account: Account
    issuer: str
    sub: str
    generation: int
    given_at: float
    confirmed_at: float


class Accounts:
    """Accounts by issuer and sub, credentials by their value, and the greatest generation that ended for each user."""

    def __init__(self, clock, hold):
        self.clock, self.hold, self._lock = clock, hold, threading.RLock()
        self._accounts, self._credentials, self._ended = {}, {}, {}
        self._made, self._carried_out = 0, set()

    def login(self, information: Information, asked_at: float, brought: str):
        """A new login credential, or None where the generation has ended. `brought` is the browser's cookie before."""
        with self._lock:
            user = (information.issuer, information.sub)
            if information.generation <= self._ended.get(user, 0) and self.hold("UN-TP-44"):
                return None
            if not self.hold("UN-TP-05") and self._credentials:
                return next(iter(self._credentials))
            account = self._account(information)
            account.nickname, account.picture = information.nickname, information.picture
            value = secret() if self.hold("UN-TP-49") else brought or secret()
            self._credentials[value] = Credential(account, *user, information.generation, self.clock.now(), asked_at)
            return value

    def _account(self, information: Information) -> Account:
        key = (information.issuer, information.sub)
        if not self.hold("UN-TP-30"):
            key = information.sub
        if not self.hold("UN-TP-09"):
            key = information.nickname
        if key not in self._accounts or not self.hold("UN-TP-08"):
            self._made += 1
            self._accounts[key] = Account(str(self._made))
        return self._accounts[key]

    def credential(self, value: str):
        """The live login credential, or None."""
        with self._lock:
            found = self._credentials.get(value)
            if found and self.clock.now() >= found.given_at + CREDENTIAL_LIFETIME and self.hold("UN-TP-48"):
                del self._credentials[value]
                return None
            if found is None and not self.hold("UN-TP-10"):
                found = next(iter(self._credentials.values()), None) or Credential(Account("0"), "", "", 0, 0, self.clock.now())
            return found

    def end(self, value: str) -> None:
        """Ends one login credential: a logout at the third-party platform."""
        with self._lock:
            found = self._credentials.pop(value, None)
            if found and not self.hold("UN-TP-16"):
                self._keep(lambda other: other.account is not found.account)

    def end_user(self, issuer: str, sub: str, generation=None) -> bool:
        """Ends the login credentials of a user, up to a generation where one is given, which counts from then on.
        Says whether there were any."""
        with self._lock:
            if generation is not None:
                self._ended[issuer, sub] = max(generation, self._ended.get((issuer, sub), 0))
            if not self.hold("UN-TP-43"):
                generation = None

            def named(credential: Credential) -> bool:
                same = credential.sub == sub and (credential.issuer == issuer or not self.hold("UN-TP-31"))
                return same or not self.hold("UN-TP-13")

            return self._keep(lambda c: not named(c) or generation is not None and c.generation > generation)

    def _keep(self, stays) -> bool:
        kept = {value: credential for value, credential in self._credentials.items() if stays(credential)}
        ended, self._credentials = len(kept) < len(self._credentials), kept
        return ended

    def carry_out(self, issuer: str, task: dict) -> bool:
        """Carries out one task of a batch; says whether it is done."""
        with self._lock:
            if not self.hold("UN-TP-12"):
                return True
            ended = self.end_user(issuer, task["sub"], task["generation"])
            again = (issuer, task["task_id"]) in self._carried_out
            if not self.hold("UN-TP-41"):
                self._carried_out.add((issuer, task["task_id"]))
                return not again
            return ended or self.hold("UN-TP-42")
