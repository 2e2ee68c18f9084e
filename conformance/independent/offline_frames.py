"""Frames of the near-field link, and messages put together from them (profile section 4.1)."""
from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass

from offline_messages import LARGEST_MESSAGE

DATA, ACK, POLL, WAIT = 1, 2, 3, 4
TO_DEVICE, TO_HANDSET = (0, 2), (1, 3)  # messages
FRAME_SIZES = {"acoustic": 64, "nfc": 256, "ble": 185, "qr": 1024}  # bytes
MOST_FRAMES = 255

_HEAD = struct.Struct(">B4sBBBH")
_CHECKSUM = 4
OVERHEAD = _HEAD.size + _CHECKSUM


class Damaged(ValueError):
    """Bytes that are no frame."""


@dataclass(frozen=True)
class Frame:
    type: int
    session: bytes
    message: int
    index: int
    count: int = 0
    payload: bytes = b""

    def encode(self) -> bytes:
        head = _HEAD.pack(self.type, self.session, self.message, self.index, self.count, len(self.payload))
        return head + self.payload + zlib.crc32(head + self.payload).to_bytes(_CHECKSUM, "big")

    def well_formed(self) -> bool:
        """Whether count and payload are as the type wants them."""
        if self.type == DATA:
            return self.count > 0 and self.index < self.count and len(self.payload) > 0
        return self.count == 0 and not self.payload


def decode(data: bytes, checked: bool = True) -> Frame:
    """The frame in `data`; without `checked` the checksum is not computed."""
    if len(data) < OVERHEAD:
        raise Damaged("shorter than a frame")
    body, checksum = data[:-_CHECKSUM], data[-_CHECKSUM:]
    if checked and zlib.crc32(body).to_bytes(_CHECKSUM, "big") != checksum:
        raise Damaged("the checksum is wrong")
    kind, session, message, index, count, length = _HEAD.unpack_from(body)
    payload = body[_HEAD.size:]
    if length != len(payload):
        raise Damaged("the length is wrong")
    return Frame(kind, session, message, index, count, payload)


def cut(message: bytes, frame_size: int) -> list:
    """The payloads of a message's frames."""
    room = frame_size - OVERHEAD
    return [message[at:at + room] for at in range(0, len(message), room)]


class Assembly:
    """Fragments of one message as they arrive."""

    def __init__(self, count: int):
        self.count, self.fragments = count, {}  # in the order of arrival

    def add(self, frame: Frame) -> None:
        self.fragments[frame.index] = frame.payload

    @property
    def too_long(self) -> bool:
        return sum(map(len, self.fragments.values())) > LARGEST_MESSAGE

    @property
    def complete(self) -> bool:
        return len(self.fragments) == self.count

    def message(self, by_index: bool = True) -> bytes:
        return b"".join(self.fragments[i] for i in (sorted(self.fragments) if by_index else self.fragments))
