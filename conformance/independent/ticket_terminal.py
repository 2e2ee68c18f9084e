"""The terminal device (profile section 6)."""
from __future__ import annotations

import secrets

from documents import Document, invalid_request
from fetching import is_safe
from store import Guards
from ticket_requests import Requests, Unavailable
from ticket_wallet import Ticket, Wallet
from ticket_wire import says_ticket_error, ticket_authorization
from web import Response, json_response

# Not offered as a defect: 14.
DEFECTS = tuple(f"TI-TE-{n:02d}" for n in range(1, 16) if n != 14)

REST = 30  # seconds without another refresh after one that had no answer
MOST_ERRORS = 4  # ticket error indications in one use
UNBOUNDED = 100  # refreshes where TI-TE-09 is lifted


class Ended(Exception):
    """A use is over, with its outcome and the resource."""

    def __init__(self, outcome: str, resource=None):
        super().__init__(outcome)
        self.outcome, self.resource = outcome, resource


class Terminal:
    """Opens apps for the user of this device."""

    def __init__(self, base, issuer, apps, clock, lifted=()):
        self.base, self.issuer, self.apps, self.clock = base, issuer, dict(apps), clock
        self.hold = Guards(DEFECTS, lifted).hold
        self.wallet = Wallet()

    def metadata(self) -> dict:
        return {"issuer": self.issuer, "use_endpoint": self.base + "/use", "logout_endpoint": self.base + "/logout"}

    def routes(self) -> dict:
        return {"/use": {"POST": self.use}, "/logout": {"POST": self.logout}}

    def use(self, request) -> Response:
        """Section 6.1."""
        document = Document(request)
        app_id, user_name = self._configured(document), document.text("user_name")
        password, register = document.optional_text("password"), document.flag("register")
        if register and password is None:
            raise invalid_request("register needs a password.")
        answer = {"app_id": app_id}
        try:
            Use(self, app_id, user_name, password, register).run()
        except Ended as end:
            answer["outcome"] = end.outcome
            if end.outcome == "resource":
                answer["resource"] = end.resource
        except Unavailable:
            answer["outcome"] = "unavailable"
        return json_response(200, answer)

    def logout(self, request) -> Response:
        """Section 6.3."""
        document = Document(request)
        app_id, user_name = self._configured(document), document.text("user_name")
        ticket = self.wallet.take(user_name, app_id)
        taken = ticket is None or not self.hold("TI-TE-15") or self._revoked(ticket)
        return json_response(200, {"outcome": "logged_out" if taken else "unavailable"})

    def _configured(self, document: Document) -> str:
        app_id = document.text("app_id")
        if app_id not in self.apps:
            raise invalid_request("No app is configured under this app_id.")
        return app_id

    def _revoked(self, ticket: Ticket) -> bool:
        requests = Requests(self.hold)
        try:
            endpoint = requests.metadata(self.issuer, self.issuer).get("revocation_endpoint")
            keys = {"user_id": ticket.user_id, "refresh_key": ticket.refresh_key}
            return is_safe(endpoint) and requests.send("POST", endpoint, document=keys).status == 200
        except Unavailable:
            return False


