"""QR codes of text in alphanumeric mode (ISO/IEC 18004): drawn at error correction M, and read from undamaged symbols."""
from __future__ import annotations

import re

ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"

_ALPHANUMERIC, _END = 2, 0  # modes
_M = 0
_LEVELS = {1: "L", _M: "M", 3: "Q", 2: "H"}  # as in the format information
# For each level, and from version 1 on: error correction codewords in a block, and blocks.
_CORRECTION = {
    "L": ((7, 10, 15, 20, 26, 18, 20, 24, 30, 18, 20, 24, 26, 30, 22, 24, 28, 30, 28, 28,
           28, 28, 30, 30, 26, 28, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30),
          (1, 1, 1, 1, 1, 2, 2, 2, 2, 4, 4, 4, 4, 4, 6, 6, 6, 6, 7, 8,
           8, 9, 9, 10, 12, 12, 12, 13, 14, 15, 16, 17, 18, 19, 19, 20, 21, 22, 24, 25)),
    "M": ((10, 16, 26, 18, 24, 16, 18, 22, 22, 26, 30, 22, 22, 24, 24, 28, 28, 26, 26, 26,
           26, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28),
          (1, 1, 1, 2, 2, 4, 4, 4, 5, 5, 5, 8, 9, 9, 10, 10, 11, 13, 14, 16,
           17, 17, 18, 20, 21, 23, 25, 26, 28, 29, 31, 33, 35, 37, 38, 40, 43, 45, 47, 49)),
    "Q": ((13, 22, 18, 26, 18, 24, 18, 22, 20, 24, 28, 26, 24, 20, 30, 24, 28, 28, 26, 30,
           28, 30, 30, 30, 30, 28, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30),
          (1, 1, 2, 2, 4, 4, 6, 6, 8, 8, 8, 10, 12, 16, 12, 17, 16, 18, 21, 20,
           23, 23, 25, 27, 29, 34, 34, 35, 38, 40, 43, 45, 48, 51, 53, 56, 59, 62, 65, 68)),
    "H": ((17, 28, 22, 16, 22, 28, 26, 26, 24, 28, 24, 28, 22, 24, 24, 30, 28, 28, 26, 28,
           30, 24, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30),
          (1, 1, 2, 4, 4, 4, 5, 6, 8, 8, 11, 11, 16, 16, 18, 16, 19, 21, 25, 25,
           25, 34, 30, 32, 35, 37, 40, 42, 45, 48, 51, 54, 57, 60, 63, 66, 70, 74, 77, 81)),
}
_MASKS = (
    lambda x, y: (x + y) % 2 == 0, lambda x, y: y % 2 == 0, lambda x, y: x % 3 == 0, lambda x, y: (x + y) % 3 == 0,
    lambda x, y: (x // 3 + y // 2) % 2 == 0, lambda x, y: x * y % 2 + x * y % 3 == 0,
    lambda x, y: (x * y % 2 + x * y % 3) % 2 == 0, lambda x, y: ((x + y) % 2 + x * y % 3) % 2 == 0,
)


class NoCode(ValueError):
    """Modules that are no readable QR code, or text that fits into none."""


class _Layout:
    """Where things stand in a symbol of a version."""

    def __init__(self, version: int):
        self.version, self.size = version, 17 + 4 * version
        self.fixed = {}  # (x, y) -> dark, of the function patterns
        size = self.size
        for i in range(size):
            self.fixed[6, i] = self.fixed[i, 6] = i % 2 == 0
        for cx, cy in ((3, 3), (size - 4, 3), (3, size - 4)):
            self._square(cx, cy, 4, lambda ring: ring not in (2, 4))
        centers = self._centers()
        for cx in centers:
            for cy in centers:
                if (cx, cy) not in ((6, 6), (6, size - 7), (size - 7, 6)):
                    self._square(cx, cy, 2, lambda ring: ring != 1)
        self.fixed[8, size - 8] = True
        self.format_places = ([(8, i) for i in (0, 1, 2, 3, 4, 5, 7, 8)] + [(7, 8)] + [(5 - i, 8) for i in range(6)],
                              [(size - 1 - i, 8) for i in range(8)] + [(8, size - 7 + i) for i in range(7)])
        places = {place for copy in self.format_places for place in copy}
        if version >= 7:
            self._write_version()
        self.data = [place for place in self._zigzag() if place not in self.fixed and place not in places]

    def _centers(self) -> list:
        """Of the alignment patterns, in both directions."""
        if self.version == 1:
            return []
        count = self.version // 7 + 2
        step = 26 if self.version == 32 else (self.version * 4 + count * 2 + 1) // (count * 2 - 2) * 2
        return [6] + [self.size - 7 - i * step for i in range(count - 1)][::-1]

    def _square(self, cx: int, cy: int, radius: int, dark) -> None:
        for x in range(cx - radius, cx + radius + 1):
            for y in range(cy - radius, cy + radius + 1):
                if 0 <= x < self.size and 0 <= y < self.size:
                    self.fixed[x, y] = dark(max(abs(x - cx), abs(y - cy)))

    def _write_version(self) -> None:
        bits = _with_check(self.version, 12, 0x1F25)
        for i in range(18):
            a, b = self.size - 11 + i % 3, i // 3
            self.fixed[a, b] = self.fixed[b, a] = bool(bits >> i & 1)

    def _zigzag(self):
        for column, right in enumerate(x for x in range(self.size - 1, 0, -1) if x % 2 == (0 if x > 6 else 1)):
            upward = column % 2 == 0
            for y in range(self.size - 1, -1, -1) if upward else range(self.size):
                yield right, y
                yield right - 1, y

    def blocks(self, level: str) -> list:
        """The number of data codewords in each block."""
        count = _CORRECTION[level][1][self.version - 1]
        short, longer = divmod(len(self.data) // 8, count)
        return [short + (i >= count - longer) - self.correction(level) for i in range(count)]

    def correction(self, level: str) -> int:
        return _CORRECTION[level][0][self.version - 1]


def _with_check(value: int, length: int, polynomial: int) -> int:
    """A value followed by the remainder of a BCH code with so many check bits."""
    rest = value << length
    for i in range(rest.bit_length() - 1, length - 1, -1):
        if rest >> i & 1:
            rest ^= polynomial << i - length
    return value << length | rest


def _format_bits(level: int, mask: int) -> int:
    return _with_check(level << 3 | mask, 10, 0x537) ^ 0x5412


def _count_length(version: int) -> int:
    return 9 if version < 10 else 11 if version < 27 else 13


# Drawing


def draw(text: str) -> list:
    """The symbol as rows of booleans, True being dark, without its quiet zone."""
    layout, data = _fitted(text)
    codewords = _interleaved(layout, data)
    bits = "".join(f"{word:08b}" for word in codewords).ljust(len(layout.data), "0")
    symbols = [_masked(layout, bits, mask) for mask in range(len(_MASKS))]
    return min(symbols, key=_penalty)


def _fitted(text: str):
    """The smallest layout that takes the text, and its data codewords."""
    values = [ALPHABET.index(c) for c in text]
    body = "".join(f"{a * 45 + b:011b}" for a, b in zip(values[::2], values[1::2]))
    body += f"{values[-1]:06b}" if len(values) % 2 else ""
    for version in range(1, 41):
        layout = _Layout(version)
        room = sum(layout.blocks("M")) * 8
        bits = f"{_ALPHANUMERIC:04b}{len(values):0{_count_length(version)}b}{body}"
        if len(bits) <= room:
            bits += "0" * min(4, room - len(bits))
            bits += "0" * (-len(bits) % 8)
            words = [int(bits[i:i + 8], 2) for i in range(0, len(bits), 8)]
            return layout, words + [(0xEC, 0x11)[i % 2] for i in range(room // 8 - len(words))]
    raise NoCode("The text is too long for a QR code.")


def _interleaved(layout: _Layout, data: list) -> list:
    blocks, at = [], 0
    for length in layout.blocks("M"):
        blocks.append(data[at:at + length])
        at += length
    checks = [_remainder(block, layout.correction("M")) for block in blocks]
    return _crosswise(blocks) + _crosswise(checks)


def _crosswise(blocks: list) -> list:
    return [block[i] for i in range(max(map(len, blocks))) for block in blocks if i < len(block)]


def _product(a: int, b: int) -> int:
    """In the field of 256 elements modulo x^8 + x^4 + x^3 + x^2 + 1."""
    product = 0
    for i in range(7, -1, -1):
        product = product << 1 ^ (product >> 7) * 0x11D ^ (b >> i & 1) * a
    return product


def _remainder(block: list, length: int) -> list:
    """The Reed-Solomon codewords of a block."""
    divisor, root = [0] * (length - 1) + [1], 1
    for _ in range(length):
        divisor = [_product(c, root) ^ (divisor[i + 1] if i + 1 < length else 0) for i, c in enumerate(divisor)]
        root = _product(root, 2)
    rest = [0] * length
    for word in block:
        factor = word ^ rest.pop(0)
        rest.append(0)
        rest = [r ^ _product(d, factor) for r, d in zip(rest, divisor)]
    return rest


def _masked(layout: _Layout, bits: str, mask: int) -> list:
    rows = [[False] * layout.size for _ in range(layout.size)]
    for (x, y), bit in zip(layout.data, bits):
        rows[y][x] = (bit == "1") != _MASKS[mask](x, y)
    for copy in layout.format_places:
        for i, (x, y) in enumerate(copy):
            rows[y][x] = bool(_format_bits(_M, mask) >> i & 1)
    for (x, y), dark in layout.fixed.items():
        rows[y][x] = dark
    return rows


def _penalty(rows: list) -> int:
    """How hard a symbol is on its reader: long runs, blocks, what looks like a finder, an unbalanced whole."""
    lines = ["".join("01"[dark] for dark in line) for line in (*rows, *zip(*rows))]
    runs = sum(len(run[0]) - 2 for line in lines for run in re.finditer("0{5,}|1{5,}", line))
    finders = sum(line.startswith(p, i) for line in lines for i in range(len(line) - 10) for p in ("10111010000", "00001011101"))
    numbers, size = [int(line, 2) for line in lines[:len(rows)]], len(rows)
    blocks, all_bits = 0, (1 << size) - 1
    for a, b in zip(numbers, numbers[1:]):
        for same in (a & b, ~(a | b) & all_bits):
            blocks += bin(same & same >> 1).count("1")
    dark = sum(bin(number).count("1") for number in numbers)
    return runs + 3 * blocks + 40 * finders + abs(20 * dark - 10 * size * size) // (size * size) * 10


# Reading


def text_of(rows: list) -> str:
    """The text of a symbol, given as `draw` gives it."""
    size = len(rows)
    if size % 4 != 1 or not 21 <= size <= 177:
        raise NoCode("The modules are not as many as a QR code has.")
    layout = _Layout((size - 17) // 4)
    level, mask = _format_of(rows, layout)
    bits = [rows[y][x] != _MASKS[mask](x, y) for x, y in layout.data]
    words = [sum(bit << 7 - i for i, bit in enumerate(bits[at:at + 8])) for at in range(0, len(bits) - 7, 8)]
    lengths = layout.blocks(level)
    blocks, words = [[] for _ in lengths], iter(words)
    for i in range(max(lengths)):
        for block, length in zip(blocks, lengths):
            if i < length:
                block.append(next(words))
    return _text("".join(f"{word:08b}" for block in blocks for word in block), layout.version)


def _format_of(rows: list, layout: _Layout) -> tuple:
    for copy in layout.format_places:
        found = sum(rows[y][x] << i for i, (x, y) in enumerate(copy))
        for level, name in _LEVELS.items():
            for mask in range(len(_MASKS)):
                if _format_bits(level, mask) == found:
                    return name, mask
    raise NoCode("The format of the QR code cannot be read.")


def _text(bits: str, version: int) -> str:
    text, at = "", 0

    def take(length: int) -> int:
        nonlocal at
        if at + length > len(bits):
            raise NoCode("The QR code breaks off.")
        at += length
        return int(bits[at - length:at], 2)

    while len(bits) - at >= 4 and (mode := take(4)) != _END:
        if mode != _ALPHANUMERIC:
            raise NoCode("The QR code is not in alphanumeric mode.")
        count = take(_count_length(version))
        for _ in range(count // 2):
            first, second = divmod(take(11), 45)
            if first > 44:
                raise NoCode("The QR code holds a character that there is not.")
            text += ALPHABET[first] + ALPHABET[second]
        if count % 2:
            last = take(6)
            if last > 44:
                raise NoCode("The QR code holds a character that there is not.")
            text += ALPHABET[last]
    return text
