"""Pictures: what is painted is read back, whatever filter an encoder chose, and damage is no crash."""

import struct
import zlib

import pytest

from runner.emulators.labelbox.pictures import paint, read

RED = (200, 30, 30)
LINES = [bytes((7 * y + 13 * x + 31 * c) % 256 for x in range(5) for c in range(3)) for y in range(4)]


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def encoded(kind: int, *, colour: int = 2, depth: int = 8) -> bytes:
    """Write LINES with one filter, by the text of the specification."""
    raw, above = b"", bytes(15)
    for line in LINES:
        left, corner = bytes(3) + line, bytes(3) + above
        guesses = [guess(kind, left[i], above[i], corner[i]) for i in range(15)]
        raw += bytes([kind]) + bytes((value - by) % 256 for value, by in zip(line, guesses, strict=True))
        above = line
    header = struct.pack(">IIBBBBB", 5, 4, depth, colour, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(raw)) + chunk(b"IEND", b"")


def guess(kind: int, left: int, up: int, corner: int) -> int:
    if kind == 4:
        near = left + up - corner
        return min((abs(near - left), 0, left), (abs(near - up), 1, up), (abs(near - corner), 2, corner))[2]
    return (0, left, up, (left + up) // 2)[kind]


def test_what_is_painted_is_read() -> None:
    picture = read(paint(4, 2, [(1, 1, 2, 1, RED)]))
    assert picture is not None
    assert (picture.width, picture.height) == (4, 2)
    assert picture.rows == (bytes(12), bytes(3) + bytes(RED) * 2 + bytes(3))


@pytest.mark.parametrize("kind", range(5))
def test_every_filter_is_undone(kind: int) -> None:
    picture = read(encoded(kind))
    assert picture is not None
    assert list(picture.rows) == LINES


def test_kinds_that_are_not_decoded_still_have_a_size() -> None:
    picture = read(encoded(0, depth=16))
    assert picture is not None
    assert (picture.width, picture.height, picture.rows) == (5, 4, ())


def test_of_a_jpeg_the_size_is_read() -> None:
    frame = struct.pack(">BHHB", 8, 480, 640, 3) + bytes(9)
    data = b"\xff\xd8\xff\xe0" + struct.pack(">H", 4) + b"ab\xff\xc0" + struct.pack(">H", 2 + len(frame)) + frame
    picture = read(data)
    assert picture is not None
    assert (picture.width, picture.height) == (640, 480)


@pytest.mark.parametrize("data", [b"", b"hello", b"\xff\xd8", b"\x89PNG\r\n\x1a\n", encoded(1)[:40], encoded(0)[:-30]])
def test_damage_is_no_picture(data: bytes) -> None:
    assert read(data) is None
