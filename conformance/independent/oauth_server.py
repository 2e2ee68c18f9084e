"""The OAuth server (profile section 4)."""
from __future__ import annotations

import hmac
import itertools
import secrets
import threading
from dataclasses import dataclass, field

from consent import Consent
from forms import Refusal
from guesses import Guesses
from handover import HandOver
from oauth1 import Judge, Rules, Signer
from store import Accounts, Guards, TokenTable
from web import Response, form_response, refusal_response, single

DEFECTS = tuple(f"BI-OS-{n:02d}" for n in range(1, 56))

DAY = 86400  # seconds that a credential is remembered after its end
TRIES = 5  # passwords a temporary credential


@dataclass
class TemporaryCredential:
    token: str
    secret: str
    asking_client: str
    callback: str
    delegate: str
    expires_at: float
    client_id: str  # the client that it belongs to
    state: str = "open"  # open, approved, denied, exchanged, dead
    username: str = ""
    verifier: str = ""
    tries_left: int = TRIES
    pages: dict = field(default_factory=dict)  # hidden input -> (cookie, client shown, state)

    def end(self, state: str) -> None:
        self.state = state
        self.pages.clear()


@dataclass
class AccessToken:
    token: str
    secret: str
    client_id: str
    username: str
    expires_at: float
    revoked: bool = False
    ended: bool = False  # the resource server has acknowledged the revocation


@dataclass(frozen=True)
class Lifetimes:
    """Whole seconds."""

    temporary_credential: int = 600
    access_token: int = 3600
    timestamp_window: int = 300


