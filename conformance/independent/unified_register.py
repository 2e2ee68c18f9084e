"""Registration and review of third-party platforms, and their communication keys (profile sections 2.2 and 4.2)."""
from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from documents import Document, basic_credentials
from fetching import is_safe
from forms import Refusal
from jose import Key, b64encode
from store import Accounts
from unified_wire import Line, invalid_request
from web import Response, json_response, single

KEY_BYTES = 32
URIS = ("access_uri", "callback_uri", "logout_uri", "backchannel_logout_uri")


@dataclass
class CommunicationKey:
    key: Key
    client_id: str
    retires_at: float = None
    used: bool = False  # the third-party platform has sent a right message under it


@dataclass
class ThirdParty:
    """One in force. `paths` are its registered URIs by name, those that it has."""

    client_id: str
    name: str
    owner: str
    paths: dict
    keys: list = field(default_factory=list)  # CommunicationKey, newest last


@dataclass
class Asked:
    """A request for a registration or for a change."""

    request_id: str
    client_id: str
    requester: str
    registration: dict
    status: str = "pending"

    def summary(self) -> dict:
        return {"request_id": self.request_id, "client_id": self.client_id, "status": self.status}


def denied(why: str) -> Refusal:
    return Refusal(403, "access_denied", why)


class Register:
    """The third-party platforms in force, what operators ask for, and the keys. `lock` is the platform's."""

    def __init__(self, issuer, clock, hold, lock, operators, key_overlap):
        self.issuer, self.clock, self.hold, self.lock, self.key_overlap = issuer, clock, hold, lock, key_overlap
        self.operators = Accounts([(name, password) for name, password, _ in operators])
        self.reviewers = {name for name, _, reviews in operators if reviews}
        self.parties, self._asked, self._keys = {}, {}, {}

    def _document(self, request) -> Document:
        return Document(request, too_large=413, halves=not self.hold("UN-PL-30/surrogates"))

    def put(self, client_id: str, name: str, owner: str, paths: dict, *keys: Key) -> None:
        """A third-party platform in force from the start."""
        self.parties[client_id] = ThirdParty(client_id, name, owner, paths)
        for key in keys:
            self._add_key(client_id, key)

    def register(self, request) -> Response:
        operator, document = self._operator(request), self._document(request)
        registration = self._registration(document)
        with self.lock:
            client_id = document.optional_text("client_id")
            if client_id is None:
                client_id = "tp-" + secrets.token_hex(8)
            elif client_id not in self.parties or self.parties[client_id].owner != operator and self.hold("UN-PL-71"):
                raise denied("No third-party platform in force under this client_id is yours.")
            asked = Asked(secrets.token_urlsafe(16), client_id, operator, registration)
            self._asked[asked.request_id] = asked
            party = self.parties.get(client_id)
            if party is None and not self.hold("UN-PL-18"):
                self._put_in_force(asked)
            elif party is not None and not self.hold("UN-PL-19"):
                party.paths = {**party.paths, "callback_uri": registration["callback_uri"]}
            return json_response(202, asked.summary())

    def _registration(self, document) -> dict:
        if not document.has("client_name"):
            raise Refusal(400, "invalid_client_metadata", "client_name is missing.")
        if not 1 <= len(document.text("client_name")) <= 80:
            raise Refusal(400, "invalid_client_metadata", "client_name is not 1 to 80 characters long.")
        given = {name: document.text(name) for name in URIS if document.has(name)}
        for name in URIS:
            error = "invalid_redirect_uri" if name == "callback_uri" else "invalid_client_metadata"
            if name not in given and name in URIS[:2]:
                raise Refusal(400, error, f"{name} is missing.")
            if name in given and self.hold("UN-PL-73") and not may_be_registered(given[name]):
                raise Refusal(400, error, f"{name} is no https URL and none on loopback, or has a fragment or user information.")
        if "logout_uri" in given and "backchannel_logout_uri" in given:
            raise Refusal(400, "invalid_client_metadata", "Give logout_uri or backchannel_logout_uri, not both.")
        return {"client_name": document.text("client_name"), **given}

    def status(self, request) -> Response:
        operator = self._operator(request)
        asked = self._asked.get(single(request.query, "request_id"))
        if asked is None or operator != asked.requester and operator not in self.reviewers:
            raise Refusal(404, "not_found", "There is no such request for you to see.")
        return json_response(200, asked.summary())

    def pending(self, request) -> Response:
        self._reviewer(request)
        with self.lock:
            waiting = [asked for asked in self._asked.values() if asked.status == "pending"]
        return json_response(200, {"requests": [
            {"request_id": asked.request_id, "client_id": asked.client_id, "requester": asked.requester,
             "registration": asked.registration} for asked in waiting]})

    def review(self, request) -> Response:
        reviewer, document = self._reviewer(request), self._document(request)
        request_id, decision = document.text("request_id"), document.text("decision")
        if decision not in ("approve", "reject"):
            raise invalid_request("decision is neither approve nor reject.")
        with self.lock:
            asked = self._asked.get(request_id)
            if asked is None:
                raise Refusal(404, "not_found", "There is no such request.")
            if asked.requester == reviewer and self.hold("UN-PL-70"):
                raise denied("Nobody reviews a request of his own.")
            if asked.status != "pending":
                raise Refusal(409, "already_decided", "This request has been decided.")
            asked.status = "approved" if decision == "approve" else "rejected"
            if decision == "approve":
                self._put_in_force(asked)
            return json_response(200, {"request_id": asked.request_id, "status": asked.status})

    def _put_in_force(self, asked: Asked) -> None:
        party = self.parties.setdefault(asked.client_id, ThirdParty(asked.client_id, "", asked.requester, {}))
        party.name = asked.registration["client_name"]
        party.paths = {name: asked.registration[name] for name in URIS if name in asked.registration}

    def give_key(self, request) -> Response:
        operator, document = self._operator(request), self._document(request)
        client_id = document.text("client_id")
        with self.lock:
            party = self.parties.get(client_id)
            if party is None or party.owner != operator and self.hold("UN-PL-72"):
                raise denied("No third-party platform in force under this client_id is yours.")
            key = Key(f"{client_id}-{secrets.token_hex(6)}", secrets.token_bytes(KEY_BYTES))
            now = self.clock.now()
            for old in party.keys:
                if old.retires_at is None:
                    old.retires_at = now + self.key_overlap if self.hold("UN-PL-67") else now
            self._add_key(client_id, key)
        told = key.secret if self.hold("UN-PL-21") else secrets.token_bytes(KEY_BYTES)
        answer = {"client_id": client_id, "kid": key.kid, "k": b64encode(told), "key_overlap": self.key_overlap}
        return json_response(200, answer)

    def _add_key(self, client_id: str, key: Key) -> None:
        self._keys[key.kid] = CommunicationKey(key, client_id)
        self.parties[client_id].keys.append(self._keys[key.kid])

    def lines(self, kid) -> list:
        """The lines to third-party platforms whose key has the identifier; for None, all."""
        with self.lock:
            kept = list(self._keys.values()) if kid is None else [self._keys[kid]] if kid in self._keys else []
        return [self._line(entry) for entry in kept if self._works(entry)]

    def plain_line(self, client_id: str):
        party = self.parties.get(client_id)
        return self._line(party.keys[-1]) if party and party.keys else None

    def used(self, line: Line) -> None:
        """Notes that a right message came over the line."""
        self._keys[line.key.kid].used = True

    def sending_line(self, client_id: str):
        """The line for what the platform sends of its own accord (section 2.2); None where there is no key yet."""
        with self.lock:
            keys = self.parties[client_id].keys
            if not keys or not self.hold("UN-PL-69"):
                return self._line(keys[0]) if keys else None
            in_use = [entry for entry in keys if entry.used and self._works(entry)]
            return self._line((in_use or keys)[-1])

    def _works(self, entry: CommunicationKey) -> bool:
        retired = entry.retires_at is not None and self.clock.now() >= entry.retires_at
        return not retired or not self.hold("UN-PL-68")

    def _line(self, entry: CommunicationKey) -> Line:
        return Line(self.issuer, entry.client_id, entry.key)

    def _operator(self, request) -> str:
        given = basic_credentials(request)
        if given is None or not self.operators.right(*given):
            raise Refusal(401, "invalid_client", "Send an operator's name and password by HTTP Basic.",
                          ("WWW-Authenticate", 'Basic realm="registration"'))
        return given[0]

    def _reviewer(self, request) -> str:
        operator = self._operator(request)
        if operator not in self.reviewers and (request.method == "GET" or self.hold("UN-PL-20")):
            raise denied("You have no right to review.")
        return operator


def may_be_registered(url: str) -> bool:
    """Whether a URL is absolute, https or on loopback, without fragment and user information."""
    return is_safe(url) and "#" not in url and "@" not in urlsplit(url).netloc
