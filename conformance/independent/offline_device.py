"""The verification device: its near-field endpoint (profile section 4)."""
from __future__ import annotations

import threading

from documents import media_type
from forms import Refusal
from offline_frames import DATA, FRAME_SIZES, POLL, Damaged, decode
from offline_pictures import PICTURE, Unreadable, draw_frame, read_frame
from offline_relay import Relay
from offline_sessions import Session
from store import Guards
from web import Response

DEFECTS = tuple(f"OF-VD-{n:02d}" for n in (*range(1, 32), 33))

OCTETS = "application/octet-stream"
MOST_SESSIONS = 256
IDLE = 120  # seconds


class VerificationDevice:
    """Relays between handsets and its server, and opens to those whom the server verified."""

    def __init__(self, base, device, secret, issuer, pinned, link, clock, lifted=()):
        self.base, self.device, self.issuer, self.link, self.clock = base, device, issuer, link, clock
        self.hold = Guards(DEFECTS, lifted).hold
        self.frame_size = FRAME_SIZES[link]
        self.relay = Relay(device, secret, issuer, pinned, clock, self.hold)
        self._sessions, self._lock = {}, threading.Lock()

    def metadata(self) -> dict:
        document = {"issuer": self.issuer, "near_field_endpoint": self.base + "/near-field", "near_field_profile": self.link,
                    "near_field_media_types": [OCTETS, PICTURE], "device": self.device}
        if self.hold("OF-VD-01"):
            document["near_field_frame_size"] = self.frame_size
        return document

    def routes(self) -> dict:
        return {"/near-field": {"POST": self.receive}}

    def receive(self, request) -> Response:
        """Sections 4.3 and 4.4."""
        kind = media_type(request)
        if kind not in (OCTETS, PICTURE):
            raise Refusal(415, "invalid_request", f"Send one frame as {OCTETS} or {PICTURE}.")
        try:
            data = request.body if kind == OCTETS else read_frame(request.body)
        except Unreadable:
            return Response(204)
        answer = self.answer(data)
        if answer is None:
            return Response(204)
        if kind == PICTURE and self.hold("OF-VD-31"):
            return Response(200, draw_frame(answer), PICTURE)
        return Response(200, answer, OCTETS)

    def answer(self, data: bytes):
        """The frame that answers this one; None where nothing does (section 4.2)."""
        try:
            frame = decode(data, checked=self.hold("OF-VD-12"))
        except Damaged:
            return None
        if len(data) > self.frame_size or frame.type not in (DATA, POLL):
            return None
        if not frame.well_formed():
            return None
        now = self.clock.now()
        with self._lock:
            if self.hold("OF-VD-30"):
                self._sessions = {s: session for s, session in self._sessions.items() if session.last_answer + IDLE > now}
            name = frame.session if self.hold("OF-VD-11") else b""
            session = self._sessions.get(name)
            if session is None:
                if frame.type != DATA or frame.message != 0 or len(self._sessions) >= MOST_SESSIONS:
                    return None
                session = Session(self.frame_size, self.relay, self.hold)
            answer = session.answer(frame)
            if answer is None:
                return None
            session.last_answer = now
            self._sessions[name] = session
        return answer.encode()
