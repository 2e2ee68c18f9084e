"""One leg of the flow, seen from the client: the requests that it sends (profile sections 4 to 6)."""
from __future__ import annotations

import time
from dataclasses import dataclass

from fetching import Reply, Unreachable, fetch, is_safe
from forms import Refusal
from oauth1 import DIGESTS, Signer
from web import single

PROFILE = "bidirectional@1"
WELL_KNOWN = "/.well-known/bidirectional-authorization"
WAITS = (0.3, 0.7, 1.5, 2.5)  # seconds before the second try and those that follow
READ_LIMIT = 30  # seconds for all tries together
SERVER_ENDPOINTS = ("temporary_credential_endpoint", "authorization_endpoint", "token_endpoint", "resource_endpoint")


class LegFailed(Exception):
    """One direction cannot go on; the other may."""


@dataclass(frozen=True)
class Peer:
    issuer: str
    secret: str  # this client's, at the peer's OAuth server
    client_id: str
    client_secret: str  # as registered at this client's own site


@dataclass
class Leg:
    """A temporary credential with all that is needed to redeem it."""

    site: dict  # metadata of the site that issued it
    secret: str  # this client's, at that site
    token: str
    token_secret: str
    signature_method: str
    continue_uri: str = ""
    received: bool = False  # handed over by a peer
    state: str = ""  # what the browser was sent to the authorization page with


