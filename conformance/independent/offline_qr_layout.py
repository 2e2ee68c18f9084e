"""Where things stand in a QR code, and what its format says (ISO/IEC 18004)."""
from __future__ import annotations

from functools import cache

# Levels of error correction as the format information has them.
M = 0
LEVELS = {1: "L", M: "M", 3: "Q", 2: "H"}
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
MASKS = (
    lambda x, y: (x + y) % 2 == 0, lambda x, y: y % 2 == 0, lambda x, y: x % 3 == 0, lambda x, y: (x + y) % 3 == 0,
    lambda x, y: (x // 3 + y // 2) % 2 == 0, lambda x, y: x * y % 2 + x * y % 3 == 0,
    lambda x, y: (x * y % 2 + x * y % 3) % 2 == 0, lambda x, y: ((x + y) % 2 + x * y % 3) % 2 == 0,
)


@cache
def layout_of(version: int) -> "Layout":
    return Layout(version)


class Layout:
    """Where things stand in a symbol of a version; not changed once made."""

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


def format_bits(level: int, mask: int) -> int:
    return _with_check(level << 3 | mask, 10, 0x537) ^ 0x5412
