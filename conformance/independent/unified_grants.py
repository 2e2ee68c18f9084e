"""Codes, pass tokens and the relations of users to third-party platforms (profile section 4.5)."""
from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

from forms import Refusal
from jose import b64encode
from store import TokenTable
from unified_wire import Message, secret

CODE_LIFETIME = 60  # seconds
PASS_TOKEN_LIFETIME = 60  # seconds
REMEMBERED = 3600  # seconds for which what has expired is still known
_VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}")


def invalid_grant(why: str) -> Refusal:
    return Refusal(400, "invalid_grant", why)


def invalid_token(why: str) -> Refusal:
    return Refusal(400, "invalid_token", why)


@dataclass
class PassToken:
    client_id: str
    user: object
    generation: int
    expires_at: float
    used: bool = False
    revoked: bool = False


@dataclass
class Code:
    """`callback` is the redirect_uri of the authorization request, or the registered one where it had none."""

    client_id: str
    callback: str
    challenge: str
    method: str
    user: object
    generation: int
    expires_at: float
    pass_token: PassToken = None  # what it was exchanged for


def challenge_of(verifier: str, method: str) -> str:
    return verifier if method == "plain" else b64encode(hashlib.sha256(verifier.encode()).digest())


class Grants:
    """Every method is called under the platform's lock."""

    def __init__(self, clock, hold, users):
        self.clock, self.hold, self.users = clock, hold, users
        self._codes, self._passes, self._relations = TokenTable(), TokenTable(), {}
        self._given, self._last_code, self._last_user = 0, None, None

    def give_code(self, user, client_id: str, callback: str, challenge: str, method: str) -> str:
        now = self.clock.now()
        self._codes.forget(now - REMEMBERED)
        self._passes.forget(now - REMEMBERED)
        self._given += 1
        value = secret() if self.hold("UN-PL-56") else f"{self._given:022d}"
        self._last_code = Code(client_id, callback, challenge, method, user, user.generation, now + CODE_LIFETIME)
        self._codes.put(value, self._last_code)
        if not self.hold("UN-PL-25"):
            self._record(user, client_id)
        return value

    def exchange(self, message: Message) -> dict:
        """What a pass-token request is answered with."""
        if message.text("grant_type") != "authorization_code":
            raise Refusal(400, "unsupported_grant_type", "grant_type is not authorization_code.")
        value, callback = message.text("code"), message.text("redirect_uri")
        verifier = message.text("code_verifier") if "code_verifier" in message.members else ""
        code, now = self._codes.get(value), self.clock.now()
        if code is None and not self.hold("UN-PL-11"):
            code = self._last_code
        if code is None or code.client_id != message.line.other and self.hold("UN-PL-12"):
            raise invalid_grant("This code was not given to this third-party platform.")
        if code.pass_token:
            if self.hold("UN-PL-40"):
                code.pass_token.revoked = True
            if self.hold("UN-PL-39"):
                raise invalid_grant("This code has been used.")
        if now >= code.expires_at and self.hold("UN-PL-41"):
            raise invalid_grant("This code has expired.")
        if code.generation != code.user.generation and self.hold("UN-PL-45"):
            raise invalid_grant("The user has logged out since this code was given.")
        if callback != code.callback and self.hold("UN-PL-38"):
            raise invalid_grant("redirect_uri is not that of the authorization request.")
        if self.hold("UN-PL-36") and code.challenge:
            if not _VERIFIER.fullmatch(verifier) or challenge_of(verifier, code.method) != code.challenge:
                raise invalid_grant("code_verifier is not that of the challenge.")
        code.pass_token = PassToken(message.line.other, code.user, code.generation, now + PASS_TOKEN_LIFETIME)
        pass_token = secret()
        self._passes.put(pass_token, code.pass_token)
        answer = {"pass_token": pass_token}
        return {**answer, "expires_in": PASS_TOKEN_LIFETIME} if self.hold("UN-PL-10") else answer

    def authenticate(self, message: Message) -> dict:
        """What an authentication-request is answered with; it records the relation."""
        value, client_id = message.text("pass_token"), message.line.other
        found = self._passes.get(value)
        if found is None:
            if self.hold("UN-PL-14") or self._last_user is None:
                raise invalid_token("This pass token is not known here.")
            return self._information(self._last_user)
        if found.client_id != client_id and self.hold("UN-PL-44"):
            raise invalid_token("This pass token is another third-party platform's.")
        if found.used and self.hold("UN-PL-43") or found.revoked:
            raise invalid_token("This pass token has been used or revoked.")
        if self.clock.now() >= found.expires_at and self.hold("UN-PL-42"):
            raise invalid_token("This pass token has expired.")
        if found.generation != found.user.generation and self.hold("UN-PL-45"):
            raise invalid_token("The user has logged out since this pass token was given.")
        found.used, self._last_user = True, found.user
        self._record(found.user, client_id)
        return self._information(found.user if self.hold("UN-PL-15") else self.users.first())

    def _information(self, user) -> dict:
        information = {"sub": user.sub, "nickname": user.nickname, "generation": self.told(user.generation)}
        return {**information, "picture": user.picture} if self.hold("UN-PL-13") else information

    def status(self, message: Message) -> dict:
        """What a status-request is answered with. Relations of older generations stay on record without effect."""
        sub, generation, client_id = message.text("sub"), message.whole("generation", 1), message.line.other
        user = self.users.of_sub(sub)
        if user is None:
            return {"active": False}
        generations = self._relations.get((sub, client_id), set())
        if not self.hold("UN-PL-86"):
            generations = {user.generation}
        if self.hold("UN-PL-85"):
            generations = generations & {user.generation}
        return {"active": generation in {self.told(g) for g in generations}}

    def _record(self, user, client_id: str) -> None:
        self._relations.setdefault((user.sub, client_id), set()).add(user.generation)

    def related(self, user) -> list:
        """The third-party platforms at which the user has been authenticated in the present generation."""
        return [client_id for (sub, client_id), generations in self._relations.items()
                if sub == user.sub and user.generation in generations]

    def told(self, generation: int) -> int:
        """A generation as messages give it."""
        return generation if self.hold("UN-PL-84") else 1