class Outbound:
    """Sends the client's requests."""

    def __init__(self, client_id, clock, callback_endpoint, hold):
        self.client_id, self.clock, self.callback_endpoint, self.hold = client_id, clock, callback_endpoint, hold

    def metadata(self, issuer: str) -> dict:
        reply = self._fetch("GET", issuer + WELL_KNOWN)
        site = reply.json_object() if reply.status == 200 else {}
        if site.get("profile") != PROFILE:
            raise LegFailed(f"{issuer} serves no metadata of {PROFILE}.")
        if self.hold("BI-CL-32") and site.get("issuer") != issuer:
            raise LegFailed(f"The metadata under {issuer} names another issuer.")
        for name in SERVER_ENDPOINTS:
            if not isinstance(site.get(name), str):
                raise LegFailed(f"The metadata under {issuer} has no {name}.")
        return site

    def require_safe(self, url, what: str) -> None:
        """Fails the leg where neither a request nor the browser may be sent to the URL."""
        if not (is_safe(url) or isinstance(url, str) and not self.hold("BI-CL-38")):
            raise LegFailed(f"{what} is neither https nor on loopback.")

    def signature_method(self, site: dict) -> str:
        announced = site.get("signature_methods_supported")
        announced = announced if isinstance(announced, list) else []
        if announced[:1] == ["PLAINTEXT"] and not self.hold("BI-CL-30"):
            return "PLAINTEXT"
        # PLAINTEXT is never chosen: an announcement can be forged, and HMAC is always there (section 2.1).
        for method in DIGESTS:
            if method in announced:
                return method
        raise LegFailed(f"{site['issuer']} announces no signature method that is safe to use.")

    def temporary_credential(self, site: dict, secret: str, delegate: str = "") -> Leg:
        """Steps 1 to 3."""
        method = self.signature_method(site)
        form = [("delegate", delegate)] if delegate else []
        reply = self._signed("POST", site["temporary_credential_endpoint"], secret, method, form,
                             oauth_callback=self.callback_endpoint)
        token, token_secret = self._credential(reply, site, self.hold("BI-CL-37"))
        if self.hold("BI-CL-28") and single(reply.form(), "oauth_callback_confirmed") != "true":
            raise LegFailed(f"{site['issuer']} did not confirm the callback.")
        return Leg(site, secret, token, token_secret, method)

    def delegate(self, first: Leg, site: dict, secret: str) -> str:
        """Step 9; returns the continue_uri of the peer."""
        endpoint = site.get("delegation_endpoint")
        self.require_safe(endpoint, f"The delegation_endpoint of {site['issuer']}")
        form = [("temporary_credential", first.token), ("client_id", self.client_id), ("issuer", first.site["issuer"])]
        if self.hold("BI-CL-06"):
            form.append(("temporary_credential_secret", first.token_secret))
        if self.hold("BI-CL-16"):
            reply = self._signed("POST", endpoint, secret, "HMAC-SHA256", form)
        else:
            reply = self._fetch("POST", endpoint, "", form)
        continue_uri = reply.json_object().get("continue_uri") if reply.status == 200 else None
        if not isinstance(continue_uri, str):
            raise LegFailed(f"{site['issuer']} did not take the delegation: status {reply.status}.")
        self.require_safe(continue_uri, f"The continue_uri of {site['issuer']}")
        return continue_uri

    def exchange(self, leg: Leg, verifier: str):
        """Step 7; returns access token and secret."""
        extra = {"oauth_verifier": verifier} if self.hold("BI-CL-04") or leg.received else {}
        # The server may first wait for its resource server, so this takes longer than other requests.
        reply = self._signed("POST", leg.site["token_endpoint"], leg.secret, leg.signature_method, [],
                             token=leg.token, token_secret=leg.token_secret, timeout=15, **extra)
        return self._credential(reply, leg.site, judge_client=True)

    def read(self, leg: Leg, token: str, token_secret: str) -> dict:
        """Step 8, tried again while the hand-over may be under way."""
        deadline = time.monotonic() + READ_LIMIT
        waits = WAITS if self.hold("BI-CL-35") else WAITS[:1] * 40
        if not self.hold("BI-CL-34"):
            waits = ()
        for wait in waits + (None,):
            reply = self._signed("GET", leg.site["resource_endpoint"], leg.secret, leg.signature_method, None,
                                 token=token, token_secret=token_secret)
            late = reply.status == 401 and reply.json_object().get("error") == "token_rejected"
            if not late or wait is None or time.monotonic() + wait >= deadline:
                break
            time.sleep(wait)
        if reply.status != 200 or not reply.json_object():
            raise LegFailed(f"The resource server of {leg.site['issuer']} answered with status {reply.status}.")
        return reply.json_object()

    def read_at_own_site(self, issuer: str, secret: str, token: str, token_secret: str) -> None:
        """What a client without BI-CL-13 does: it shows the token where it does not belong."""
        site = self.metadata(issuer)
        self._signed("GET", site["resource_endpoint"], secret, "HMAC-SHA256", None, token=token, token_secret=token_secret)

    def _credential(self, reply: Reply, site: dict, judge_client: bool):
        """Token and secret of a form-encoded answer."""
        if reply.status != 200:
            raise LegFailed(f"{site['issuer']} answered with status {reply.status}.")
        form = reply.form()
        try:
            token = single(form, "oauth_token", required=True)
            token_secret = single(form, "oauth_token_secret", required=True)
            client_id = single(form, "client_id", required=judge_client)
        except Refusal as refusal:
            raise LegFailed(f"The answer of {site['issuer']} is not a credential: {refusal.description}")
        if judge_client and client_id != self.client_id:
            raise LegFailed(f"{site['issuer']} gave a credential made for {client_id!r}.")
        return token, token_secret

    def _signed(self, method, url, secret, signature_method, form, token="", token_secret="", timeout=5, **leg) -> Reply:
        self.require_safe(url, url)
        nonce = "" if self.hold("BI-CL-29") else "nonce-of-" + self.client_id
        signer = Signer(self.client_id, secret, self.clock, signature_method, nonce)
        header = signer.authorization(method, url, form or (), token, token_secret, **leg)
        return self._fetch(method, url, header, form, timeout)

    def _fetch(self, method, url, authorization="", form=None, timeout=5) -> Reply:
        try:
            return fetch(method, url, authorization, form, timeout)
        except Unreachable as error:
            raise LegFailed(str(error)) from error
