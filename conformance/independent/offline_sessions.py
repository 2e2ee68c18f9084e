"""One session of the near-field link at the device (profile section 4.2)."""
from __future__ import annotations

import threading

from offline_frames import ACK, DATA, MOST_FRAMES, TO_DEVICE, TO_HANDSET, WAIT, Assembly, Frame, cut


class Session:
    """Called under the device's lock; the relay works aside and leaves its outcome in `outgoing`."""

    def __init__(self, frame_size: int, relay, hold):
        self._frame_size, self._relay, self.hold = frame_size, relay, hold
        self._incoming, self._dropped = {}, set()
        self._second = None  # message 2 that came after message 2, where that is taken
        self.outgoing = {}  # message number -> bytes
        self.refused = self.silent = False
        self.fields = self.information = self.endpoint = None  # for the relay: application, information, where to verify
        self.last_answer = 0.0

    def answer(self, frame: Frame):
        if self.silent:
            return None
        if frame.type == DATA:
            return self._acknowledge(frame) if frame.message in TO_DEVICE else None
        return self._polled(frame) if frame.message in TO_HANDSET else None

    def _acknowledge(self, frame: Frame):
        number = frame.message
        if number in self._dropped or (number == 2 and (1 not in self.outgoing or self.refused)):
            return None
        assembly = self._incoming.get(number)
        if assembly and frame.count != assembly.count:
            if number == 2 and assembly.complete and not self.hold("OF-VD-29"):
                return self._again(frame, assembly)
            if self.hold("OF-VD-14"):
                return None
            assembly.count = frame.count
        assembly = self._incoming.setdefault(number, Assembly(frame.count))
        if frame.index in assembly.fragments:
            return self._repeated(frame, assembly)
        assembly.add(frame)
        if assembly.too_long:
            self._dropped.add(number)
            return None
        if assembly.complete:
            self._work(number, assembly)
        return _acknowledgement(frame)

    def _repeated(self, frame: Frame, assembly: Assembly):
        """A fragment that is there already (OF-VD-13, OF-VD-16)."""
        if assembly.complete:
            if frame.index == assembly.count - 1 and not self.hold("OF-VD-13"):
                self._work(frame.message, assembly)
            if frame.message == 2 and not self.hold("OF-VD-29"):
                return self._again(frame, assembly)
        elif not self.hold("OF-VD-16"):
            assembly.add(frame)
        return _acknowledgement(frame)

    def _again(self, frame: Frame, first: Assembly):
        if self._second is None or self._second.count != frame.count:
            self._second = Assembly(frame.count)
        self._second.add(frame)
        if self._second.complete:
            if self._second.message() != first.message():
                self._work(2, self._second)
            self._second = None
        return _acknowledgement(frame)

    def _work(self, number: int, assembly: Assembly) -> None:
        message = assembly.message(by_index=self.hold("OF-VD-10"))
        work = self._relay.apply if number == 0 else self._relay.verify
        threading.Thread(target=work, args=(self, message), daemon=True).start()

    def _polled(self, frame: Frame):
        message = self.outgoing.get(frame.message)
        if message is None or (frame.message == 3 and self.refused):
            return Frame(WAIT, frame.session, frame.message, frame.index)
        payloads = cut(message, self._frame_size) if self.hold("OF-VD-15") else [message]
        if frame.index >= len(payloads) or len(payloads) > MOST_FRAMES:
            return None
        return Frame(DATA, frame.session, frame.message, frame.index, len(payloads), payloads[frame.index])


def _acknowledgement(frame: Frame) -> Frame:
    return Frame(ACK, frame.session, frame.message, frame.index)
