"""Users of the platform, their sessions, and the pages on which they decide (profile section 4.1)."""
from __future__ import annotations

import hashlib
import hmac
import html
import json
import secrets
from dataclasses import dataclass
from urllib.parse import urlsplit

from guesses import Guesses
from store import Accounts
from unified_wire import secret
from web import Response, page, single

SESSION_LIFETIME = 24 * 3600  # seconds


@dataclass(eq=False)
class User:
    name: str
    nickname: str
    picture: str
    sub: str
    generation: int = 1


class Users:
    """`people` are user names, passwords and nicknames."""

    def __init__(self, issuer: str, clock, people):
        people = list(people)
        self._by_name = {name: User(name, nickname, f"{issuer}/pictures/{name}.png", secrets.token_urlsafe(16))
                         for name, _, nickname in people}
        self._by_sub = {user.sub: user for user in self._by_name.values()}
        self.accounts = Accounts([(name, password) for name, password, _ in people])
        self.guesses = Guesses(clock, self.accounts)

    def of_name(self, name: str):
        return self._by_name.get(name)

    def of_sub(self, sub: str):
        return self._by_sub.get(sub)

    def first(self) -> User:
        return next(iter(self._by_name.values()))


@dataclass
class Session:
    user: User
    ends_at: float


class Sessions:
    """Logins, sessions by cookie, and pages whose hidden inputs belong to the cookie."""

    def __init__(self, base: str, clock, hold, users: Users):
        self.clock, self.hold, self.users = clock, hold, users
        # Browsers share cookies between the ports of a host, so the name tells sites apart.
        self.cookie = f"platform-{urlsplit(base).port or 443}"
        self._secure = base.startswith("https:")
        self._sessions, self._page_key = {}, secrets.token_bytes(32)

    def of(self, request):
        """The live session of the browser, or None."""
        session = self._sessions.get(request.cookie(self.cookie))
        return session if session and self.clock.now() < session.ends_at else None

    def login(self, values) -> tuple:
        """The user whom name and password log in, or None; and why not."""
        name, password = single(values, "username"), single(values, "password")
        accounts, guesses, limited = self.users.accounts, self.users.guesses, self.hold("UN-PL-58")
        if not self.hold("UN-PL-57") and name not in accounts:
            return None, "Nobody has this user name."
        if not (limited and guesses.shut(name)):
            right = accounts.right(name, password) or not self.hold("UN-PL-03") and name in accounts
            if (guesses.may_consent(name, right) if limited else right):
                return self.users.of_name(name), ""
        return None, "The user name or the password is wrong, or too many were tried; come back later."

    def begin(self, user: User, request, answer: Response) -> Response:
        """Logs the browser in: the answer gets a new cookie."""
        value = secret()
        if not self.hold("UN-PL-54"):
            value = request.cookie(self.cookie) or value
        elif self.of(request):
            del self._sessions[request.cookie(self.cookie)]
        self._sessions[value] = Session(user, self.clock.now() + SESSION_LIFETIME)
        return self._with_cookie(answer, value)

    def end(self, user: User, request) -> None:
        """Ends the sessions of a user."""
        here = request.cookie(self.cookie)
        for value, session in list(self._sessions.items()):
            if session.user is user and (value == here or self.hold("UN-PL-47")) or self.clock.now() >= session.ends_at:
                del self._sessions[value]

    def _with_cookie(self, answer: Response, value: str) -> Response:
        attributes = "; HttpOnly; SameSite=Lax" + ("; Secure" if self._secure else "")
        return answer.with_header("Set-Cookie", f"{self.cookie}={value}; Path=/" + (attributes if self.hold("UN-PL-55") else ""))

    def form_page(self, request, status: int, title: str, text: str, about: str, decisions, user=None) -> Response:
        """A page with a form that asks `user` for a decision, or for name and password where there is none.
        `text` is HTML already; `about` is what the page is about, which own_page compares."""
        value = request.cookie(self.cookie)
        known = bool(value)
        value = value or secret()
        shown_to = user.name if user else ""
        fields = "" if user else (
            '<p><label>User name <input type="text" name="username" value="" autocomplete="username"></label></p>'
            '<p><label>Password <input type="password" name="password" value="" autocomplete="current-password"></label></p>')
        buttons = " ".join(f'<button type="submit" name="decision" value="{d}">{d.capitalize()}</button>' for d in decisions)
        answer = page(status, title, f"""{text}
<form method="post">
<input type="hidden" name="shown_to" value="{html.escape(shown_to)}">
<input type="hidden" name="page" value="{self._token(value, shown_to, about)}">
{fields}<p>{buttons}</p>
</form>""")
        return answer if known else self._with_cookie(answer, value)

    def own_page(self, request, about: str) -> bool:
        """Whether a form came from a page of this platform, about the same, in the same browser."""
        value, token = request.cookie(self.cookie), single(request.form, "page")
        right = self._token(value, single(request.form, "shown_to"), about)
        return bool(value) and hmac.compare_digest(token.encode(), right.encode())

    def _token(self, *parts: str) -> str:
        return hmac.new(self._page_key, json.dumps(parts).encode(), hashlib.sha256).hexdigest()