class Use:
    """One opening of an app, from the user's wish to its outcome."""

    def __init__(self, terminal: Terminal, app_id: str, user_name: str, password, register: bool):
        self.terminal, self.app_id, self.user_name = terminal, app_id, user_name
        self.password, self.register, self.hold = password, register, terminal.hold
        self.wallet, self.requests = terminal.wallet, Requests(terminal.hold)
        self.refreshes, self.authenticated = 0, False

    def run(self) -> None:
        """Goes through the steps until one raises Ended or Unavailable."""
        issuer = self.terminal.issuer
        self.site = self.requests.metadata(issuer, issuer)
        self.app = self.requests.metadata(self.terminal.apps[self.app_id], issuer, self.app_id)
        ticket = self._stored()
        if ticket is None or self.password is not None and not self.hold("TI-TE-02"):
            ticket = self._first_ticket()
        errors = 0
        while True:
            self._ask_for_resource(ticket)
            errors += 1
            if errors == MOST_ERRORS and self.hold("TI-TE-09") or not self.hold("TI-TE-06"):
                raise Ended("refused")
            ticket = self._after_error(ticket)

    def _stored(self):
        stored = self.wallet.get(self.user_name, self.app_id)
        return stored if self.hold("TI-TE-04") else self.wallet.first(self.user_name) or stored

    def _endpoint(self, document: dict, name: str) -> str:
        if not is_safe(document.get(name)):
            raise Unavailable(f"The metadata has no {name} that is https or on loopback.")
        return document[name]

    def _post(self, name: str, document, tries: int = 3):
        return self.requests.send("POST", self._endpoint(self.site, name), document=document, tries=tries)

    # Step 2

    def _first_ticket(self) -> Ticket:
        if self.password is None:
            raise Ended("login_required")
        if self.register and self.hold("TI-TE-03"):
            self._register()
        return self._authenticate()

    def _register(self) -> None:
        wish = {"user_name": self.user_name, "password": self.password}
        try:
            reply = self._post("registration_endpoint", wish, tries=1)
        except Unavailable:
            return  # the account may be there all the same, and authentication tells
        if reply.status not in (201, 409):
            raise Ended("registration_refused")

    def _authenticate(self) -> Ticket:
        self.authenticated = True
        asked = self.app_id if self.hold("TI-TE-01") else next(iter(self.terminal.apps))
        reply = self._post("authentication_endpoint",
                           {"user_name": self.user_name, "password": self.password, "app_id": asked})
        if reply.status == 429:
            raise Ended("unavailable")
        if reply.status != 200:
            raise Ended("authentication_refused")
        ticket = Ticket.of(reply)
        if ticket is None or ticket.app_id != asked and self.hold("TI-TE-12"):
            raise Ended("refused")
        self.wallet.put(self.user_name, self.app_id, ticket)
        return ticket

    # Step 3

    def _ask_for_resource(self, ticket: Ticket) -> None:
        """Returns after a ticket error indication only."""
        authorization = ticket_authorization(ticket.user_id, ticket.authorization_key)
        if not self.hold("TI-TE-05"):
            authorization += f', refresh_key="{ticket.refresh_key}"'
        reply = self.requests.send("GET", self._endpoint(self.app, "resource_endpoint"), authorization)
        if reply.status == 200 and reply.json_object():
            raise Ended("resource", reply.json_object())
        if reply.status != 401 or not says_ticket_error(reply.headers.get_all("WWW-Authenticate") or []):
            raise Ended("refused")

    # Step 4

    def _after_error(self, sent: Ticket) -> Ticket:
        """The ticket for the next resource request."""
        lock = self.wallet.refreshing(self.user_name, self.app_id)
        if not lock.acquire(timeout=max(0, self.requests.left())):
            raise Unavailable("Another use still refreshes this ticket.")
        try:
            stored = self._stored()
            if stored is not None and stored is not sent:
                return stored
            if stored is not None:
                if self.terminal.clock.now() < stored.rest_until and self.hold("TI-TE-11"):
                    raise Ended("unavailable")
                if self.refreshes < (1 if self.hold("TI-TE-09") else UNBOUNDED):
                    fresh = self._refresh(stored)
                    if fresh:
                        return fresh
        finally:
            lock.release()
        if self.password is not None and not self.authenticated:
            return self._authenticate()
        thrown_away = self._stored() is None
        raise Ended("login_required" if thrown_away and self.password is None else "refused")

    def _refresh(self, stored: Ticket):
        """The new ticket; None where the old one was refused and thrown away."""
        self.refreshes += 1

        def wish() -> dict:
            request_id = stored.request_id if self.hold("TI-TE-10") else secrets.token_urlsafe(24)
            return {"user_id": stored.user_id, "refresh_key": stored.refresh_key, "request_id": request_id}

        try:
            reply = self._post("refresh_endpoint", wish)
        except Unavailable:
            stored.rest_until = self.terminal.clock.now() + REST
            raise
        if reply.status == 400 and reply.json_object().get("error") == "invalid_grant":
            if not self.hold("TI-TE-08"):
                raise Ended("refused")
            self.wallet.replace(self.user_name, self.app_id, stored, None)
            return None
        fresh = Ticket.of(reply)
        if fresh is None or not self._fits(fresh, stored):
            raise Ended("refused")
        if not self.hold("TI-TE-07"):
            fresh.refresh_key = stored.refresh_key
        if not self.wallet.replace(self.user_name, self.app_id, stored, fresh):
            return None  # logged out meanwhile
        return fresh

    def _fits(self, fresh: Ticket, stored: Ticket) -> bool:
        same_owner = fresh.user_id == stored.user_id and fresh.app_id == self.app_id
        return same_owner and not fresh.shares_a_key_with(stored) or not self.hold("TI-TE-12")
