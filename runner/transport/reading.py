"""Reading bodies without trusting their size: decoding bounded piece by piece, lines of bounded length."""

from __future__ import annotations

import asyncio
import codecs
import zlib
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Final

from runner.model.errors import Refused, Unavailable

ENCODINGS: Final = "gzip, deflate"
PIECE: Final = 1 << 18
LONGEST_LINE: Final = 64 << 20


async def decoded(raw: AsyncIterator[bytes], encoding: str) -> AsyncIterator[bytes]:
    """Give a body without its content encoding, in pieces of at most `PIECE` bytes when it was compressed.

    Raises:
        Unavailable: the encoding is unknown or the data are broken.
    """
    encoding = encoding.strip().lower()
    if encoding in ("", "identity"):
        async for chunk in raw:
            yield chunk
        return
    if encoding not in ("gzip", "x-gzip", "deflate"):
        raise Unavailable(f"the reply has the content encoding {encoding[:40]!r}, which was not asked for")
    inflate = zlib.decompressobj(zlib.MAX_WBITS | 32 if encoding != "deflate" else zlib.MAX_WBITS)
    try:
        async for chunk in raw:
            for piece in _inflated(inflate, chunk):
                yield piece
        if not inflate.eof:
            raise Unavailable("the compressed reply ends too early")
    except zlib.error as error:
        raise Unavailable(f"the reply cannot be decompressed: {error}") from error


async def bounded(chunks: AsyncIterator[bytes], most: int) -> bytes:
    """Return a whole body.

    Raises:
        Refused: it is longer than `most` bytes; reading stopped there.
    """
    parts: list[bytes] = []
    size = 0
    async for chunk in chunks:
        size += len(chunk)
        if size > most:
            raise Refused(f"the reply is longer than {most:,} bytes", mend="raise max_reply of the connection")
        parts.append(chunk)
    return parts[0] if len(parts) == 1 else b"".join(parts)


async def in_utf8(chunks: AsyncIterator[bytes], charset: str) -> AsyncIterator[bytes]:
    """Yield a body in UTF-8 when its charset has multi-byte line ends (UTF-16, UTF-32), any other unchanged."""
    if not charset.startswith(("utf-16", "utf-32")):
        async for chunk in chunks:
            yield chunk
        return
    decoder = codecs.getincrementaldecoder(charset)("replace")
    async for chunk in chunks:
        yield decoder.decode(chunk).encode("utf-8", "surrogatepass")
    yield decoder.decode(b"", final=True).encode("utf-8", "surrogatepass")


async def lines(chunks: AsyncIterator[bytes], longest: int = LONGEST_LINE) -> AsyncIterator[list[bytes]]:
    r"""Give the lines of a body, some at a time, without `\n`, `\r\n` and empty ones.

    Raises:
        Refused: a line is longer than `longest` bytes.
    """
    rest = bytearray()
    async for chunk in chunks:
        rest += chunk
        cut = rest.rfind(b"\n")
        if cut >= 0:
            yield _split(bytes(rest[:cut]))
            del rest[: cut + 1]
        if len(rest) > longest:
            raise Refused(f"a line of the reply is longer than {longest:,} bytes")
    yield _split(bytes(rest))


def _inflated(inflate: zlib._Decompress, chunk: bytes) -> Iterator[bytes]:
    while chunk:
        yield inflate.decompress(chunk, PIECE)
        chunk = inflate.unconsumed_tail


def _split(block: bytes) -> list[bytes]:
    return [line for line in (each.rstrip(b"\r") for each in block.split(b"\n")) if line]


@asynccontextmanager
async def within(limit_s: float, name: str) -> AsyncIterator[None]:
    """Bound the time in which a body is read; raises Unavailable when it is over."""
    bound = asyncio.timeout(limit_s)
    try:
        async with bound:
            yield
    except TimeoutError as error:
        if bound.expired():
            raise Unavailable(f"{name}: the body did not end within {limit_s:g} s") from error
        raise
