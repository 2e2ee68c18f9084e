"""The resource server (profile section 5)."""
from __future__ import annotations

import hmac
import threading
from dataclasses import dataclass

from forms import Refusal
from oauth1 import Judge, Rules, receipt
from store import Guards, TokenTable
from web import Response, json_response, refusal_response, single

DEFECTS = (*(f"BI-RS-{n:02d}" for n in range(1, 27)), "BI-RS-15/sequence", "BI-RS-18/form")

DAY = 86400  # seconds that a token is remembered after its end
LATEST = 250_000_000_000  # the greatest expires_at


@dataclass
class HandedOver:
    token: str
    secret: str
    client_id: str
    username: str
    expires_at: float
    revoked: bool = False


class ResourceServer:
    """Serves the user's resources for tokens that its OAuth server has handed over."""

    def __init__(self, base, clock, issuer, handover_key, clients, users, window=300, lifted=()):
        self.clock, self.issuer, self.handover_key = clock, issuer, handover_key
        self.clients = {c.client_id: c for c in clients}
        self.users = [name for name, _ in users]
        self.resource_endpoint = base + "/resource"
        self.handover_endpoint = base + "/handover"
        self.hold = Guards(DEFECTS, lifted).hold
        self._tokens, self._lock = TokenTable(), threading.Lock()
        self._refused = set()  # used only where BI-RS-09 is lifted
        shared = {
            "refuse_plaintext": self.hold("BI-RS-21"),
            "refuse_repeated": self.hold("BI-RS-22"),
        }
        fresh, handover_fresh = self.hold("BI-RS-20"), self.hold("BI-RS-25")
        self._reads = Judge(clock, window, Rules(
            compare_signature=self.hold("BI-RS-07"), remember_nonces=self.hold("BI-RS-19"),
            refuse_old=fresh, refuse_future=fresh, **shared))
        self._handovers = Judge(clock, window, Rules(
            compare_signature=self.hold("BI-RS-12"),
            refuse_old=handover_fresh, refuse_future=handover_fresh, **shared))

    def metadata(self) -> dict:
        return {
            "issuer": self.issuer,
            "resource_endpoint": self.resource_endpoint,
            "token_handover_endpoint": self.handover_endpoint,
        }

    def routes(self) -> dict:
        read = {"GET": self.read, "HEAD": self.read}
        if not self.hold("BI-RS-24"):
            read["*"] = self.read
        return {"/resource": read, "/handover": {"POST": self.take}}

    # Hand-over (section 5.1)

    def take(self, request) -> Response:
        message = self._handovers.message(request)
        if message.signed or self.hold("BI-RS-11"):
            self._judge_handover(message)
        form = request.form
        event = single(form, "event", required=True)
        token = single(form, "token", required=True)
        meant_for = single(form, "resource_server", required=self.hold("BI-RS-10"))
        if self.hold("BI-RS-10") and meant_for != self.resource_endpoint:
            raise Refusal(400, "parameter_rejected", f"resource_server is not {self.resource_endpoint}.")
        single(form, "sequence", required=True)
        if self.hold("BI-RS-15/sequence"):
            whole_number(form, "sequence")
        self._tokens.forget(self.clock.now() - DAY)
        if event == "issued":
            self._issued(form, token)
        elif event == "revoked":
            self._revoked(token)
        else:
            raise Refusal(400, "parameter_rejected", "event is neither issued nor revoked.")
        answer = Response(204)
        if message.signed and self.hold("BI-RS-26"):
            answer.with_header("Handover-Receipt", receipt(message.get("oauth_signature"), self.handover_key))
        return answer

    def _judge_handover(self, message) -> None:
        if not message.signed:
            raise Refusal(401, "parameter_absent", "The hand-over has no Authorization: OAuth header.")

        def secret_of(key):
            if key == self.issuer:
                return self.handover_key
            if not self.hold("BI-RS-13") and key in self.clients:
                return self.clients[key].secret
            return None

        # A hand-over changes nothing the second time, so its copy on the wire is acknowledged too.
        self._handovers.judge(message, secret_of, repeat_ok=True)

    def _issued(self, form, token: str) -> None:
        new = HandedOver(
            token,
            single(form, "token_secret", required=True),
            single(form, "client_id", required=True),
            single(form, "username", required=True),
            whole_number(form, "expires_at", LATEST) if self.hold("BI-RS-18/form") else LATEST,
        )
        with self._lock:
            known = self._tokens.get(token)
            if known is None:
                self._tokens.put(token, new)
                return
            if known.revoked and self.hold("BI-RS-15"):
                return
            if not self.hold("BI-RS-16"):
                raise Refusal(409, "parameter_rejected", "This token is known already.")
            if self.hold("BI-RS-17") and not known.revoked and not same_binding(known, new):
                raise Refusal(409, "parameter_rejected", "This token is known with another client, user or secret.")
            self._tokens.put(token, known if same_binding(known, new) and not known.revoked else new)

    def _revoked(self, token: str) -> None:
        if not self.hold("BI-RS-14"):
            return
        with self._lock:
            known = self._tokens.get(token)
            if known:
                known.revoked = True
            else:
                # The message does not say when the token would end; a week outlasts any retry.
                self._tokens.put(token, HandedOver(token, "", "", "", self.clock.now() + 7 * DAY, revoked=True))

    # Resource (section 5.2)

    def read(self, request) -> Response:
        try:
            owner = self._owner(request)
        except Refusal as refusal:
            answer = refusal_response(refusal)
            return answer if self.hold("BI-RS-08") else answer.without_header("WWW-Authenticate")
        if not self.hold("BI-RS-06"):
            owner = self.users[0]
        body = {"owner": owner, "resources": self._resources(owner)}
        if not self.hold("BI-RS-01"):
            del body["resources"]
        answer = json_response(200, body)
        return answer if self.hold("BI-RS-23") else answer.without_header("Cache-Control")

    def _owner(self, request) -> str:
        message = self._reads.message(request)
        if not message.signed or not message.get("oauth_token"):
            if not self.hold("BI-RS-04"):
                return self.users[0]
            raise Refusal(401, "parameter_absent", "The request needs an Authorization: OAuth header with oauth_token.")
        found = self._find(message.get("oauth_token"))
        if found is None and not self.hold("BI-RS-02"):
            return self.users[0]

        def token_secret_of(_, client_id):
            if found is None or self.hold("BI-RS-05") and not hmac.compare_digest(found.client_id.encode(), client_id.encode()):
                raise Refusal(401, "token_rejected", "This token is not known here for this client.")
            return found.secret

        self._reads.judge(message, lambda key: self.clients[key].secret if key in self.clients else None, token_secret_of)
        if found.revoked:
            raise Refusal(401, "token_revoked", "This token has been revoked.")
        if self.hold("BI-RS-18") and self.clock.now() >= found.expires_at:
            raise Refusal(401, "token_expired", "This token has expired.")
        return found.username

    def _find(self, token: str):
        found = self._tokens.get(token)
        if not self.hold("BI-RS-03") and not found:
            found = next((entry for known, entry in self._tokens.items() if known[:8] == token[:8]), None)
        if not self.hold("BI-RS-09"):
            if found is None:
                self._refused.add(token)
            elif token in self._refused:
                return None
        # A tombstone of a token that was never handed over has no client, so that nobody can use it.
        return found

    def _resources(self, owner: str) -> list:
        if owner not in self.users:
            return []
        return [{"id": "1", "title": f"Letters of {owner}"}, {"id": "2", "title": f"Photographs of {owner}"}]


def same_binding(known: HandedOver, new: HandedOver) -> bool:
    return (
        known.client_id == new.client_id
        and known.username == new.username
        and hmac.compare_digest(known.secret.encode(), new.secret.encode())
    )


def whole_number(form, name: str, most: int = 2**53 - 1) -> int:
    text = single(form, name, required=True)
    if not (text.isascii() and text.isdigit() and len(text) <= 16 and 1 <= int(text) <= most):
        raise Refusal(400, "parameter_rejected", f"{name} is not a whole number of 1 to {most}.")
    return int(text)
