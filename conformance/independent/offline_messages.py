"""The messages and their fields (profile section 2.1)."""
from __future__ import annotations

import re

from offline_cbor import Malformed, Map, Reader, encode

APPLICATION, INFORMATION, COUNTERSIGN, DECISION, RESULT, REFUSAL = range(1, 7)
(TYPE, SERIAL, HANDSET, DEVICE, SERVICE, AMOUNT, CURRENCY, LEVEL, CHALLENGE, ISSUED_AT, EXPIRES_AT, ISSUER, SEAL_KEY,
 PROOF, SEALED_PROOF, VERIFIED, RESULT_BYTES, APPROVED, ERROR) = range(1, 20)

LARGEST_MESSAGE = 2048  # bytes
LARGEST_AMOUNT = 2**53 - 1

_APPLIED = frozenset(range(TYPE, LEVEL))
_INFORMED = frozenset(range(TYPE, SEAL_KEY))
# For each message the keys that it has and those that it may have.
_TABLE = {
    APPLICATION: (_APPLIED, frozenset()),
    INFORMATION: (_INFORMED, {SEAL_KEY}),
    COUNTERSIGN: (_INFORMED, {SEAL_KEY, PROOF, SEALED_PROOF}),
    DECISION: (frozenset({TYPE, SERIAL, APPROVED}), {RESULT_BYTES, ERROR}),
    RESULT: (frozenset(range(TYPE, EXPIRES_AT)) | {ISSUER, VERIFIED}, frozenset()),
    REFUSAL: (frozenset({TYPE, ERROR}), {SERIAL}),
}


def _bytes(length: int):
    return lambda value: isinstance(value, bytes) and len(value) == length


def _text(longest: int):
    return lambda value: isinstance(value, str) and 1 <= len(value.encode()) <= longest


def _uint(least: int, most: int):
    return lambda value: type(value) is int and least <= value <= most


def _flag(value) -> bool:
    return isinstance(value, bool)


_time = _uint(0, 2**64 - 1)
_FIELDS = {
    TYPE: _uint(1, 6), SERIAL: _bytes(16), HANDSET: _text(32), DEVICE: _text(32), SERVICE: _text(32),
    AMOUNT: _uint(0, LARGEST_AMOUNT), CURRENCY: lambda v: isinstance(v, str) and bool(re.fullmatch("[A-Z]{3}", v)),
    LEVEL: _uint(1, 2), CHALLENGE: _bytes(32), ISSUED_AT: _time, EXPIRES_AT: _time, ISSUER: _text(128),
    SEAL_KEY: _bytes(32), PROOF: _bytes(32), SEALED_PROOF: _bytes(80), VERIFIED: _flag,
    RESULT_BYTES: lambda v: isinstance(v, bytes) and len(v) <= LARGEST_MESSAGE, APPROVED: _flag, ERROR: _text(64),
}


class Tolerance:
    """What a reader lets pass that the profile calls malformed at hardened."""

    def __init__(self, loose: bool = False, repeated: bool = False, unknown: bool = False, defaults=None):
        self.loose, self.repeated, self.unknown = loose, repeated, unknown
        self.defaults = defaults or {}  # values of keys that are missing

    def read(self, data: bytes):
        """The item in `data`, refused where its encoding does not pass."""
        reader = Reader(data)
        if reader.loose and not self.loose:
            raise Malformed("the encoding is not deterministic")
        if reader.repeated and not self.repeated:
            raise Malformed("a map has a key twice")
        return reader.value


STRICT = Tolerance()


def read(kind: int, data: bytes, tolerance: Tolerance = STRICT) -> dict:
    """The fields of a message of this kind; Malformed where it is none."""
    if len(data) > LARGEST_MESSAGE:
        raise Malformed(f"the message is longer than {LARGEST_MESSAGE} bytes")
    value = tolerance.read(data)
    if not isinstance(value, Map):
        raise Malformed("the message is no map")
    required, optional = _TABLE[kind]
    fields = dict(tolerance.defaults)
    for key, item in value:
        if type(key) is int and key in required | optional:
            fields[key] = item
        elif not tolerance.unknown:
            raise Malformed(f"the message has a key {key!r} that its table does not name")
    for key in sorted(required - set(fields)):
        raise Malformed(f"key {key} is missing")
    for key, item in fields.items():
        if not _FIELDS[key](item):
            raise Malformed(f"key {key} has a value of a wrong type or size")
    if fields[TYPE] != kind:
        raise Malformed(f"the type is not {kind}")
    if kind == INFORMATION and (SEAL_KEY in fields) != (fields[LEVEL] == 2):
        raise Malformed("seal_key stands in information of level 2, and in no other")
    if PROOF in fields and SEALED_PROOF in fields:
        raise Malformed("a proof stands bare and sealed in one message")
    return fields


def refusal(error: str, serial: bytes | None = None) -> bytes:
    fields = {TYPE: REFUSAL, ERROR: error}
    if serial is not None:
        fields[SERIAL] = serial
    return encode(fields)


def differing(fields: dict, others: dict, keys) -> set:
    """Those of the keys whose values are not the same in both."""
    return {key for key in keys if fields.get(key) != others.get(key)}


def valid(key: int, value) -> bool:
    """Whether a field may have this value."""
    return _FIELDS[key](value)
