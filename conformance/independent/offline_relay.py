"""The device's requests to its server, and its decisions (profile section 4.5)."""
from __future__ import annotations

import math
import threading
import time

from documents import basic_authorization
from fetching import Unreachable, fetch
from offline_cbor import Malformed, Map, encode
from offline_envelope import MEDIA_TYPE, parse
from offline_messages import (AMOUNT, APPLICATION, APPROVED, CHALLENGE, CURRENCY, DECISION, DEVICE, ERROR, HANDSET,
                              ISSUER, LARGEST_MESSAGE, LEVEL, RESULT, RESULT_BYTES, SERIAL, SERVICE, TYPE,
                              VERIFIED, Tolerance, differing, read, refusal, valid)
from offline_wire import asked_for, usable_metadata

METADATA_KEPT = 600  # seconds
TRIES, TRY, PAUSE, ALL = 3, 5, 0.5, 20  # how many, and seconds for each, between them and for all
QUESTION = 4  # seconds for a try to read the metadata
UNBOUNDED = 40  # tries where OF-VD-27 is lifted
APPROVAL_KEPT = 3600  # seconds

_LENIENT = Tolerance(loose=True, repeated=True, unknown=True)


class Rejected(Exception):
    """No approval, with the error of the decision and the result that it carries."""

    def __init__(self, error: str, result: bytes = b""):
        super().__init__(error)
        self.error, self.result = error, result


