"""What the app holds on its device, and the requests that it sends (profile section 6)."""
from __future__ import annotations

import threading
from dataclasses import dataclass, replace

from fetching import Reply, Unreachable, fetch
from forms import encode
from mobile_wire import PROFILE, WELL_KNOWN, is_safe_url

PATIENCE = 5  # seconds for one request


class Overtaken(Exception):
    """A wipe or a new enrolment came in between."""


class NotReached(Exception):
    """No answer, or metadata that cannot be read."""


class OtherIssuer(Exception):
    """Metadata of another authorization server."""


@dataclass(frozen=True)
class Held:
    """A token with its address."""

    access_token: str
    token_type: str
    system_id: str
    address: str
    expires_at: float
    version: int  # of the rules that the address came with


class Storage:
    """Enrolment, token, address, resources, and the jtis of wipes. Each enrolment and each wipe makes a new generation:
    what a request of an older one brings is not stored any more."""

    def __init__(self, clock, hold):
        self._clock, self._hold, self._lock = clock, hold, threading.Lock()
        self.generation, self.enrolled = 0, False
        self.held, self.resources, self.highest = None, [], 0
        self.last_held, self.first_address, self._seen = None, "", set()

    def enrol(self, generation: int) -> None:
        """A registration that was begun in this generation has been taken."""
        with self._lock:
            self._expect(generation)
            self._empty(enrolled=True)
            self.resources = []

    def wipe(self, jti: str) -> bool:
        """Takes a wipe; returns whether it is a new one."""
        with self._lock:
            if jti in self._seen:
                return False
            if self._hold("MO-AP-27"):
                self._seen.add(jti)
            return True

    def clear(self) -> None:
        """Deletes what a wipe deletes."""
        with self._lock:
            self._empty(enrolled=False)
            if self._hold("MO-AP-10"):
                self.resources = []

    def _empty(self, enrolled: bool) -> None:
        self.generation, self.enrolled, self.held, self.highest = self.generation + 1, enrolled, None, 0

    def _expect(self, generation: int) -> None:
        if generation != self.generation:
            raise Overtaken

    def expect(self, generation: int) -> None:
        with self._lock:
            self._expect(generation)

    def token(self, generation: int):
        """The stored token with its address, unless it has expired; or None."""
        with self._lock:
            self._expect(generation)
            held = self.held
            return held if held and self._clock.now() < held.expires_at else None

    def keep_token(self, generation: int, held: Held, version: int) -> None:
        with self._lock:
            self._expect(generation)
            self.held = self.last_held = held
            self.highest = max(self.highest, version)
            self.first_address = self.first_address or held.address

    def drop_token(self, generation: int, held=None) -> None:
        """Drops the stored token; with `held`, only where it is that one."""
        with self._lock:
            self._expect(generation)
            if held is None or self.held and self.held.access_token == held.access_token:
                self.held = None

    def keep_resources(self, generation: int, resources: list) -> None:
        with self._lock:
            self._expect(generation)
            self.resources = resources

    def move(self, system_id: str, address: str, version: int) -> None:
        """An address message (section 6.4)."""
        with self._lock:
            known, self.highest = self.highest, max(self.highest, version)
            if not self.held or self.held.system_id != system_id:
                return
            newest = self.held.version if self._hold("MO-AP-31/overtaken") else known
            if version >= newest or not self._hold("MO-AP-32"):
                self.held = self.last_held = replace(self.held, address=address, version=version)

    def summary(self) -> dict:
        with self._lock:
            return {"enrolled": self.enrolled, "token": self.held is not None, "address": self.held is not None,
                    "resources": len(self.resources)}


class Sender:
    """Sends the app's requests with their proofs."""

    def __init__(self, issuer: str, prover, hold):
        self.issuer, self.prover, self._hold = issuer, prover, hold

    def send(self, method: str, url: str, *, authorization: str = "", document=None, proof=None, patience: float = PATIENCE) -> Reply:
        """One request; raises NotReached where there is no answer in time."""
        if not is_safe_url(url) or patience <= 0:
            raise NotReached(f"{url} is no safe URL, or there is no time left.")
        try:
            return fetch(method, url, authorization, timeout=min(PATIENCE, patience), document=document,
                         headers=[proof] if proof else [])
        except Unreachable as error:
            raise NotReached(str(error)) from error

    def metadata(self, patience: float = PATIENCE) -> dict:
        """The authorization server's document, read anew (section 3)."""
        reply = self.send("GET", self.issuer + WELL_KNOWN, patience=patience)
        document = reply.json_object() if reply.status == 200 else {}
        if document.get("profile") != PROFILE:
            raise NotReached("The authorization server's metadata cannot be read.")
        if document.get("issuer") != self.issuer and self._hold("MO-AP-24"):
            raise OtherIssuer
        return document

    def post(self, endpoint, document: dict, patience: float = PATIENCE) -> Reply:
        """A request to an endpoint of the authorization server, with a proof."""
        if not is_safe_url(endpoint):
            raise NotReached("The metadata lacks an endpoint that is a safe URL.")
        proof = self.prover.header("POST", endpoint) if self._hold("MO-AP-13") else None
        return self.send("POST", endpoint, document=document, proof=proof, patience=patience)

    def read(self, address: str, held: Held, patience: float) -> Reply:
        """A request to a business system, with the token (section 5.1)."""
        authorization = f"{held.token_type} {held.access_token}" if self._hold("MO-AP-03") else ""
        proof = self.prover.header("GET", address, held.access_token) if held.token_type == "DPoP" else None
        if not self._hold("MO-AP-35"):
            address += ("&" if "?" in address else "?") + "access_token=" + encode(held.access_token)
        return self.send("GET", address, authorization=authorization, proof=proof, patience=patience)