class OAuthServer:
    """Issues temporary credentials and access tokens, and hands the tokens to its resource server."""

    def __init__(self, base, issuer, clock, clients, users, handover_endpoint, handover_key,
                 resource_endpoint, client_id, delegation_endpoint, lifetimes=Lifetimes(), lifted=()):
        self.base, self.issuer, self.clock, self.lifetimes = base, issuer, clock, lifetimes
        self.clients = {c.client_id: c for c in clients}
        self.accounts = Accounts(users)
        self.resource_endpoint, self.client_id, self.delegation_endpoint = resource_endpoint, client_id, delegation_endpoint
        self.hold = Guards(DEFECTS, lifted).hold
        self.lock = threading.RLock()
        self.credentials, self.tokens = TokenTable(), TokenTable()
        self.guesses = Guesses(clock, self.accounts)
        self._count = itertools.count(1)
        self._judge = Judge(clock, lifetimes.timestamp_window, Rules(
            refuse_unknown_client=self.hold("BI-OS-04"),
            compare_signature=self.hold("BI-OS-05"),
            cover_body=self.hold("BI-OS-07"),
            methods=("HMAC-SHA256", "HMAC-SHA1") if self.hold("BI-OS-08") else ("HMAC-SHA256",),
            refuse_unknown_method=self.hold("BI-OS-09"),
            refuse_version=self.hold("BI-OS-10"),
            remember_nonces=self.hold("BI-OS-36"),
            separate_nonces=self.hold("BI-OS-37"),
            refuse_old=self.hold("BI-OS-38"),
            refuse_future=self.hold("BI-OS-39"),
            refuse_plaintext=self.hold("BI-OS-41"),
            refuse_repeated=self.hold("BI-OS-42")))
        self._handover = HandOver(
            handover_endpoint, resource_endpoint, Signer(issuer, handover_key, clock), clock,
            signed=self.hold("BI-OS-45"), retried=self.hold("BI-OS-46"), said_for_whom=self.hold("BI-OS-47"),
            receipt_compared=self.hold("BI-OS-55"))

    def metadata(self) -> dict:
        members = {
            "issuer": self.issuer if self.hold("BI-OS-01") else self.issuer + ".example",
            "temporary_credential_endpoint": self.base + "/temporary-credential",
            "authorization_endpoint": self.base + "/authorize",
            "token_endpoint": self.base + "/token",
            "revocation_endpoint": self.base + "/revoke",
            "signature_methods_supported": ["HMAC-SHA256", "HMAC-SHA1"],
            "temporary_credential_lifetime": self.lifetimes.temporary_credential,
            "access_token_lifetime": self.lifetimes.access_token,
            "timestamp_window": self.lifetimes.timestamp_window,
            "resource_endpoint": self.resource_endpoint,
        }
        if self.client_id:
            members.update(client_id=self.client_id, delegation_endpoint=self.delegation_endpoint)
        return members

    def routes(self) -> dict:
        return {
            "/temporary-credential": {"POST": self._for_clients(self.give_temporary_credential)},
            "/authorize": Consent(self).routes(),
            "/token": {"POST": self._for_clients(self.exchange)},
            "/revoke": {"POST": self._for_clients(self.revoke)},
        }

    def _for_clients(self, handler):
        def answer(request) -> Response:
            try:
                response = handler(request)
            except Refusal as refusal:
                response = refusal_response(refusal)
                if not self.hold("BI-OS-23"):
                    response = response.without_header("WWW-Authenticate")
            return response if self.hold("BI-OS-44") else response.without_header("Cache-Control")

        return answer

    def secret_text(self) -> str:
        """256 bits of randomness as 43 characters of A-Z a-z 0-9 - _."""
        return secrets.token_urlsafe(32) if self.hold("BI-OS-34") else f"{next(self._count):022d}"

    def _secret_of(self, client_id: str):
        client = self.clients.get(client_id)
        return client.secret if client else None

    # Temporary credential (section 4.1)

    def give_temporary_credential(self, request) -> Response:
        message = self._judge.message(request)
        client_id = self._judge.judge(message, self._secret_of)
        client = self.clients.get(client_id)
        callback = message.get("oauth_callback")
        if not callback and client and not self.hold("BI-OS-06"):
            callback = client.callback
        if not callback:
            raise Refusal(400, "parameter_absent", "oauth_callback is missing in the Authorization header.")
        if self.hold("BI-OS-40") and client and callback != client.callback:
            raise Refusal(400, "parameter_rejected", "oauth_callback is not the one registered for this client.")
        delegate = single(request.form, "delegate")
        if self.hold("BI-OS-26") and delegate and delegate not in self.clients:
            raise Refusal(400, "parameter_rejected", f"The delegate {delegate!r} is not a registered client.")
        now = self.clock.now()
        self.credentials.forget(now - DAY)
        credential = TemporaryCredential(
            self.secret_text(), self.secret_text(), client_id, callback, delegate,
            now + self.lifetimes.temporary_credential, client_id)
        self.credentials.put(credential.token, credential)
        pairs = [
            ("oauth_token", credential.token),
            ("oauth_token_secret", credential.secret),
            ("oauth_callback_confirmed", "true"),
            ("client_id", client_id),
            ("expires_in", str(self.lifetimes.temporary_credential)),
        ]
        left_out = {"oauth_callback_confirmed": "BI-OS-02", "client_id": "BI-OS-03"}
        return form_response([p for p in pairs if p[0] not in left_out or self.hold(left_out[p[0]])])

    # Access token (section 4.3)

    def exchange(self, request) -> Response:
        message = self._judge.message(request)
        token = message.get("oauth_token")
        if not token:
            raise Refusal(400, "parameter_absent", "oauth_token is missing in the Authorization header.")
        credential = self.credentials.get(token)

        def token_secret_of(_, client_id):
            if credential is None or self.hold("BI-OS-19") and client_id != credential.client_id:
                raise Refusal(401, "token_rejected", "This temporary credential is not known here for this client.")
            return credential.secret

        client_id = self._judge.judge(message, self._secret_of, token_secret_of)
        if credential is None:
            raise Refusal(401, "token_rejected", "This temporary credential is not known here for this client.")
        with self.lock:
            self._judge_exchange(credential, client_id, message.get("oauth_verifier"))
            if self.hold("BI-OS-31"):
                credential.end("exchanged")
        username = credential.username if self.hold("BI-OS-21") else self.accounts.first()
        access = AccessToken(self.secret_text(), self.secret_text(), client_id, username,
                             self.clock.now() + self.lifetimes.access_token)
        self.tokens.forget(self.clock.now() - DAY)
        self.tokens.put(access.token, access)
        if self.hold("BI-OS-20"):
            self._handover.issued(access)
        pairs = [
            ("oauth_token", access.token),
            ("oauth_token_secret", access.secret),
            ("client_id", client_id),
            ("expires_in", str(self.lifetimes.access_token)),
        ]
        return form_response([p for p in pairs if p[0] != "oauth_token_secret" or self.hold("BI-OS-15")])

    def _judge_exchange(self, credential, client_id: str, verifier: str) -> None:
        if self.hold("BI-OS-19") and client_id != credential.client_id:
            # Another page may have been approved for another client since the first look.
            raise Refusal(401, "token_rejected", "This temporary credential is not known here for this client.")
        if credential.state in ("denied", "exchanged", "dead"):
            raise Refusal(401, "token_used", "This temporary credential has been used up or refused.")
        if self.hold("BI-OS-32") and self.clock.now() >= credential.expires_at:
            raise Refusal(401, "token_expired", "This temporary credential has expired.")
        if self.hold("BI-OS-16") and credential.state != "approved":
            raise Refusal(401, "permission_denied", "The user has not consented yet.")
        if self.hold("BI-OS-17") and (credential.verifier or self.hold("BI-OS-16")) and not self._verified(credential, verifier):
            raise Refusal(401, "permission_denied", "oauth_verifier is missing or not the one for this credential.")

    def _verified(self, credential, verifier: str) -> bool:
        rivals = [credential]
        if not self.hold("BI-OS-35"):
            rivals = [c for _, c in self.credentials.items() if c.state == "approved"]
        return any(c.verifier and hmac.compare_digest(c.verifier.encode(), verifier.encode()) for c in rivals)

    # Revocation (section 4.5)

    def revoke(self, request) -> Response:
        client_id = self._judge.judge(self._judge.message(request), self._secret_of)
        access = self.tokens.get(single(request.form, "token", required=True))
        if access is None:
            return Response(200)
        if self.hold("BI-OS-49") and not hmac.compare_digest(access.client_id.encode(), client_id.encode()):
            raise Refusal(403, "permission_denied", "This token belongs to another client.")
        with self.lock:
            first, access.revoked = not access.revoked, True
        if not self.hold("BI-OS-48"):
            return Response(200)
        if first:
            self._handover.revoked(access)
        if access.ended or self.clock.now() >= access.expires_at:
            return Response(200)
        refusal = Refusal(503, "temporarily_unavailable", "The resource server does not know of the revocation yet; ask again.")
        return refusal_response(refusal).with_header("Retry-After", "1")