class Relay:
    """Runs beside the near-field endpoint; a session learns of the outcome by its `outgoing`."""

    def __init__(self, device, secret, issuer, pinned, clock, hold):
        self.device, self.secret, self.issuer, self.pinned, self.clock, self.hold = device, secret, issuer, pinned, clock, hold
        self._document, self._read_at = {}, 0.0
        self._approved, self._lock = {}, threading.Lock()  # serial -> time of the approval and its session

    # Message 0

    def apply(self, session, message: bytes) -> None:
        try:
            session.outgoing[1] = self._information(session, message)
        except Rejected as rejected:
            session.silent = not self.hold("OF-VD-09")
            session.refused = True
            session.outgoing[1] = refusal(rejected.error, session.fields and session.fields[SERIAL])

    def _information(self, session, message: bytes) -> bytes:
        try:
            session.fields = fields = read(APPLICATION, message)
        except Malformed as error:
            raise Rejected("invalid_request") from error
        if fields[DEVICE] != self.device:
            if self.hold("OF-VD-28"):
                raise Rejected("access_denied")
            message = encode({**fields, DEVICE: self.device})
        if not self.hold("OF-VD-02"):
            message = encode({**fields, AMOUNT: (fields[AMOUNT] // 100 + 1) * 100})
        until = time.monotonic() + ALL
        document = self._metadata(until - TRY)  # so that one try is left for the application
        session.endpoint = document["verification_endpoint"]
        reply = self._send(document["application_endpoint"], "application/cbor", message, until, authenticated=True)
        if reply is None:
            raise Rejected("server_unreachable")
        if reply.status != 200:
            error = reply.json_object().get("error")
            told = isinstance(error, str) and error.isprintable() and valid(ERROR, error)
            raise Rejected(error if told else "server_refused")
        if not 1 <= len(reply.body) <= LARGEST_MESSAGE:
            raise Rejected("server_refused")
        session.information = _glance(reply.body)
        if not self.hold("OF-VD-03"):
            return _payload(reply.body)
        return reply.body

    # Message 2

    def verify(self, session, message: bytes) -> None:
        if not self.hold("OF-VD-08"):
            session.outgoing[3] = self._decision(session, {APPROVED: True})
        if not self.hold("OF-VD-04"):
            message = _payload(message)
        try:
            result = self._result(session, message)
            decided = {APPROVED: True, RESULT_BYTES: result if self.hold("OF-VD-05") else b""}
        except Rejected as rejected:
            decided = {APPROVED: False, RESULT_BYTES: rejected.result, ERROR: rejected.error}
        session.outgoing[3] = self._decision(session, decided)

    @staticmethod
    def _decision(session, decided: dict) -> bytes:
        if not decided.get(RESULT_BYTES):
            decided.pop(RESULT_BYTES, None)
        return encode({TYPE: DECISION, SERIAL: session.fields[SERIAL], **decided})

    def _result(self, session, message: bytes) -> bytes:
        """The result that approves; Rejected where there is none."""
        reply = self._send(session.endpoint, MEDIA_TYPE, message, time.monotonic() + ALL, authenticated=self.hold("OF-VD-24"))
        if reply is None and not self.hold("OF-VD-07"):
            return b""
        if reply is None or reply.status != 200:
            raise Rejected("no_result")
        try:
            envelope = parse(reply.body)
            result = read(RESULT, envelope.payload)
        except Malformed as error:
            raise Rejected("no_result") from error
        if not self._right(session, envelope, result):
            raise Rejected("result_rejected")
        if not result[VERIFIED] and self.hold("OF-VD-06"):
            raise Rejected("not_verified", reply.body)
        self._approve(session)
        return reply.body

    def _right(self, session, envelope, result: dict) -> bool:
        domains = ["result"] if self.hold("OF-VD-18") else ["result", "information", "countersign"]
        if self.hold("OF-VD-17") and not envelope.trusted(self.pinned, domains):
            return False
        expected = {**session.fields, **{key: session.information.get(key) for key in (LEVEL, CHALLENGE, ISSUER)}}
        keys = {SERIAL, HANDSET, DEVICE, SERVICE, AMOUNT, CURRENCY, LEVEL, CHALLENGE, ISSUER}
        for requirement, key in (("OF-VD-19", SERIAL), ("OF-VD-20", CHALLENGE), ("OF-VD-21", DEVICE), ("OF-VD-22", AMOUNT)):
            if not self.hold(requirement):
                keys.discard(key)
        if not self.hold("OF-VD-28"):
            expected[DEVICE] = self.device
        return not differing(result, expected, keys)

    def _approve(self, session) -> None:
        """Of several sessions with one serial one is approved (OF-VD-23)."""
        now, serial = self.clock.now(), session.fields[SERIAL]
        with self._lock:
            self._approved = {s: kept for s, kept in self._approved.items() if kept[0] + APPROVAL_KEPT > now}
            earlier = self._approved.setdefault(serial, (now, session))
        if earlier[1] is not session and self.hold("OF-VD-23"):
            raise Rejected("already_approved")

    # Requests

    def _metadata(self, until: float) -> dict:
        """The server's document, kept for ten minutes (section 8)."""
        now = self.clock.now()
        with self._lock:
            if self._document and now < self._read_at + METADATA_KEPT:
                return self._document
        issuer = self.issuer if self.hold("OF-VD-25") else None
        reply = _until_answered(TRIES if self.hold("OF-VD-33") else 1, until, QUESTION, lambda: asked_for(self.issuer, QUESTION))
        document = usable_metadata(reply, issuer, ("application_endpoint", "verification_endpoint"))
        if not document:
            raise Rejected("server_unreachable")
        with self._lock:
            self._document, self._read_at = document, now
        return document

    def _send(self, url: str, media_type: str, message: bytes, until: float, authenticated: bool):
        authorization = basic_authorization(self.device, self.secret) if authenticated else ""

        def send():
            try:
                return fetch("POST", url, authorization, timeout=TRY, content=(media_type, message))
            except Unreachable:
                return None
        return _until_answered(self._tries(), until if self.hold("OF-VD-27") else math.inf, TRY, send)

    def _tries(self) -> int:
        if not self.hold("OF-VD-26"):
            return 1
        return TRIES if self.hold("OF-VD-27") else UNBOUNDED


def _until_answered(tries: int, until: float, longest: float, ask):
    """The reply to one of several tries, each of so many seconds at most, all of which end by that time; the last 5xx where nothing else came, None where nothing did."""
    reply = None
    for attempt in range(tries):
        if attempt:
            if time.monotonic() + PAUSE + longest > until:
                break
            time.sleep(PAUSE)
        latest = ask()
        reply = latest or reply
        if latest and latest.status < 500:
            break
    return reply


def _glance(information: bytes) -> dict:
    """The fields of the information as far as they can be read; the handset judges them."""
    try:
        fields = _LENIENT.read(parse(information, _LENIENT).payload)
    except Malformed:
        return {}
    return {key: value for key, value in fields if type(key) is int} if isinstance(fields, Map) else {}


def _payload(message: bytes) -> bytes:
    """What an envelope holds."""
    try:
        return parse(message, _LENIENT).payload
    except Malformed:
        return message
