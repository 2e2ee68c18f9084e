"""The endpoints of the platform that a browser opens: portal, authorization, logout (profile sections 4.3, 4.4, 4.6)."""
from __future__ import annotations

import html
import json
import re
from dataclasses import astuple, dataclass

from forms import Refusal
from web import Response, for_browsers, page, redirect, single, with_query

PARAMETERS = ("client_id", "redirect_uri", "response_type", "state", "code_challenge", "code_challenge_method")
LONGEST_STATE = 512  # characters
_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")


class SentBack(Exception):
    """An authorization request that is refused at the callback path."""

    def __init__(self, error: str):
        super().__init__(error)
        self.error = error


@dataclass(frozen=True)
class AuthorizationRequest:
    client_id: str
    callback: str
    response_type: str
    state: str
    challenge: str
    method: str


class Pages:
    def __init__(self, platform):
        self.platform, self.hold, self.sessions = platform, platform.hold, platform.sessions

    def routes(self) -> dict:
        return {
            "/portal": {"GET": self._finished(self.portal), "POST": self._finished(self.portal_login)},
            "/authorize": {"GET": self._finished(self.authorize), "POST": self._finished(self.decide)},
            "/sign-out": {"GET": self._finished(self.logout_page), "POST": self._finished(self.logout)},
        }

    def _finished(self, handler):
        """A handler whose refusals are pages, with the headers of pages."""
        answered = for_browsers(handler)

        def answer(request) -> Response:
            response = answered(request)
            if not self.hold("UN-PL-49"):
                response.without_header("Content-Security-Policy").without_header("X-Frame-Options")
            if not self.hold("UN-PL-91"):
                response.without_header("Referrer-Policy")
            return response if self.hold("UN-PL-59") else response.without_header("Cache-Control")

        return answer

    def _redirect(self, url: str) -> Response:
        return redirect(url, 303 if self.hold("UN-PL-48") else 307)

    def _logged_in_by_query(self, request) -> bool:
        return not self.hold("UN-PL-52") and bool(single(request.query, "username"))

    # Section 4.3

    def portal(self, request) -> Response:
        if self._logged_in_by_query(request):
            return self._enter(request, request.query)
        session = self.sessions.of(request)
        if session is None:
            return self._portal_login_page(request, 200)
        parties = list(self.platform.register.parties.values())
        if not self.hold("UN-PL-02"):
            parties = parties[:-1]
        links = "".join(f'<li><a href="{html.escape(party.paths["access_uri"])}">{html.escape(party.name)}</a></li>' for party in parties)
        return page(200, "Portal", f"""<p>You are logged in as {html.escape(session.user.nickname)}.</p>
<ul>{links}</ul>
<p><a href="{html.escape(self.platform.base)}/sign-out">Log out everywhere</a></p>""")

    def _portal_login_page(self, request, status: int, why: str = "") -> Response:
        return self.sessions.form_page(request, status, "Log in", f"<p>{html.escape(why)}</p>", "portal", ["login"])

    def portal_login(self, request) -> Response:
        if self.hold("UN-PL-50") and not self.sessions.own_page(request, "portal"):
            return self._portal_login_page(request, 403, "This form is not of this page; log in here.")
        if single(request.form, "decision") != "login":
            return self._portal_login_page(request, 400, "Use the button of this page.")
        return self._enter(request, request.form)

    def _enter(self, request, values) -> Response:
        user, why = self.sessions.login(values)
        if user is None:
            return self._portal_login_page(request, 403, why)
        return self.sessions.begin(user, request, self._redirect(self.platform.base + "/portal"))

    # Section 4.4

    def authorize(self, request) -> Response:
        try:
            asked = self._asked(request)
        except SentBack as sent:
            return self._send_back(request, error=sent.error)
        if self._logged_in_by_query(request):
            return self._decided(request, asked, request.query)
        session = self.sessions.of(request)
        if session is None and not self.hold("UN-PL-04"):
            raise Refusal(403, "login_required", "Log in at the portal first.")
        if session and not self.hold("UN-PL-06"):
            return self._approved(asked, session.user)
        return self._page(request, 200, asked, session.user if session and self.hold("UN-PL-05") else None)

    def _party(self, request):
        """The third-party platform and callback path of a request; where they are not right there is no way back."""
        values = {name: [v for n, v in request.query if n == name] for name in PARAMETERS}
        if self.hold("UN-PL-32") and any(len(found) > 1 for found in values.values()):
            raise Refusal(400, "invalid_request", "A parameter came more than once; send it once.")
        client_id, callback = (values[name][0] if values[name] else "" for name in ("client_id", "redirect_uri"))
        party = self.platform.register.parties.get(client_id)
        if party is None:
            if self.hold("UN-PL-09") or not client_id:
                raise Refusal(400, "invalid_client", "No third-party platform in force has this client_id.")
            return client_id, client_id, callback
        registered = party.paths["callback_uri"]
        fits = callback == registered if self.hold("UN-PL-31") else callback.startswith(registered)
        if not fits:
            raise Refusal(400, "invalid_redirect_uri", "redirect_uri is not the registered callback path.")
        return client_id, party.name, callback

    def _asked(self, request) -> AuthorizationRequest:
        client_id, _, callback = self._party(request)
        rest = (next((v for n, v in request.query if n == name), "") for name in PARAMETERS[2:])
        asked = AuthorizationRequest(client_id, callback, *rest)
        if asked.response_type != "code":
            raise SentBack("unsupported_response_type" if asked.response_type else "invalid_request")
        if not asked.state and self.hold("UN-PL-33") or len(asked.state) > LONGEST_STATE:
            raise SentBack("invalid_request")
        self._judge_challenge(asked.challenge, asked.method)
        return asked

    def _judge_challenge(self, challenge: str, method: str) -> None:
        if challenge and not _CHALLENGE.fullmatch(challenge) or not challenge and self.hold("UN-PL-34"):
            raise SentBack("invalid_request")
        if method in ("", "plain"):
            if (challenge or method) and self.hold("UN-PL-35"):
                raise SentBack("invalid_request")
        elif method != "S256" and self.hold("UN-PL-34"):
            raise SentBack("invalid_request")

    def _page(self, request, status: int, asked: AuthorizationRequest, user, why: str = "") -> Response:
        _, name, _ = self._party(request)
        named = f"{html.escape(name)} ({html.escape(asked.client_id)})" if self.hold("UN-PL-53") else html.escape(name)
        who = f"<p>You are logged in as {html.escape(user.name)}.</p>" if user else ""
        text = f"<p>{html.escape(why)}</p>{who}<p>{named} asks who you are: a number of its own for you, your nickname and your picture.</p>"
        return self.sessions.form_page(request, status, "Authorize", text, about(asked), ["approve", "deny"], user)

    def decide(self, request) -> Response:
        try:
            asked = self._asked(request)
        except SentBack as sent:
            return self._send_back(request, error=sent.error)
        if self.hold("UN-PL-50") and not self.sessions.own_page(request, about(asked)):
            return self._page(request, 403, asked, None, "This form is not of this page, or you have logged in or out since.")
        return self._decided(request, asked, request.form)

    def _decided(self, request, asked: AuthorizationRequest, values) -> Response:
        decision, shown_to = single(values, "decision"), single(values, "shown_to")
        if decision not in ("approve", "deny"):
            return self._page(request, 400, asked, None, "Use a button of this page.")
        session, users = self.sessions.of(request), self.platform.users
        if not self.hold("UN-PL-50") and session and not single(values, "username"):
            shown_to = session.user.name
        if decision == "deny":
            if self.hold("UN-PL-08"):
                return self._send_back(request, error="access_denied")
            return self._approved(asked, users.of_name(shown_to) or users.of_name(single(values, "username")) or users.first())
        if not shown_to:
            user, why = self.sessions.login(values)
            if user is None:
                return self._page(request, 403, asked, None, why)
            return self.sessions.begin(user, request, self._approved(asked, user))
        with self.platform.lock:
            session = self.sessions.of(request)
            if self.hold("UN-PL-46") and (session is None or session.user.name != shown_to):
                return self._page(request, 403, asked, None, "You have logged out since; log in again.")
            return self._approved(asked, users.of_name(shown_to))

    def _approved(self, asked: AuthorizationRequest, user) -> Response:
        with self.platform.lock:
            code = self.platform.grants.give_code(user, asked.client_id, asked.callback, asked.challenge, asked.method)
        return self._redirect(with_query(asked.callback, code=code, **self._with_issuer([asked.state] if asked.state else [])))

    def _send_back(self, request, error: str) -> Response:
        _, _, callback = self._party(request)
        states = [v for n, v in request.query if n == "state"]
        return self._redirect(with_query(callback, error=error, **self._with_issuer(states)))

    def _with_issuer(self, states: list) -> dict:
        """What every authorization response carries: state, where one came, and iss."""
        added = {"state": states[0]} if states and self.hold("UN-PL-07") else {}
        return {**added, "iss": self.platform.issuer} if self.hold("UN-PL-37") else added

    # Section 4.6

    def logout_page(self, request) -> Response:
        session = self.sessions.of(request)
        if session is None:
            return page(200, "Log out", "<p>You are not logged in here.</p>")
        if not self.hold("UN-PL-51"):
            return self._log_out(request, session.user)
        text = f"<p>This logs {html.escape(session.user.name)} out here, in every browser, and of every third-party platform.</p>"
        party = self.platform.register.parties.get(single(request.query, "client_id"))
        if party:
            text = f"<p>You come from {html.escape(party.name)} ({html.escape(party.client_id)}).</p>" + text
        return self.sessions.form_page(request, 200, "Log out", text, "logout", ["logout"], session.user)

    def logout(self, request) -> Response:
        if not self.sessions.own_page(request, "logout"):
            raise Refusal(403, "access_denied", "This form is not of the logout page; open that page.")
        if single(request.form, "decision") != "logout":
            raise Refusal(400, "invalid_request", "Use the button of the logout page.")
        party = self.platform.register.parties.get(single(request.query, "client_id"))
        if party and not {"logout_uri", "backchannel_logout_uri"} & set(party.paths) and not self.hold("UN-PL-29"):
            raise Refusal(403, "access_denied", "This third-party platform takes part in no logout.")
        return self._log_out(request, self.platform.users.of_name(single(request.form, "shown_to")))

    def _log_out(self, request, user) -> Response:
        with self.platform.lock:
            session = self.sessions.of(request)
            if session and session.user is user:
                wait = self.platform.log_out(user, request)
            else:
                wait = None  # the same form again
        if wait and not self.hold("UN-PL-22"):
            wait()
        return page(200, "Logged out", "<p>You are logged out here. The third-party platforms are being told.</p>")


def about(asked: AuthorizationRequest) -> str:
    return "authorize" + json.dumps(astuple(asked))
