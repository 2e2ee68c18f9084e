"""The platforms that a third-party platform is registered at: their metadata, keys and logout tokens' keys (profile sections 3 and 5)."""
from __future__ import annotations

import threading
from dataclasses import dataclass

from fetching import Unreachable, fetch, is_safe
from jose import JoseError, public_key
from unified_wire import PATIENCE, PROFILE, WELL_KNOWN, Line, NoAnswer, is_whole

METADATA_KEPT = 60  # seconds
READ_AGAIN = 10  # seconds between two readings of the keys of logout tokens
LOGOUT_BOUND = 300  # seconds, where a platform announces none
LONGEST_LOGOUT_BOUND = 3600  # that a platform may announce


class KeysUnread(Exception):
    """The keys of logout tokens cannot be read. `again` says that this was tried a moment ago already."""

    def __init__(self, again: bool):
        super().__init__("The platform's jwks_uri cannot be read.")
        self.again = again


@dataclass(frozen=True)
class Registration:
    """A platform: its issuer, the client_id there, the communication keys, newest last."""

    issuer: str
    client_id: str
    keys: tuple

    def line(self, key) -> Line:
        return Line(self.client_id, self.issuer, key)


class Remote:
    """What is known of one platform."""

    def __init__(self, registration: Registration, clock, hold):
        self.registration, self.clock, self.hold = registration, clock, hold
        self._document, self._read_at = {}, None
        self._keys, self._keys_read_at, self._lock = {}, None, threading.Lock()

    def document(self) -> dict:
        """The platform's metadata, not older than a minute."""
        now, issuer = self.clock.now(), self.registration.issuer
        if self._read_at is not None and 0 <= now - self._read_at < METADATA_KEPT:
            return self._document
        try:
            reply = fetch("GET", issuer + WELL_KNOWN, timeout=PATIENCE)
        except Unreachable as error:
            raise NoAnswer(str(error)) from error
        document = reply.json_object() if reply.status == 200 else {}
        if document.get("profile") != PROFILE or document.get("issuer") != issuer and self.hold("UN-TP-29"):
            raise NoAnswer(f"There is no metadata of {issuer} that can be used.", reply)
        self._document, self._read_at = document, now
        return document

    def endpoint(self, name: str, of: dict = None) -> str:
        """A URL of the metadata to which requests and users may be sent."""
        url = (self.document() if of is None else of).get(name)
        if not is_safe(url):
            raise NoAnswer(f"The metadata of {self.registration.issuer} have no {name} that is https or on loopback.")
        return url

    def has(self, name: str) -> bool:
        return name in self.document()

    def last_known(self) -> dict:
        """The metadata as they were read last, however long ago; no request is sent for them."""
        return self._document

    def logout_bound(self) -> int:
        bound = self._document.get("logout_bound")
        return min(bound, LONGEST_LOGOUT_BOUND) if is_whole(bound) else LOGOUT_BOUND

    def sending_line(self) -> Line:
        return self.registration.line(self.registration.keys[-1])

    def lines(self, kid) -> list:
        keys = self.registration.keys if self.hold("UN-TP-40") else self.registration.keys[-1:]
        return [self.registration.line(key) for key in keys if kid in (None, key.kid)]

    def signing_key(self, kid):
        """The platform's key of logout tokens with the identifier, or None; an unknown one leads to a new reading."""
        with self._lock:
            if kid not in self._keys:
                now = self.clock.now()
                fresh = self._keys_read_at is not None and 0 <= now - self._keys_read_at < READ_AGAIN
                if fresh and not self._keys:
                    raise KeysUnread(again=True)
                if not fresh:
                    self._keys_read_at = now
                    self._keys = self._read_keys()
            return self._keys.get(kid)

    def _read_keys(self) -> dict:
        try:
            reply = fetch("GET", self.endpoint("jwks_uri"), timeout=PATIENCE)
        except (NoAnswer, Unreachable) as error:
            self._keys = {}
            raise KeysUnread(again=False) from error
        listed = reply.json_object().get("keys") if reply.status == 200 else None
        if not isinstance(listed, list):
            self._keys = {}
            raise KeysUnread(again=False)
        keys = {}
        for members in listed:
            try:
                if isinstance(members, dict) and members.get("use", "sig") == "sig" and isinstance(members.get("kid"), str):
                    keys[members["kid"]] = public_key(members)
            except JoseError:
                continue
        return keys
