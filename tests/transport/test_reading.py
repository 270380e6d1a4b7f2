import asyncio
import gzip
import zlib

import pytest

from runner.model.errors import Refused, Unavailable
from runner.transport import reading


async def _pieces(data, size=7):
    for at in range(0, len(data), size):
        yield data[at : at + size]


def read(data, encoding, most=1 << 20):
    return asyncio.run(reading.bounded(reading.decoded(_pieces(data), encoding), most))


@pytest.mark.parametrize(
    ("pack", "encoding"), [(bytes, ""), (gzip.compress, "gzip"), (gzip.compress, " GZIP"), (zlib.compress, "deflate")]
)
def test_bodies_are_decoded(pack, encoding):
    assert read(pack(b"hello" * 1000), encoding) == b"hello" * 1000


def test_a_bomb_is_stopped_at_the_bound():
    bomb = gzip.compress(bytes(50 << 20))
    with pytest.raises(Refused, match="longer than 1,000,000 bytes"):
        read(bomb, "gzip", 1_000_000)


@pytest.mark.parametrize(
    ("data", "encoding"),
    [(b"no gzip at all", "gzip"), (gzip.compress(b"x" * 99, mtime=0)[:-9], "gzip"), (b"x", "br")],
)
def test_broken_encodings_are_unavailable(data, encoding):
    with pytest.raises(Unavailable):
        read(data, encoding)


async def _lines(data, **bound):
    return [line async for some in reading.lines(_pieces(data), **bound) for line in some]


def test_lines_over_pieces():
    assert asyncio.run(_lines(b"first\r\n\nsecond line\nlast")) == [b"first", b"second line", b"last"]


def test_an_endless_line_is_stopped():
    with pytest.raises(Refused, match="line"):
        asyncio.run(_lines(b"x" * 1000, longest=100))
