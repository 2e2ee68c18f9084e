"""Black and white pictures as PNG (ISO/IEC 15948)."""
from __future__ import annotations

import struct
import zlib

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_SAMPLES = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # of a pixel, by colour type
_DEPTHS = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}
_PALETTE = 3
LARGEST_SIDE = 2000  # pixels


class BadPicture(ValueError):
    """Bytes that are no picture, or one that this reader does not take."""


def write(rows: list) -> bytes:
    """A picture from rows of booleans, True being black."""
    width, height = len(rows[0]), len(rows)
    lines = b""
    for row in rows:
        bits = "".join("0" if black else "1" for black in row).ljust((width + 7) // 8 * 8, "0")
        lines += b"\x00" + int(bits, 2).to_bytes(len(bits) // 8, "big")
    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    return _SIGNATURE + _chunk(b"IHDR", header) + _chunk(b"IDAT", zlib.compress(lines)) + _chunk(b"IEND", b"")


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + zlib.crc32(kind + data).to_bytes(4, "big")


def read(picture: bytes) -> list:
    """The picture as rows of booleans, True being dark. Interlaced pictures are not taken."""
    chunks = _chunks(picture)
    try:
        width, height, depth, colour, _, _, interlaced = struct.unpack(">IIBBBBB", chunks[b"IHDR"])
        fits = depth in _DEPTHS[colour] and not interlaced
        if not fits or not (0 < width <= LARGEST_SIDE and 0 < height <= LARGEST_SIDE):
            raise BadPicture("a kind or size of picture that is not read here")
        bits = _SAMPLES[colour] * depth  # of a pixel
        stride = (width * bits + 7) // 8
        expected = (stride + 1) * height
        data = zlib.decompressobj().decompress(chunks[b"IDAT"], expected)
        if len(data) < expected:
            raise BadPicture("the picture breaks off")
        palette = chunks[b"PLTE"] if colour == _PALETTE else b""
    except (KeyError, struct.error, zlib.error) as error:
        raise BadPicture("the picture cannot be read") from error
    dark = _darkness(colour, depth, palette)
    rows, above = [], bytes(stride)
    for y in range(height):
        line = data[y * (stride + 1):(y + 1) * (stride + 1)]
        above = _unfiltered(line[0], bytearray(line[1:]), above, max(1, bits // 8))
        rows.append(dark(above, width))
    return rows


def _chunks(picture: bytes) -> dict:
    if not picture.startswith(_SIGNATURE):
        raise BadPicture("no PNG")
    chunks, at = {}, len(_SIGNATURE)
    while at + 12 <= len(picture):
        length = int.from_bytes(picture[at:at + 4], "big")
        kind, data = picture[at + 4:at + 8], picture[at + 8:at + 8 + length]
        if zlib.crc32(kind + data).to_bytes(4, "big") != picture[at + 8 + length:at + 12 + length]:
            raise BadPicture("a chunk is damaged")
        chunks[kind] = chunks.get(kind, b"") + data
        at += 12 + length
    return chunks


def _unfiltered(kind: int, line: bytearray, above, step: int):
    """A line with its filter taken off; `step` is the bytes of a pixel."""
    if kind == 0:
        return line
    if kind > 4:
        raise BadPicture("an unknown filter")
    for i, byte in enumerate(line):
        left = line[i - step] if i >= step else 0
        if kind == 1:
            guess = left
        elif kind == 2:
            guess = above[i]
        elif kind == 3:
            guess = (left + above[i]) // 2
        else:
            guess = _paeth(left, above[i], above[i - step] if i >= step else 0)
        line[i] = (byte + guess) & 255
    return line


def _paeth(left: int, above: int, corner: int) -> int:
    estimate = left + above - corner
    distances = ((abs(estimate - left), left), (abs(estimate - above), above), (abs(estimate - corner), corner))
    return min(distances, key=lambda pair: pair[0])[1]


def _darkness(colour: int, depth: int, palette: bytes):
    """What turns a line into booleans: the first sample of a pixel, looked up or as it is, below the middle."""
    step = _SAMPLES[colour] * depth // 8  # bytes of a pixel; 0: several pixels a byte
    shades = [palette[i] < 128 for i in range(0, len(palette), 3)]
    shades += [True] * (256 - len(shades)) if colour == _PALETTE else []

    def dark(line, width: int) -> list:
        if step:
            samples = line[::step][:width]
            middle = 128
        else:
            each = 8 // depth
            samples = [line[x // each] >> (each - 1 - x % each) * depth & (1 << depth) - 1 for x in range(width)]
            middle = 1 << depth - 1
        return [shades[s] for s in samples] if shades else [s < middle for s in samples]

    return dark
