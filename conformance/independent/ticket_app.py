"""The app server (profile section 5)."""
from __future__ import annotations

import threading
import time
from dataclasses import dataclass

from documents import basic_authorization, invalid_request
from fetching import Unreachable, fetch, is_safe
from forms import Refusal
from store import Guards
from ticket_wire import KEY, USER_ID, WELL_KNOWN, ticket_parameters, usable_metadata, whole
from web import Response, json_response

DEFECTS = (*(f"TI-AP-{n:02d}" for n in range(1, 11)), "TI-AP-05/most", "TI-AP-08/metadata")

METADATA_KEPT = 300  # seconds
LONGEST_CACHE = 60  # seconds that a confirmation is kept at most, whatever the answer says
PATIENCE = 3.5  # seconds for the account server: the terminal is to have its answer within four
RETRY_AFTER = 2  # seconds


class Outage(Exception):
    """The account server gave no verification result."""


@dataclass(frozen=True)
class Kept:
    """An answer about a pair, for a time."""

    confirmed: bool
    until: float


class AppServer:
    """Serves a user's resources once the account server has confirmed the ticket."""

    def __init__(self, base, app_id, issuer, secret, clock, lifted=()):
        self.base, self.app_id, self.issuer, self.secret, self.clock = base, app_id, issuer, secret, clock
        self.hold = Guards(DEFECTS, lifted).hold
        self._document, self._document_until = {}, 0
        self._kept, self._lock = {}, threading.Lock()

    def metadata(self) -> dict:
        return {"issuer": self.issuer, "app_id": self.app_id, "resource_endpoint": self.base + "/resource"}

    def routes(self) -> dict:
        return {"/resource": {"GET": self.read, "HEAD": self.read}}

    def read(self, request) -> Response:
        """Section 5.1."""
        user_id, key = self._pair(request)
        try:
            confirmed = self._confirmed(user_id, key)
        except Outage as outage:
            if self.hold("TI-AP-08"):
                raise Refusal(503, "temporarily_unavailable", str(outage), ("Retry-After", str(RETRY_AFTER)))
            confirmed = False
        if not confirmed:
            raise Refusal(401, "invalid_token", "The account server did not confirm this ticket.",
                          ("WWW-Authenticate", 'Ticket error="invalid_token"'))
        owner = user_id if self.hold("TI-AP-01") else "owner-of-all"
        resources = [{"id": "1", "title": f"Notes of {owner}"}, {"id": "2", "title": f"Pictures of {owner}"}]
        answer = json_response(200, {"owner": owner, "app_id": self.app_id, "resources": resources})
        return answer if self.hold("TI-AP-10") else answer.without_header("Cache-Control")

    def _pair(self, request):
        """User ID and authorization key as they stand in the request."""
        values = request.header_values("Authorization")
        if len(values) > 1:
            raise invalid_request("The Authorization header came more than once; send one.")
        pairs = ticket_parameters(values[0]) if values else None
        if pairs is None and not self.hold("TI-AP-03"):
            pairs = request.query or None
        if pairs is None:
            raise Refusal(401, "ticket_required", "Send the ticket in an Authorization header of the scheme Ticket.",
                          ("WWW-Authenticate", "Ticket"))
        return self._parameter(pairs, "user_id", USER_ID), self._parameter(pairs, "authorization_key", KEY)

    def _parameter(self, pairs, name: str, form) -> str:
        values = [v for n, v in pairs if n == name]
        if len(values) != 1 or not form.fullmatch(values[0]):
            raise invalid_request(f"{name} is missing, came twice or has a form that the profile does not allow.")
        return values[0]

    # Confirmation (sections 4.4 and 5.3)

    def _confirmed(self, user_id: str, key: str) -> bool:
        place = (user_id, key) if self.hold("TI-AP-07") else key
        sent_at = self.clock.now()
        with self._lock:
            self._kept = {p: kept for p, kept in self._kept.items() if sent_at < kept.until}
            kept = self._kept.get(place)
        if kept:
            return kept.confirmed
        answer = self._ask(user_id, key)
        confirmed = self._confirms(answer, user_id)
        until = self._keep_until(answer, confirmed, sent_at)
        if until > sent_at:
            with self._lock:
                self._kept[place] = Kept(confirmed, until)
        return confirmed

    def _confirms(self, answer: dict, user_id: str) -> bool:
        if not answer["active"]:
            return not self.hold("TI-AP-02")
        about_this = answer.get("user_id") == user_id and answer.get("app_id") == self.app_id
        return about_this or not self.hold("TI-AP-09")

    def _keep_until(self, answer: dict, confirmed: bool, sent_at: float) -> float:
        if not confirmed:
            return 0 if self.hold("TI-AP-06") else sent_at + 60
        if not self.hold("TI-AP-05"):
            return sent_at + 3600
        longest = LONGEST_CACHE if self.hold("TI-AP-05/most") else 3600
        until = sent_at + min(whole(answer.get("cache_lifetime")), longest)
        return min(until, whole(answer["exp"])) if "exp" in answer else until

    def _ask(self, user_id: str, key: str) -> dict:
        """The verification result for this pair. One request, never repeated here: the terminal comes again."""
        deadline = time.monotonic() + PATIENCE
        endpoint = self._verification_endpoint(deadline if self.hold("TI-AP-08/metadata") else deadline + PATIENCE)
        authorization = basic_authorization(self.app_id, self.secret) if self.hold("TI-AP-04") else ""
        reply = self._fetch(deadline, "POST", endpoint, authorization,
                            document={"user_id": user_id, "authorization_key": key})
        answer = reply.json_object() if reply.status == 200 else {}
        if not isinstance(answer.get("active"), bool):
            raise Outage("The account server gave no verification result; try again later.")
        return answer

    def _verification_endpoint(self, deadline: float) -> str:
        now = self.clock.now()
        with self._lock:
            document = self._document if now < self._document_until else {}
        if not document:
            document = usable_metadata(self._fetch(deadline, "GET", self.issuer + WELL_KNOWN), self.issuer)
            if not is_safe(document.get("verification_endpoint")):
                raise Outage("The account server's metadata cannot be used; try again later.")
            with self._lock:
                self._document, self._document_until = document, now + METADATA_KEPT
        return document["verification_endpoint"]

    def _fetch(self, deadline: float, method: str, url: str, authorization: str = "", document=None):
        left = deadline - time.monotonic()
        try:
            return fetch(method, url, authorization, timeout=max(left, 0.1), document=document)
        except Unreachable as error:
            raise Outage("The account server cannot be reached; try again later.") from error
