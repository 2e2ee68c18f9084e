"""CBOR in deterministic encoding (RFC 8949 section 4.2.1), and a reader that tells what is not (profile section 2.1).

In Python: uint and negative integers are int, bstr bytes, tstr str, arrays lists, maps `Map`, tags `Tag`."""
from __future__ import annotations

import struct

DEEPEST = 16  # nestings


class Malformed(ValueError):
    """Bytes that are not the one data item that they should be."""


class Map(list):
    """A map as pairs in the order of the encoding: keys of different types stay apart, and repeated ones are seen."""


class Tag:
    def __init__(self, number: int, value):
        self.number, self.value = number, value


class Encoded(bytes):
    """An item that is encoded already."""


class Simple:
    """A simple value other than false and true, or a number with a fraction; no message has one."""


def encode(value) -> bytes:
    if isinstance(value, Encoded):
        return bytes(value)
    if isinstance(value, bool):
        return b"\xf5" if value else b"\xf4"
    if isinstance(value, int):
        return _head(0, value) if value >= 0 else _head(1, -1 - value)
    if isinstance(value, bytes):
        return _head(2, len(value)) + value
    if isinstance(value, str):
        return _head(3, len(value.encode())) + value.encode()
    if isinstance(value, (list, tuple)):
        return _head(4, len(value)) + b"".join(encode(item) for item in value)
    if isinstance(value, dict):
        pairs = sorted((encode(key), encode(item)) for key, item in value.items())
        return _head(5, len(pairs)) + b"".join(key + item for key, item in pairs)
    if isinstance(value, Tag):
        return _head(6, value.number) + encode(value.value)
    raise TypeError(f"{type(value).__name__} has no encoding here")


def _head(major: int, argument: int) -> bytes:
    if argument < 24:
        return bytes([major << 5 | argument])
    for size, (code, limit) in enumerate((("B", 8), ("H", 16), ("I", 32), ("Q", 64))):
        if argument < 1 << limit:
            return bytes([major << 5 | 24 + size]) + struct.pack(">" + code, argument)
    raise OverflowError("an integer of more than 64 bits")


class Reader:
    """Reads one item that fills `data`. Afterwards `loose` says whether its encoding was not deterministic and
    `repeated` whether a map had a key twice."""

    def __init__(self, data: bytes):
        self._data, self._at = data, 0
        self.loose = self.repeated = False
        self.value = self._item(0)
        if self._at != len(data):
            raise Malformed("bytes follow the item")

    def _take(self, count: int) -> bytes:
        if count > len(self._data) - self._at:
            raise Malformed("the item breaks off")
        self._at += count
        return self._data[self._at - count:self._at]

    def _argument(self, low: int):
        """The number in an item's head; None: of indefinite length."""
        if low < 24:
            return low
        if low == 31:
            self.loose = True
            return None
        if low > 27:
            raise Malformed("a reserved length")
        size = 1 << low - 24
        argument = int.from_bytes(self._take(size), "big")
        if argument < (24, 1 << 8, 1 << 16, 1 << 32)[low - 24]:
            self.loose = True
        return argument

    def _item(self, depth: int):
        if depth > DEEPEST:
            raise Malformed("nested too deep")
        first = self._take(1)[0]
        major, low = first >> 5, first & 31
        if major == 7:
            return self._simple(low)
        argument = self._argument(low)
        if argument is None and major in (0, 1, 6):
            raise Malformed("an item that has no indefinite length has one")
        if major < 2:
            return argument if major == 0 else -1 - argument
        if major == 6:
            return Tag(argument, self._item(depth + 1))
        if major < 4:
            text = self._take(argument) if argument is not None else self._pieces(major)
            try:
                return text if major == 2 else text.decode("utf-8")
            except UnicodeDecodeError as error:
                raise Malformed("text is not UTF-8") from error
        return self._list(argument, depth) if major == 4 else self._map(argument, depth)

    def _simple(self, low: int):
        if low in (20, 21):
            return low == 21
        if 28 <= low:
            raise Malformed("a break or a reserved value")
        if low >= 24:
            self._take(1 << low - 24)
        return Simple()

    def _at_break(self) -> bool:
        if self._data[self._at:self._at + 1] != b"\xff":
            return False
        self._at += 1
        return True

    def _pieces(self, major: int) -> bytes:
        pieces = b""
        while not self._at_break():
            first = self._take(1)[0]
            length = self._argument(first & 31)
            if first >> 5 != major or length is None:
                raise Malformed("a string has a piece of another kind")
            pieces += self._take(length)
        return pieces

    def _list(self, argument, depth: int) -> list:
        items = []
        while len(items) != argument and not (argument is None and self._at_break()):
            items.append(self._item(depth + 1))
        return items

    def _map(self, argument, depth: int) -> Map:
        pairs, keys = Map(), []
        while len(pairs) != argument and not (argument is None and self._at_break()):
            begin = self._at
            key = self._item(depth + 1)
            keys.append(self._data[begin:self._at])
            pairs.append((key, self._item(depth + 1)))
        if len(set(keys)) < len(keys):
            self.repeated = True
        elif keys != sorted(keys):
            self.loose = True
        return pairs
