"""The authorization endpoint of the OAuth server: the page on which the user decides (profile section 4.2)."""
from __future__ import annotations

import hashlib
import hmac
import html
import re
import secrets
from dataclasses import dataclass

from forms import Refusal
from web import Response, for_browsers, page, redirect, single, with_query

MOST_PAGES = 32  # pages of one credential that are open at once
_BROWSER = re.compile(r"[A-Za-z0-9_-]{43}")
_STATE = re.compile(r"[A-Za-z0-9._~-]{0,512}")


@dataclass(frozen=True)
class Asked:
    """The question of one authorization page."""

    credential: object  # TemporaryCredential
    client_id: str  # the client that would hold the token
    state: str  # what the page was opened with; empty without


class Consent:
    """Puts temporary credentials to the user and takes the decision."""

    def __init__(self, server):
        self.server = server
        self.hold = server.hold
        # Browsers share cookies between the ports of one host, so the name tells sites apart.
        self.cookie = "consent-" + hashlib.sha256(server.issuer.encode()).hexdigest()[:8]

    def routes(self) -> dict:
        show = for_browsers(self.show)
        return {"GET": show, "HEAD": show, "POST": for_browsers(self.decide)}

    def show(self, request) -> Response:
        if not self.hold("BI-OS-43") and single(request.query, "decision"):
            asked = self._put_to_user(request)
            return self._decision(request, request.query, asked)
        if not self.hold("BI-OS-50") and single(request.query, "oauth_callback"):
            if self.server.credentials.get(single(request.query, "oauth_token")) is None:
                return redirect(single(request.query, "oauth_callback"))
        asked = self._put_to_user(request)
        return self._page(200, request, asked)

    def decide(self, request) -> Response:
        asked = self._put_to_user(request)
        if self.hold("BI-OS-28"):
            self._judge_page(request, asked)
        values = request.form if self.hold("BI-OS-43") else request.form + request.query
        return self._decision(request, values, asked)

    def _put_to_user(self, request):
        """What an authorization request asks the user."""
        token = single(request.query, "oauth_token", required=True)
        credential = self.server.credentials.get(token)
        if credential is None:
            raise Refusal(400, "token_rejected", "This temporary credential is not known here; begin again.")
        if self.hold("BI-OS-33") and self.server.clock.now() >= credential.expires_at:
            raise Refusal(400, "token_expired", "This temporary credential has expired; begin again.")
        if credential.state == "dead" or credential.state != "open" and self.hold("BI-OS-51"):
            raise Refusal(400, "token_used", "This temporary credential has been decided already; begin again.")
        client_id = single(request.query, "client_id") or credential.asking_client
        if client_id not in self.server.clients:
            raise Refusal(400, "parameter_rejected", "client_id is not a registered client.")
        if client_id != credential.asking_client and not self._may_be_rewritten(credential, client_id):
            raise Refusal(400, "parameter_rejected", "This credential was not made to be handed to that client.")
        return Asked(credential, client_id, self._state_of(request))

    def _state_of(self, request) -> str:
        """What the page is opened with, for the client to compare; a server without BI-OS-54 ignores it."""
        if not self.hold("BI-OS-54"):
            return ""
        state = single(request.query, "state")
        if not _STATE.fullmatch(state):
            raise Refusal(400, "parameter_rejected", "state is too long, or has other characters than unreserved ones.")
        return state

    def _may_be_rewritten(self, credential, client_id: str) -> bool:
        if not credential.delegate:
            return not self.hold("BI-OS-24")
        return credential.delegate == client_id or not self.hold("BI-OS-25")

    def _page(self, status: int, request, asked: Asked) -> Response:
        credential, client_id = asked.credential, asked.client_id
        browser = request.cookie(self.cookie)
        if not _BROWSER.fullmatch(browser):
            browser = secrets.token_urlsafe(32)
        ticket = secrets.token_urlsafe(32)
        with self.server.lock:
            credential.pages[ticket] = (browser, client_id, asked.state)
            while len(credential.pages) > MOST_PAGES:
                del credential.pages[next(iter(credential.pages))]
        shown = self.server.clients[client_id if self.hold("BI-OS-27") else credential.asking_client]
        name, identifier, issuer = (html.escape(t) for t in (shown.name, shown.client_id, self.server.issuer))
        answer = page(status, "Share your resources?", f"""
<p><strong>{name}</strong> (<code>{identifier}</code>) asks to read your resources at <strong>{issuer}</strong>.</p>
<p>Enter your user name and password of {issuer} only if you want that.</p>
<form method="post">
<input type="hidden" name="page" value="{ticket}">
<p><label>User name <input type="text" name="username" value="" autocomplete="username"></label></p>
<p><label>Password <input type="password" name="password" value="" autocomplete="current-password"></label></p>
<p><button type="submit" name="decision" value="approve">Allow {name} to read</button>
<button type="submit" name="decision" value="deny">Refuse</button></p>
</form>""")
        answer.with_header("Set-Cookie", f"{self.cookie}={browser}; Path=/authorize; HttpOnly; SameSite=Lax")
        if not self.hold("BI-OS-29"):
            answer = answer.without_header("Content-Security-Policy").without_header("X-Frame-Options")
        return answer if self.hold("BI-OS-44") else answer.without_header("Cache-Control")

    def _judge_page(self, request, asked: Asked) -> None:
        browser, shown, state = asked.credential.pages.get(single(request.form, "page"), ("", "", ""))
        same = hmac.compare_digest(browser.encode(), request.cookie(self.cookie).encode())
        if not browser or not same or (shown, state) != (asked.client_id, asked.state):
            raise Refusal(403, "permission_denied", "This decision was not made on the page of this server; open the page again.")

    def _decision(self, request, values, asked: Asked) -> Response:
        credential = asked.credential
        decision = single(values, "decision")
        if decision == "deny":
            return self._deny(asked)
        if decision != "approve":
            raise Refusal(400, "parameter_rejected", "decision is neither approve nor deny.")
        username, password = single(values, "username"), single(values, "password")
        self._count_try(credential)
        right = self._right(username, password)
        if self.server.guesses.may_consent(username, right) if self.hold("BI-OS-53") else right:
            return self._approve(asked, username)
        with self.server.lock:
            if credential.tries_left == 0:
                credential.end("dead")
                return page(403, "Refused", "<p>Too many wrong passwords. Begin again.</p>")
        return self._page(403, request, asked)

    def _count_try(self, credential) -> None:
        if not self.hold("BI-OS-52"):
            return
        # Counted before the password is compared, so that guesses sent at once count each.
        with self.server.lock:
            if credential.tries_left == 0:
                raise Refusal(400, "token_used", "This temporary credential is closed; begin again.")
            credential.tries_left -= 1

    def _right(self, username: str, password: str) -> bool:
        accounts = self.server.accounts
        if not self.hold("BI-OS-12") and username and username not in accounts:
            accounts.add(username, password)
        if not self.hold("BI-OS-11") and username in accounts:
            return True
        return accounts.right(username, password)

    def _callback(self, credential, client_id: str) -> str:
        if not self.hold("BI-OS-18") or client_id == credential.asking_client:
            return credential.callback
        return self.server.clients[client_id].callback

    def _begin_end(self, credential) -> None:
        if credential.state != "open" and self.hold("BI-OS-51"):
            raise Refusal(400, "token_used", "This temporary credential has been decided already; begin again.")

    def _approve(self, asked: Asked, username: str) -> Response:
        credential, client_id = asked.credential, asked.client_id
        with self.server.lock:
            self._begin_end(credential)
            credential.state = "approved"
            credential.client_id = client_id if self.hold("BI-OS-18") else credential.asking_client
            credential.username = username
            credential.verifier = self.server.secret_text()
        return self._back(asked, oauth_verifier=credential.verifier)

    def _deny(self, asked: Asked) -> Response:
        credential = asked.credential
        with self.server.lock:
            self._begin_end(credential)
            credential.end("denied")
            if not self.hold("BI-OS-22"):
                for _, other in self.server.credentials.items():
                    if other.asking_client == credential.asking_client:
                        other.end("denied")
            if not self.hold("BI-OS-14"):
                credential.state, credential.verifier = "approved", self.server.secret_text()
                return self._back(asked, error="access_denied", oauth_verifier=credential.verifier)
        return self._back(asked, error="access_denied")

    def _back(self, asked: Asked, **parameters: str) -> Response:
        if self.hold("BI-OS-13"):
            parameters = {"oauth_token": asked.credential.token, **parameters}
        if asked.state:
            parameters["state"] = asked.state
        url = with_query(self._callback(asked.credential, asked.client_id), **parameters)
        answer = redirect(url, 303 if self.hold("BI-OS-30") else 307)
        return answer if self.hold("BI-OS-44") else answer.without_header("Cache-Control")
