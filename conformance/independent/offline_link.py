"""The handset's side of the near-field link (profile section 4.2)."""
from __future__ import annotations

import time

from fetching import Unreachable, fetch
from offline_frames import ACK, DATA, POLL, WAIT, Assembly, Damaged, Frame, cut, decode
from offline_pictures import PICTURE, Unreadable, draw_frame, read_frame

OCTETS = "application/octet-stream"
PATIENCE = 2  # seconds for one answer
FIRST_PAUSE, GROWTH, LONGEST_PAUSE = 0.1, 1.25, 1.0  # seconds between tries
TRIES = 8
UNBOUNDED = 40  # tries where OF-HS-31 is lifted
POLL_PAUSE, LONGEST_WAIT = 0.1, 30  # seconds


class LinkFailed(Exception):
    """The link was given up."""


class Link:
    """One session with a device."""

    def __init__(self, endpoint: str, frame_size: int, pictures: bool, session: bytes, hold):
        self._endpoint, self._frame_size, self._session, self.hold = endpoint, frame_size, session, hold
        self._pictures = pictures and hold("OF-HS-35")

    def send(self, number: int, message: bytes) -> None:
        payloads = cut(message, self._frame_size) if self.hold("OF-HS-12") else [message]
        for index, payload in enumerate(payloads):
            frame = Frame(DATA, self._session, number, index, len(payloads), payload)
            self._exchange(frame, lambda answer: answer.type == ACK)

    def receive(self, number: int) -> bytes:
        first = self._poll(number, 0, 0)
        assembly = Assembly(first.count)
        assembly.add(first)
        for index in range(1, first.count):
            assembly.add(self._poll(number, index, first.count))
            if assembly.too_long:
                break  # the reader of the message refuses it
        return assembly.message()

    def _poll(self, number: int, index: int, count: int) -> Frame:
        """The fragment, once it is there; `count` is that of the message, 0 while it is not known."""
        deadline = time.monotonic() + LONGEST_WAIT
        poll = Frame(POLL, self._session, number, index)

        def right(answer: Frame) -> bool:
            return answer.type == WAIT or (answer.type == DATA and count in (0, answer.count))

        while True:
            answer = self._exchange(poll, right)
            if answer.type == DATA:
                return answer
            if time.monotonic() > deadline:
                raise LinkFailed("The device let the handset wait for too long.")
            time.sleep(POLL_PAUSE)

    def _exchange(self, frame: Frame, right) -> Frame:
        """The right answer to a frame, which is sent until it comes (OF-HS-30, OF-HS-31)."""
        tries = TRIES if self.hold("OF-HS-31") else UNBOUNDED
        pause = FIRST_PAUSE
        for attempt in range(tries if self.hold("OF-HS-30") else 1):
            if attempt:
                time.sleep(pause)
                pause = min(pause * GROWTH, LONGEST_PAUSE)
            answer = self._answer(frame)
            if answer and right(answer):
                return answer
        raise LinkFailed("The device gave no right answer to a frame.")

    def _answer(self, sent: Frame):
        """The frame that came back for this one, if it is one of its session, message and index."""
        kind, body = (PICTURE, draw_frame(sent.encode())) if self._pictures else (OCTETS, sent.encode())
        try:
            reply = fetch("POST", self._endpoint, timeout=PATIENCE, content=(kind, body))
            answered = (reply.headers.get("Content-Type") or "").split(";")[0].strip().lower()
            if reply.status != 200 or answered != kind:
                return None
            data = read_frame(reply.body) if self._pictures else reply.body
            answer = decode(data, checked=self.hold("OF-HS-32"))
        except (Unreachable, Unreadable, Damaged):
            return None
        same = (answer.session, answer.message, answer.index) == (sent.session, sent.message, sent.index)
        return answer if same and answer.well_formed() else None
