"""The third-party platform (profile section 5)."""
from __future__ import annotations

import hashlib
import hmac
import html
import secrets
from urllib.parse import urlsplit

from forms import Refusal
from store import Guards
from unified_accounts import CREDENTIAL_LIFETIME, Accounts
from unified_logins import Logins
from unified_logouts import Logouts
from unified_registrations import Remote
from unified_wire import Lifts, NoAnswer, Seals, for_programs
from web import Response, for_browsers, json_response, page, single, with_query

# UN-TP-62 is kept by no fault here: the harness lies on loopback.
DEFECTS = tuple(f"UN-TP-{n:02d}" for n in range(1, 62))

RETRY_AFTER = 5  # seconds
LIFTS = Lifts(plain="UN-TP-34", algorithm="UN-TP-35", key="UN-TP-19", kind="UN-TP-36", receiver="UN-TP-36",
              replay="UN-TP-37", fresh="UN-TP-38", vector="UN-TP-39")


class ThirdParty:
    """Lets users in whom a platform has authenticated, and out again when the platform says so."""

    def __init__(self, base: str, clock, guards: Guards, registrations: list):
        self.base, self.clock, self.hold = base, clock, guards.hold
        self.remotes = {r.issuer: Remote(r, clock, self.hold) for r in registrations}
        self.first = registrations[0]
        self.seals = Seals(clock, self.hold, LIFTS, self._lines, self._plain_line)
        self.accounts = Accounts(clock, self.hold)
        self.logouts = Logouts(clock, self.hold, self.seals, self.accounts, self.remotes)
        self.logins = Logins(self)
        # Browsers share cookies between the ports of a host, so the name tells sites apart.
        self.cookie = f"login-{urlsplit(base).port or 443}"
        self._page_key = secrets.token_bytes(32)

    def _lines(self, kid) -> list:
        return [line for remote in self.remotes.values() for line in remote.lines(kid)]

    def _plain_line(self, issuer: str):
        remote = self.remotes.get(issuer)
        return remote.sending_line() if remote else None

    def metadata(self) -> dict:
        document = {
            "client_id": self.first.client_id,
            "access_endpoint": self.base + "/access",
            "callback_endpoint": self.base + "/callback",
            "home_endpoint": self.base + "/home",
            "resource_endpoint": self.base + "/resource",
            "batch_logout_endpoint": self.base + "/logout",
            "user_logout_endpoint": self.base + "/leave",
            "backchannel_logout_endpoint": self.base + "/backchannel",
            "credential_lifetime": CREDENTIAL_LIFETIME,
        }
        if not self.hold("UN-TP-01"):
            del document["callback_endpoint"]
        return document

    def routes(self) -> dict:
        def program(handler):
            return for_programs(handler, self._spoil)

        return {
            "/access": {"GET": self._unstored(for_browsers(self.logins.access))},
            "/callback": {"GET": self._unstored(for_browsers(self.logins.callback))},
            "/home": {"GET": self._unstored(for_browsers(self.home))},
            "/resource": {"GET": self._unstored(program(self.resource))},
            "/leave": {"POST": for_browsers(self.leave)},
            "/logout": {"POST": program(self.logouts.batch)},
            "/backchannel": {"POST": program(self.logouts.back_channel)},
        }

    def _unstored(self, handler):
        return handler if self.hold("UN-TP-51") else lambda request: handler(request).without_header("Cache-Control")

    def _spoil(self, response: Response, refusal: Refusal) -> Response:
        if not self.hold("UN-TP-20"):
            response.body, response.content_type = refusal.description.encode(), "text/plain; charset=utf-8"
        return response

    def with_cookie(self, answer: Response, name: str, value: str) -> Response:
        attributes = "; HttpOnly; SameSite=Lax" + ("; Secure" if self.base.startswith("https:") else "")
        return answer.with_header("Set-Cookie", f"{name}={value}; Path=/" + (attributes if self.hold("UN-TP-50") else ""))

    # Section 5.2

    def _credential(self, request):
        """The live login credential of a request, confirmed within the bound."""
        credential = self.accounts.credential(request.cookie(self.cookie))
        if credential is None:
            raise Refusal(403, "login_required", "There is no live login credential; log in first.")
        remote = self.remotes.get(credential.issuer)
        if remote:
            stale = self.clock.now() - credential.confirmed_at > remote.logout_bound() and self.hold("UN-TP-46")
            if stale or not self.hold("UN-TP-11"):
                self._confirm(credential, remote)
        return credential

    def _confirm(self, credential, remote: Remote) -> None:
        asked_at = self.clock.now()
        try:
            if not remote.has("status_endpoint"):
                raise Refusal(403, "login_required", "The platform does not say who is still logged in; log in again.")
            about = {"sub": credential.sub, "generation": credential.generation}
            answer = self.seals.ask(remote.endpoint("status_endpoint"), remote.sending_line(), "status", about)
            active = answer.members.get("active")
            if not isinstance(active, bool):
                raise NoAnswer("active is neither true nor false.")
        except NoAnswer:
            if self.hold("UN-TP-47"):
                raise Refusal(503, "temporarily_unavailable", "The platform cannot be asked now whether you are still logged in.",
                              ("Retry-After", str(RETRY_AFTER)))
            return
        if not active:
            self.accounts.end_user(credential.issuer, credential.sub, credential.generation)
            raise Refusal(403, "login_required", "You have logged out at the platform; log in again.")
        credential.confirmed_at = max(credential.confirmed_at, asked_at)

    def resource(self, request) -> Response:
        credential = self._credential(request)
        account = credential.account
        return json_response(200, {
            "sub": credential.sub, "nickname": account.nickname, "picture": account.picture, "account": account.number,
            "data": [{"id": "1", "title": f"The first note of account {account.number}"}]})

    def home(self, request) -> Response:
        credential = self._credential(request)
        account, remote = credential.account, self.remotes.get(credential.issuer)
        nickname = html.escape(account.nickname) if self.hold("UN-TP-54") else account.nickname
        answer = page(200, "Home", f"""<p><img src="{html.escape(account.picture)}" alt=""> {nickname}</p>
{self._platform_logout(remote)}
<form method="post" action="{html.escape(self.base)}/leave">
<input type="hidden" name="page" value="{self._page_token(request)}">
<p><button type="submit" name="decision" value="logout">Log out here</button></p>
</form>""")
        return answer if self.hold("UN-TP-55") else answer.without_header("Content-Security-Policy").without_header("X-Frame-Options")

    def _platform_logout(self, remote) -> str:
        """The link to the logout of the platform that the user came from, as its metadata named it at login."""
        if remote is None or not self.hold("UN-TP-17"):
            return ""
        try:
            url = with_query(remote.endpoint("logout_endpoint", remote.last_known()), client_id=remote.registration.client_id)
        except NoAnswer:
            return ""
        return f'<p><a href="{html.escape(url)}">Log out everywhere</a></p>'

    def _page_token(self, request) -> str:
        return hmac.new(self._page_key, request.cookie(self.cookie).encode(), hashlib.sha256).hexdigest()

    def leave(self, request) -> Response:
        value, token = request.cookie(self.cookie), single(request.form, "page")
        own = bool(value) and hmac.compare_digest(token.encode(), self._page_token(request).encode())
        if not own and self.hold("UN-TP-52"):
            raise Refusal(403, "access_denied", "This form is not of your home page; open that page.")
        if own and single(request.form, "decision") != "logout":
            raise Refusal(400, "invalid_request", "Use the button of the home page.")
        if self.hold("UN-TP-15"):
            self.accounts.end(value)
        return page(200, "Logged out", "<p>You are logged out here, and still logged in at the platform.</p>")
