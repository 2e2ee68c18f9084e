"""Frames as pictures: PNG, QR code, Base45 (profile section 4.4, RFC 9285)."""
from __future__ import annotations

import offline_png
import offline_qr

PICTURE = "image/png"
PREFIX = "CSO1:"
QUIET, MODULE = 4, 4  # modules around the code, and pixels a module


class Unreadable(ValueError):
    """A picture that holds no frame."""


def base45(data: bytes) -> str:
    text = ""
    for at in range(0, len(data), 2):
        pair = data[at:at + 2]
        number = int.from_bytes(pair, "big")
        for _ in range(len(pair) + 1):
            number, digit = divmod(number, 45)
            text += offline_qr.ALPHABET[digit]
    return text


def from_base45(text: str) -> bytes:
    data = b""
    for at in range(0, len(text), 3):
        digits = [offline_qr.ALPHABET.index(c) for c in text[at:at + 3]]
        number, length = sum(digit * 45**i for i, digit in enumerate(digits)), len(digits) - 1
        if length == 0 or number >= 256**length:
            raise Unreadable("the text is not Base45")
        data += number.to_bytes(length, "big")
    return data


def draw_frame(frame: bytes) -> bytes:
    symbol = offline_qr.draw(PREFIX + base45(frame))
    side = (len(symbol) + 2 * QUIET) * MODULE
    margin = [False] * (QUIET * MODULE)
    rows = [[False] * side for _ in range(QUIET * MODULE)]
    for row in symbol:
        rows += [margin + [dark for dark in row for _ in range(MODULE)] + margin] * MODULE
    return offline_png.write(rows + [[False] * side] * (QUIET * MODULE))


def read_frame(picture: bytes) -> bytes:
    """The frame in a picture of one upright code, as a screen gives it."""
    try:
        text = offline_qr.text_of(_modules(offline_png.read(picture)))
    except (offline_png.BadPicture, offline_qr.NoCode) as error:
        raise Unreadable(str(error)) from error
    if not text.startswith(PREFIX):
        raise Unreadable("the text does not begin as that of a frame")
    return from_base45(text[len(PREFIX):])


def _modules(rows: list) -> list:
    """The modules of the code: all that is dark lies within it, and its upper edge begins with a finder, seven modules wide."""
    dark = [y for y, row in enumerate(rows) if any(row)]
    if not dark:
        raise Unreadable("the picture is white")
    top, bottom = dark[0], dark[-1] + 1
    left = min(rows[y].index(True) for y in dark)
    right = max(len(row) - row[::-1].index(True) for row in (rows[y] for y in dark))
    edge = rows[top][left:right]
    finder = (edge + [False]).index(False)
    size = round((right - left) * 7 / finder) if finder else 0
    if not 21 <= size <= 177:
        raise Unreadable("the picture holds no QR code")
    wide, high = (right - left) / size, (bottom - top) / size
    return [[rows[top + int((y + 0.5) * high)][left + int((x + 0.5) * wide)] for x in range(size)] for y in range(size)]
