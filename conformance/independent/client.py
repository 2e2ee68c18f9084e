"""The client, at the initiating and at the receiving side (profile section 6)."""
from __future__ import annotations

import hashlib
import hmac
import html
import secrets
import threading
from dataclasses import dataclass, field

from forms import Refusal
from legs import Leg, LegFailed, Outbound, Peer
from oauth1 import Judge, Rules
from store import Guards, TokenTable
from web import Response, for_browsers, json_response, page, redirect, single, with_query

# Not offered as defects: 03 and 08.
DEFECTS = (*(f"BI-CL-{n:02d}" for n in range(1, 40) if n not in (3, 8)), "BI-CL-23/age")

SESSION_LIFETIME = 3600  # seconds
CONTINUE_LIFETIME = 600  # seconds


@dataclass
class Session:
    """What one browser is doing at this client."""

    token: str
    expires_at: float
    waiting: dict = field(default_factory=dict)  # temporary credential -> Leg
    readings: list = field(default_factory=list)  # (issuer, owner, titles)


@dataclass
class Delegation:
    peer: Peer
    temporary_credential: str
    temporary_credential_secret: str
    sender: str
    expires_at: float


class Client:
    def __init__(self, base, client_id, issuer, secret, peers, clock, window=300, lifted=()):
        self.base, self.client_id, self.issuer, self.secret, self.clock = base, client_id, issuer, secret, clock
        self.peers = list(peers)
        self.callback_endpoint = base + "/callback"
        self.hold = Guards(DEFECTS, lifted).hold
        self.outbound = Outbound(client_id, clock, self.callback_endpoint, self.hold)
        # Browsers share cookies between the ports of one host, so the name tells sites apart.
        self.cookie = "session-" + hashlib.sha256(base.encode()).hexdigest()[:8]
        self._sessions, self._delegations, self._lock = TokenTable(), TokenTable(), threading.RLock()
        fresh = self.hold("BI-CL-22")
        self._judge = Judge(clock, window, Rules(
            compare_signature=self.hold("BI-CL-18"), refuse_unknown_client=self.hold("BI-CL-19"),
            remember_nonces=self.hold("BI-CL-21"), refuse_old=fresh, refuse_future=fresh))

    def metadata(self) -> dict:
        return {
            "issuer": self.issuer,
            "client_id": self.client_id,
            "start_endpoint": self.base + "/start",
            "callback_endpoint": self.callback_endpoint,
            "delegation_endpoint": self.base + "/delegation",
        }

    def routes(self) -> dict:
        start = {"POST": for_browsers(self.start)}
        if not self.hold("BI-CL-36"):
            start["GET"] = start["POST"]
        return {
            "/start": start,
            "/callback": {"GET": for_browsers(self.callback)},
            "/delegation": {"POST": self.take_delegation},
            "/continue": {"GET": for_browsers(self.go_on)},
        }

    # Start (section 6.1)

    def start(self, request) -> Response:
        issuer = single(request.form if request.method == "POST" else request.query, "peer", required=True)
        peer = next((p for p in self.peers if p.issuer == issuer), None)
        if peer is None:
            raise Refusal(400, "parameter_rejected", f"{issuer} is not a peer of this site.")
        try:
            site = self.outbound.metadata(peer.issuer)
        except LegFailed as failure:
            return self._failed([str(failure)])
        failures = []
        first = self._try(failures, self._first_credential, peer, site)
        if failures and not self.hold("BI-CL-11"):
            return self._failed(failures)
        second = self._try(failures, self._second_credential, peer, site)
        continue_uri = ""
        if first:
            continue_uri = self._try(failures, self.outbound.delegate, first, site, peer.secret) or ""
        if second is None:
            return redirect(continue_uri) if continue_uri and self.hold("BI-CL-12") else self._failed(failures)
        second.continue_uri, second.state = continue_uri, self._new_state()
        session = self._wait_for(request, second)
        return self._with_cookie(session, redirect(self._authorization_url(second, self.client_id)))

    def _try(self, failures: list, step, *arguments):
        """One step of a leg; its failure is noted and leaves the other leg."""
        try:
            return step(*arguments)
        except LegFailed as failure:
            failures.append(str(failure))
            return None

    def _first_credential(self, peer: Peer, site: dict) -> Leg:
        """Steps 1 and 3."""
        if not self.hold("BI-CL-01"):
            raise LegFailed("The first credential is not asked for.")
        if site.get("client_id", peer.client_id) != peer.client_id:
            raise LegFailed(f"{peer.issuer} names another client than {peer.client_id!r}, which is registered here.")
        own = self.outbound.metadata(self.issuer)
        return self.outbound.temporary_credential(own, self.secret, peer.client_id if self.hold("BI-CL-15") else "")

    def _second_credential(self, peer: Peer, site: dict) -> Leg:
        """Steps 2 and 3."""
        if not self.hold("BI-CL-02"):
            raise LegFailed("The second credential is not asked for.")
        self.outbound.require_safe(site["authorization_endpoint"], f"The authorization_endpoint of {peer.issuer}")
        return self.outbound.temporary_credential(site, peer.secret)

    def _authorization_url(self, leg: Leg, client_id: str) -> str:
        parameters = {"oauth_token": leg.token, "client_id": client_id}
        if leg.state:
            parameters["state"] = leg.state
        if not self.hold("BI-CL-31"):
            parameters["oauth_token_secret"] = leg.token_secret
        return with_query(leg.site["authorization_endpoint"], **parameters)

    def _new_state(self) -> str:
        """What the browser takes to the authorization page and has to bring back; a client without BI-CL-39 sends none."""
        return secrets.token_urlsafe(24) if self.hold("BI-CL-39") else ""

    def _failed(self, failures: list) -> Response:
        return page(502, "The other site did not answer", "\n".join(f"<p>{html.escape(why)}</p>" for why in failures))

    # Sessions

    def _session_of(self, request):
        session = self._sessions.get(request.cookie(self.cookie))
        return session if session and self.clock.now() < session.expires_at else None

    def _wait_for(self, request, leg: Leg) -> Session:
        """Puts a leg into the browser's session, or into a new one."""
        now = self.clock.now()
        self._sessions.forget(now)
        with self._lock:
            session = self._session_of(request) or Session(secrets.token_urlsafe(32), 0)
            namesake = session.waiting.get(leg.token)
            if namesake and namesake.site["issuer"] != leg.site["issuer"]:
                # The callback names no issuer, so two legs of one name could be mixed up.
                raise Refusal(502, "token_rejected", "Two sites gave the same temporary credential; begin again.")
            session.expires_at = now + SESSION_LIFETIME
            session.waiting[leg.token] = leg
            self._sessions.put(session.token, session)
        return session

    def _with_cookie(self, session: Session, answer: Response) -> Response:
        guards = "; HttpOnly; SameSite=Lax" if self.hold("BI-CL-33") else ""
        secure = "; Secure" if self.base.startswith("https:") else ""
        return answer.with_header("Set-Cookie", f"{self.cookie}={session.token}; Path=/{guards}{secure}")

    # Callback (section 6.2)

    def callback(self, request) -> Response:
        token = single(request.query, "oauth_token", required=self.hold("BI-CL-26"))
        error, verifier = single(request.query, "error"), single(request.query, "oauth_verifier")
        if not error and not verifier:
            raise Refusal(400, "parameter_absent", "The callback has neither oauth_verifier nor error.")
        session, leg = self._take_leg(request, token, [value for name, value in request.query if name == "state"])
        if error:
            if not self.hold("BI-CL-10"):
                return page(200, "Refused", "<p>You refused.</p>")
            return self._after(session, leg, "")
        try:
            access_token, access_secret = self.outbound.exchange(leg, verifier)
            if self.hold("BI-CL-05") or leg.received:
                if self.hold("BI-CL-09") or not leg.received:
                    if not self.hold("BI-CL-13"):
                        self.outbound.read_at_own_site(self.issuer, self.secret, access_token, access_secret)
                    self._keep(session, leg, self.outbound.read(leg, access_token, access_secret))
        except LegFailed as failure:
            return self._after(session, leg, str(failure))
        return self._after(session, leg, "")

    def _take_leg(self, request, token: str, states: list):
        """The leg that this session waits for; it is taken out, so that a callback counts once."""
        with self._lock:
            session = self._session_of(request)
            unguarded = not self.hold("BI-CL-25") or session is None and not self.hold("BI-CL-24")
            if unguarded and (session is None or token not in session.waiting):
                session = next((s for _, s in self._sessions.items() if token in s.waiting), session)
            if session is None:
                raise Refusal(403, "permission_denied", "This browser has no session here; begin again.")
            if not self.hold("BI-CL-26") and token not in session.waiting and len(session.waiting) == 1:
                token = next(iter(session.waiting))
            if token not in session.waiting:
                raise Refusal(400, "token_rejected", "This session does not wait for that temporary credential; begin again.")
            if self.hold("BI-CL-39"):
                sent = session.waiting[token].state
                if len(states) != 1 or not hmac.compare_digest(states[0].encode(), sent.encode()):
                    raise Refusal(403, "permission_denied", "This decision was not made on the page that this browser was sent to; begin again.")
            return session, session.waiting.pop(token) if self.hold("BI-CL-27") else session.waiting[token]

    def _keep(self, session: Session, leg: Leg, resource: dict) -> None:
        listed = resource.get("resources")
        titles = [str(r.get("title", "")) for r in listed if isinstance(r, dict)] if isinstance(listed, list) else []
        with self._lock:
            session.readings.append((leg.site["issuer"], str(resource.get("owner", "")), titles))

    def _after(self, session: Session, leg: Leg, failure: str) -> Response:
        if leg.continue_uri:
            return redirect(leg.continue_uri)
        with self._lock:
            readings = list(session.readings)
        parts = [f"<p>{html.escape(failure)}</p>"] if failure else []
        for issuer, owner, titles in readings:
            items = "".join(f"<li>{html.escape(title)}</li>" for title in titles)
            parts.append(f"<h2>{html.escape(owner)} at {html.escape(issuer)}</h2><ul>{items}</ul>")
        title = "The other site did not let us read" if failure else "Done"
        return page(502 if failure else 200, title, "\n".join(parts) or "<p>Nothing was read.</p>")

    # Delegation (section 6.3)

    def take_delegation(self, request) -> Response:
        message = self._judge.message(request)
        sender = ""
        if message.signed:
            secrets_of_peers = {p.client_id: p.client_secret for p in self.peers}
            sender = self._judge.judge(message, secrets_of_peers.get)
        elif self.hold("BI-CL-17"):
            raise Refusal(401, "parameter_absent", "The delegation has no Authorization: OAuth header.")
        form = request.form
        token = single(form, "temporary_credential", required=True)
        token_secret = single(form, "temporary_credential_secret", required=True)
        client_id = single(form, "client_id", required=True)
        issuer = single(form, "issuer", required=True)
        if sender and client_id != sender and self.hold("BI-CL-19"):
            raise Refusal(400, "parameter_rejected", "client_id is not the client that signed.")
        peer = next((p for p in self.peers if p.client_id == client_id), self.peers[0])
        if issuer != peer.issuer:
            if self.hold("BI-CL-20"):
                raise Refusal(400, "parameter_rejected", f"issuer is not {peer.issuer}, where {client_id} is registered.")
            peer = Peer(issuer, peer.secret, peer.client_id, peer.client_secret)
        if not self.hold("BI-CL-14") and any(leg for _, s in self._sessions.items() for leg in s.waiting):
            raise Refusal(503, "busy", "A flow of this site is open; come back later.")
        now = self.clock.now()
        self._delegations.forget(now)
        key = secrets.token_urlsafe(32)
        self._delegations.put(key, Delegation(peer, token, token_secret, client_id, now + CONTINUE_LIFETIME))
        return json_response(200, {"continue_uri": f"{self.base}/continue?id={key}"})

    # Continue (section 6.4)

    def go_on(self, request) -> Response:
        key = single(request.query, "id", required=True)
        found = self._delegations.pop(key) if self.hold("BI-CL-23") else self._delegations.get(key)
        old = found is not None and self.clock.now() >= found.expires_at
        if found is None or old and self.hold("BI-CL-23/age"):
            raise Refusal(400, "token_used", "This link has been opened before or is too old; begin again.")
        try:
            site = self.outbound.metadata(found.peer.issuer)
            self.outbound.require_safe(site["authorization_endpoint"], f"The authorization_endpoint of {found.peer.issuer}")
            method = self.outbound.signature_method(site)
        except LegFailed as failure:
            return self._failed([str(failure)])
        leg = Leg(site, found.peer.secret, found.temporary_credential, found.temporary_credential_secret, method,
                  received=True, state=self._new_state())
        session = self._wait_for(request, leg)
        beneficiary = self.client_id if self.hold("BI-CL-07") else found.sender
        return self._with_cookie(session, redirect(self._authorization_url(leg, beneficiary)))

