"""Logins at a third-party platform: access and callback (profile section 5.1)."""
from __future__ import annotations

import hashlib
import threading
from dataclasses import dataclass
from urllib.parse import urlsplit

from forms import Refusal
from jose import b64encode
from unified_accounts import Information
from unified_registrations import Remote
from unified_wire import NoAnswer, is_whole, secret
from web import Response, redirect, single, with_query

LONGEST_LOGIN = 600  # seconds
MOST_LOGINS = 32  # under way in one browser


@dataclass(frozen=True)
class Login:
    """One that is under way."""

    state: str
    verifier: str
    remote: Remote
    begun_at: float


class Logins:
    def __init__(self, third_party):
        self.site, self.hold, self.clock = third_party, third_party.hold, third_party.clock
        self.callback_uri = third_party.base + "/callback"
        self.cookie = f"session-{urlsplit(third_party.base).port or 443}"
        self._sessions, self._lock = {}, threading.Lock()  # session -> state -> Login
        self._one_state, self._one_verifier = secret(), secret()

    def access(self, request) -> Response:
        issuer = single(request.query, "iss") or self.site.first.issuer
        remote = self.site.remotes.get(issuer)
        if remote is None:
            raise Refusal(400, "invalid_request", "No platform with this issuer is known here.")
        try:
            remote.document()
            endpoint = remote.endpoint("authorization_endpoint")
        except NoAnswer as error:
            raise Refusal(502, "bad_gateway", f"The platform cannot be used: {error}")
        login = Login(secret() if self.hold("UN-TP-21") else self._one_state,
                      secret() if self.hold("UN-TP-26") else self._one_verifier, remote, self.clock.now())
        session = self._begin(request.cookie(self.cookie), login)
        client_id = remote.registration.client_id
        return self.site.with_cookie(redirect(with_query(
            endpoint,
            response_type="code",
            client_id=client_id if self.hold("UN-TP-02") else client_id + "-other",
            redirect_uri=self.callback_uri,
            state=login.state,
            code_challenge=b64encode(hashlib.sha256(login.verifier.encode()).digest()),
            code_challenge_method="S256",
        )), self.cookie, session)

    def _begin(self, session: str, login: Login) -> str:
        """Keeps a login in the browser's session, or in a new one; gives its value."""
        with self._lock:
            self._forget()
            if session not in self._sessions:
                session = secret()
            logins = self._sessions.setdefault(session, {})
            logins[login.state] = login
            while len(logins) > MOST_LOGINS:
                del logins[next(iter(logins))]
            return session

    def _forget(self) -> None:
        oldest = self.clock.now() - LONGEST_LOGIN
        for session, logins in list(self._sessions.items()):
            for login in [login for login in logins.values() if login.begun_at < oldest]:
                del logins[login.state]
            if not logins:
                del self._sessions[session]

    def _take(self, request):
        """The login that a callback belongs to, taken out of the browser's session."""
        states = [v for n, v in request.query if n == "state"]
        with self._lock:
            self._forget()
            logins = self._sessions.get(request.cookie(self.cookie), {})
            if not self.hold("UN-TP-23"):
                logins = {state: login for session in self._sessions.values() for state, login in session.items()}
            known = [state for state in states if state in logins]
            found = logins[known[0]] if known else None
            if found is None and logins and not self.hold("UN-TP-22"):
                found = list(logins.values())[-1]
            if found and self.hold("UN-TP-24"):
                for session in self._sessions.values():
                    for state in (*known, found.state):
                        if session.get(state) is logins.get(state):
                            session.pop(state, None)
            return found

    def callback(self, request) -> Response:
        login = self._take(request)
        if login is None:
            raise Refusal(403, "access_denied", "This browser waits for no login with this state; begin again.")
        code, error, issuer = (single(request.query, name) for name in ("code", "error", "iss"))
        single(request.query, "state")
        if issuer != login.remote.registration.issuer and self.hold("UN-TP-28"):
            raise Refusal(403, "access_denied", "iss is not the platform that the login was begun with.")
        if error and self.hold("UN-TP-07"):
            raise Refusal(403, "access_denied", f"The platform says: {error}.")
        if not code and not error:
            raise Refusal(400, "invalid_request", "There is neither code nor error.")
        try:
            pass_token = self._exchange(login, code)
            information, asked_at = self._information(login, pass_token)
        except NoAnswer as failure:
            raise Refusal(502, "bad_gateway", f"The platform did not confirm the login: {failure}")
        except Refusal as refusal:
            raise Refusal(502, "bad_gateway", f"The platform's answer cannot be used: {refusal.description}")
        brought = request.cookie(self.site.cookie)
        credential = self.site.accounts.login(information, asked_at, brought)
        if credential is None:
            raise Refusal(403, "access_denied", "You have logged out meanwhile; log in again.")
        home = self.site.base + "/home"
        if not self.hold("UN-TP-53"):
            home = with_query(home, credential=credential)
        return self.site.with_cookie(redirect(home), self.site.cookie, credential)

    def _exchange(self, login: Login, code: str) -> str:
        members = {"grant_type": "authorization_code", "redirect_uri": self.callback_uri}
        if self.hold("UN-TP-03"):
            members["code"] = code
        if self.hold("UN-TP-27"):
            members["code_verifier"] = login.verifier
        try:
            return self._ask(login, "token_endpoint", "pass-token", members).text("pass_token")
        except NoAnswer:
            if self.hold("UN-TP-25"):
                raise
            return self._ask(login, "token_endpoint", "pass-token", members).text("pass_token")

    def _information(self, login: Login, pass_token: str) -> tuple:
        """What the platform says of the user, and when it was asked."""
        asked_at, issuer = self.clock.now(), login.remote.registration.issuer
        nobody = Information(issuer, "nobody-" + secret()[:8], "Nobody", "", 1)
        if not self.hold("UN-TP-04"):
            return nobody, asked_at
        try:
            answer = self._ask(login, "authentication_endpoint", "authentication", {"pass_token": pass_token})
        except NoAnswer:
            if self.hold("UN-TP-06"):
                raise
            return nobody, asked_at
        sub, generation = answer.text("sub"), answer.members.get("generation")
        if not (sub.isascii() and 1 <= len(sub) <= 255):
            raise NoAnswer("sub is not 1 to 255 ASCII characters.")
        if not is_whole(generation, 1):
            raise NoAnswer("generation is missing or no whole number of 1 or more.")
        return Information(issuer, sub, answer.text("nickname"), answer.text("picture"), generation), asked_at

    def _ask(self, login: Login, endpoint: str, kind: str, members: dict):
        remote = login.remote
        return self.site.seals.ask(remote.endpoint(endpoint), remote.sending_line(), kind, members, plain="UN-TP-32", related="UN-TP-33")
