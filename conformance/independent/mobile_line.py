"""A business system's line to the authorization server: metadata, keys, downloads (profile sections 3, 4.7, 4.8 and 5.2)."""
from __future__ import annotations

import threading
import time

from documents import basic_authorization
from fetching import Unreachable, fetch
from jose import JoseError, b64decode
from mobile_wire import PROFILE, WELL_KNOWN, is_safe_url, is_whole

METADATA_KEPT = 300  # seconds
KEYS_KEPT = 300  # seconds that a key set is kept at most
DOWNLOAD_KEPT = 30  # seconds that a download is used again at most
UNKNOWN_KEY_REST = 1  # seconds between two readings of the keys because of unknown names
PATIENCE = 4.5  # seconds for metadata, keys and download together


class Outage(Exception):
    """The authorization server was not reached, or gave no usable answer."""


class NoSuchKey(Exception):
    """The key set was read and has not the key."""


def lifetime(members: dict, most: int) -> int:
    """cache_lifetime as it is taken: 0 where it is absent, `most` where it is greater."""
    value = members.get("cache_lifetime")
    return max(0, min(value, most)) if is_whole(value) else 0


class Line:
    """Asks the authorization server, with a deadline for each request that needs it, and keeps what may be kept."""

    def __init__(self, issuer: str, system_id: str, secret: str, first_key, clock, hold):
        self._issuer, self._clock, self._hold = issuer, clock, hold
        self._authorization = basic_authorization(system_id, secret) if hold("MO-BS-24") else ""
        self._first_key = first_key
        self._document, self._document_until = {}, 0
        self._keys, self._keys_until, self._failed = None, 0, False
        self._sought_at = float("-inf")  # when the keys were last read for an unknown name, or lacked one
        self._reading = threading.Lock()
        self._downloads, self._lock = {}, threading.Lock()

    def begin(self) -> float:
        """The deadline of a request that comes in now."""
        return time.monotonic() + PATIENCE

    def _send(self, deadline: float, method: str, url: str, document=None, secret: bool = True):
        left = deadline - time.monotonic()
        if left <= 0:
            raise Outage("The authorization server has taken too long.")
        try:
            return fetch(method, url, self._authorization if secret else "", timeout=left, document=document)
        except Unreachable as error:
            raise Outage("The authorization server cannot be reached.") from error

    def _metadata(self, deadline: float) -> dict:
        now = self._clock.now()
        if now < self._document_until:
            return self._document
        reply = self._send(deadline, "GET", self._issuer + WELL_KNOWN, secret=False)
        document = reply.json_object() if reply.status == 200 else {}
        if document.get("profile") != PROFILE or document.get("issuer") != self._issuer:
            raise Outage("The authorization server's metadata cannot be used.")
        self._document, self._document_until = document, now + METADATA_KEPT
        return document

    # Keys (section 5.2)

    def key(self, kid: str, deadline: float) -> bytes:
        """The sealing key of that name; raises NoSuchKey, or Outage where the keys cannot be read."""
        if not self._reading.acquire(timeout=max(0, deadline - time.monotonic())):
            raise Outage("The keys are still being read.")
        try:
            return self._key(kid, deadline)
        finally:
            self._reading.release()

    def _key(self, kid: str, deadline: float) -> bytes:
        now = self._clock.now()
        if kid in (self._keys or {}):
            self._read_again(kid, now, deadline)
        else:
            self._seek(kid, now, deadline)
        if kid not in self._keys:
            raise NoSuchKey
        return self._keys[kid]

    def _read_again(self, kid: str, now: float, deadline: float) -> None:
        """Reads a set that has expired, for the sake of a key that was in it."""
        if now < self._keys_until or not self._hold("MO-BS-28"):
            return
        try:
            self._read_keys(deadline)
        except Outage:
            if self._hold("MO-BS-30"):
                raise
        if kid not in self._keys:
            self._sought_at = now

    def _seek(self, kid: str, now: float, deadline: float) -> None:
        """Reads the set for a name that is not in it, unless that was done a moment ago."""
        first = self._keys is None
        if not first and not self._hold("MO-BS-28"):
            return
        if now < self._sought_at + UNKNOWN_KEY_REST and self._hold("MO-BS-31"):
            if self._failed:
                raise Outage("The keys could not be read a moment ago.")
            return
        self._sought_at = now
        self._read_keys(deadline)
        if first and kid in self._keys:
            self._sought_at = float("-inf")

    def _read_keys(self, deadline: float) -> None:
        self._failed = True
        self._take_keys(deadline)
        self._failed = False

    def _take_keys(self, deadline: float) -> None:
        endpoint = self._metadata(deadline).get("sealing_keys_endpoint")
        now = self._clock.now()
        if endpoint is None:
            self._keys, self._keys_until = {self._first_key.kid: self._first_key.secret}, now + METADATA_KEPT
            return
        if not is_safe_url(endpoint):
            raise Outage("The metadata's sealing_keys_endpoint is no safe URL.")
        reply = self._send(deadline, "GET", endpoint)
        members = reply.json_object() if reply.status == 200 else {}
        if not isinstance(members.get("keys"), list):
            raise Outage("The authorization server gives no key set.")
        read = members["keys"] if self._hold("MO-BS-29") else members["keys"][:1]
        kept = {} if self._hold("MO-BS-30") else self._keys or {}
        self._keys = {**kept, **dict(filter(None, map(_secret, read)))}
        self._keys_until = now + lifetime(members, KEYS_KEPT)

    # Downloads (section 4.7)

    def download(self, token_id: str, expires_at: int, deadline: float, in_url: str = "") -> dict:
        """The record of a token, or an empty one where it is not shared. `in_url`: what MO-BS-25 forbids."""
        asked_at = self._clock.now()
        with self._lock:
            self._downloads = {name: kept for name, kept in self._downloads.items() if asked_at < kept[1]}
            kept = self._downloads.get(token_id)
        if kept:
            return kept[0]
        endpoint = self._metadata(deadline).get("shared_token_endpoint")
        if not is_safe_url(endpoint):
            raise Outage("The metadata's shared_token_endpoint is no safe URL.")
        reply = self._send(deadline, "POST", endpoint + (f"?token={in_url}" if in_url else ""), {"token_id": token_id})
        if reply.status == 404:
            return {}
        record = reply.json_object() if reply.status == 200 else {}
        if not record:
            raise Outage("The authorization server gives neither a record nor a 404.")
        until = asked_at + lifetime(record, DOWNLOAD_KEPT) if self._hold("MO-BS-26") else expires_at
        if until > asked_at:
            with self._lock:
                self._downloads[token_id] = (record, until)
        return record


def _secret(key):
    """Name and secret of a key of a set; None for one that is not for sealing here."""
    try:
        if not isinstance(key, dict) or key.get("kty") != "oct" or not isinstance(key.get("kid"), str):
            return None
        secret = b64decode(key.get("k"))
    except JoseError:
        return None
    return (key["kid"], secret) if len(secret) == 32 else None
