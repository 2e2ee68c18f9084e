"""QR codes of text in alphanumeric mode (ISO/IEC 18004): drawn at error correction M, and read from undamaged symbols."""
from __future__ import annotations

import re
from functools import cache

from offline_qr_layout import LEVELS, MASKS, Layout, M, format_bits, layout_of

ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"

_ALPHANUMERIC, _END = 2, 0  # modes


class NoCode(ValueError):
    """Modules that are no readable QR code, or text that fits into none."""


def _count_length(version: int) -> int:
    return 9 if version < 10 else 11 if version < 27 else 13


# Drawing


def draw(text: str) -> list:
    """The symbol as rows of booleans, True being dark, without its quiet zone."""
    layout, data = _fitted(text)
    codewords = _interleaved(layout, data)
    bits = "".join(f"{word:08b}" for word in codewords).ljust(len(layout.data), "0")
    symbols = [_masked(layout, bits, mask) for mask in range(len(MASKS))]
    return min(symbols, key=_penalty)


def _fitted(text: str):
    """The smallest layout that takes the text, and its data codewords."""
    values = [ALPHABET.index(c) for c in text]
    body = "".join(f"{a * 45 + b:011b}" for a, b in zip(values[::2], values[1::2]))
    body += f"{values[-1]:06b}" if len(values) % 2 else ""
    for version in range(1, 41):
        layout = layout_of(version)
        room = sum(layout.blocks("M")) * 8
        bits = f"{_ALPHANUMERIC:04b}{len(values):0{_count_length(version)}b}{body}"
        if len(bits) <= room:
            bits += "0" * min(4, room - len(bits))
            bits += "0" * (-len(bits) % 8)
            words = [int(bits[i:i + 8], 2) for i in range(0, len(bits), 8)]
            return layout, words + [(0xEC, 0x11)[i % 2] for i in range(room // 8 - len(words))]
    raise NoCode("The text is too long for a QR code.")


def _interleaved(layout: Layout, data: list) -> list:
    blocks, at = [], 0
    for length in layout.blocks("M"):
        blocks.append(data[at:at + length])
        at += length
    checks = [_remainder(block, layout.correction("M")) for block in blocks]
    return _crosswise(blocks) + _crosswise(checks)


def _crosswise(blocks: list) -> list:
    return [block[i] for i in range(max(map(len, blocks))) for block in blocks if i < len(block)]


@cache
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


def _masked(layout: Layout, bits: str, mask: int) -> list:
    rows = [[False] * layout.size for _ in range(layout.size)]
    for (x, y), bit in zip(layout.data, bits):
        rows[y][x] = (bit == "1") != MASKS[mask](x, y)
    for copy in layout.format_places:
        for i, (x, y) in enumerate(copy):
            rows[y][x] = bool(format_bits(M, mask) >> i & 1)
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
    layout = layout_of((size - 17) // 4)
    level, mask = _format_of(rows, layout)
    bits = [rows[y][x] != MASKS[mask](x, y) for x, y in layout.data]
    words = [sum(bit << 7 - i for i, bit in enumerate(bits[at:at + 8])) for at in range(0, len(bits) - 7, 8)]
    lengths = layout.blocks(level)
    blocks, words = [[] for _ in lengths], iter(words)
    for i in range(max(lengths)):
        for block, length in zip(blocks, lengths):
            if i < length:
                block.append(next(words))
    return _text("".join(f"{word:08b}" for block in blocks for word in block), layout.version)


def _format_of(rows: list, layout: Layout) -> tuple:
    for copy in layout.format_places:
        found = sum(rows[y][x] << i for i, (x, y) in enumerate(copy))
        for level, name in LEVELS.items():
            for mask in range(len(MASKS)):
                if format_bits(level, mask) == found:
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
