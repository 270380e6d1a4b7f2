"""Read and write small PNG pictures: enough for rules over size and colour, nothing more.

Only 8-bit RGB and RGBA without interlacing is decoded; of JPEG the size alone is read. Source: PNG specification, third
edition, sections 9 (filters) and 11 (chunks), read 2026-11.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from typing import TypeAlias

Colour: TypeAlias = tuple[int, int, int]

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_MAX_PIXELS = 500_000
_CHANNELS = {2: 3, 6: 4}
_JPEG_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}


@dataclass(frozen=True, slots=True)
class Picture:
    """A decoded picture.

    Attributes:
        width: in pixels.
        height: in pixels.
        rows: one bytes of width * 3 (red, green, blue) for each line; empty when only the size could be read
            (JPEG, other kinds of PNG, more than half a million pixels).
    """

    width: int
    height: int
    rows: tuple[bytes, ...] = ()


def paint(width: int, height: int, boxes: list[tuple[int, int, int, int, Colour]]) -> bytes:
    """Make a PNG of coloured boxes `(left, top, width, height, colour)`, later ones above earlier ones."""
    lines = [bytearray(width * 3) for _ in range(height)]
    for left, top, wide, high, colour in boxes:
        for line in lines[top : top + high]:
            line[left * 3 : (left + wide) * 3] = bytes(colour) * wide
    raw = b"".join(b"\0" + bytes(line) for line in lines)
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return _SIGNATURE + _chunk(b"IHDR", header) + _chunk(b"IDAT", zlib.compress(raw, 9)) + _chunk(b"IEND", b"")


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def read(data: bytes) -> Picture | None:
    """Decode a picture; None when the bytes are no PNG or JPEG, or are damaged."""
    try:
        if data.startswith(_SIGNATURE):
            return _png(data)
        return _jpeg(data) if data.startswith(b"\xff\xd8") else None
    except (struct.error, zlib.error, IndexError):
        return None


def _png(data: bytes) -> Picture | None:
    header, packed, at = b"", b"", len(_SIGNATURE)
    while at < len(data):
        (length,) = struct.unpack_from(">I", data, at)
        kind, body = data[at + 4 : at + 8], data[at + 8 : at + 8 + length]
        header = body if kind == b"IHDR" else header
        packed += body if kind == b"IDAT" else b""
        at += length + 12
    width, height, depth, colour, _, _, interlace = struct.unpack(">IIBBBBB", header)
    if depth != 8 or colour not in _CHANNELS or interlace or width * height > _MAX_PIXELS:
        return Picture(width, height)
    return Picture(width, height, _unfilter(zlib.decompress(packed), width, height, _CHANNELS[colour]))


def _unfilter(raw: bytes, width: int, height: int, channels: int) -> tuple[bytes, ...]:
    stride, above, rows = width * channels, bytearray(width * channels), []
    for number in range(height):
        start = number * (stride + 1)
        line = bytearray(raw[start + 1 : start + 1 + stride])
        _undo(raw[start], line, above, channels)
        rows.append(bytes(line) if channels == 3 else _without_alpha(line))
        above = line
    return tuple(rows)


def _undo(kind: int, line: bytearray, above: bytearray, step: int) -> None:
    for i in range(len(line) if kind else 0):
        left = line[i - step] if i >= step else 0
        corner = above[i - step] if i >= step else 0
        predicted = (0, left, above[i], (left + above[i]) // 2, _paeth(left, above[i], corner))[kind]
        line[i] = (line[i] + predicted) & 0xFF


def _paeth(left: int, up: int, corner: int) -> int:
    guess = left + up - corner
    return min((left, up, corner), key=lambda value: abs(guess - value))


def _without_alpha(line: bytearray) -> bytes:
    return bytes(value for i, value in enumerate(line) if i % 4 != 3)


def _jpeg(data: bytes) -> Picture | None:
    at = 2
    while data[at] == 0xFF:
        (length,) = struct.unpack_from(">H", data, at + 2)
        if data[at + 1] in _JPEG_FRAMES:
            height, width = struct.unpack_from(">HH", data, at + 5)
            return Picture(width, height)
        at += 2 + length
    return None
