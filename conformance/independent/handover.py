"""The hand-over of access tokens from the OAuth server to its resource server (profile section 4.4)."""
from __future__ import annotations

import hmac
import threading
from dataclasses import dataclass

from fetching import Unreachable, fetch
from oauth1 import Signer, receipt, signature_in

FIRST_WAIT, LONGEST_WAIT = 1, 30  # seconds between tries


@dataclass
class HandOver:
    """Sends events to one resource server, and sends each again until it is acknowledged."""

    endpoint: str
    resource_server: str
    signer: Signer
    clock: object
    signed: bool = True
    retried: bool = True
    said_for_whom: bool = True
    receipt_compared: bool = True

    def issued(self, token) -> None:
        self._send(token.expires_at, [
            ("event", "issued"), ("token", token.token), ("token_secret", token.secret),
            ("client_id", token.client_id), ("username", token.username),
        ], [("expires_at", str(int(token.expires_at))), ("resource_server", self.resource_server), ("sequence", "1")])

    def revoked(self, token) -> None:
        def end() -> None:
            token.ended = True

        self._send(token.expires_at, [("event", "revoked"), ("token", token.token)],
                   [("resource_server", self.resource_server), ("sequence", "2")], end)

    def _send(self, until: float, form: list, restrictions: list, done=lambda: None) -> None:
        """Sends once, and goes on in a thread of its own where that is not acknowledged; `done` is called when it is."""
        form = form + restrictions if self.said_for_whom else form
        if self._acknowledged(form):
            done()
        elif self.retried:
            threading.Thread(target=self._send_again, args=(until, form, done), daemon=True).start()

    def _send_again(self, until: float, form: list, done) -> None:
        wait = FIRST_WAIT
        while self.clock.now() < until:
            threading.Event().wait(wait)
            if self._acknowledged(form):
                done()
                return
            wait = min(wait * 2, LONGEST_WAIT)

    def _acknowledged(self, form: list) -> bool:
        authorization = self.signer.authorization("POST", self.endpoint, form) if self.signed else ""
        try:
            reply = fetch("POST", self.endpoint, authorization, form)
        except Unreachable:
            return False
        if reply.status != 204:
            return False
        if not self.signed or not self.receipt_compared:
            return True
        right = receipt(signature_in(authorization), self.signer.secret)
        return hmac.compare_digest(right.encode(), reply.headers.get("Handover-Receipt", "").encode())
