"""Reads the body of a request within bounds of size and time."""

from __future__ import annotations

import asyncio
from typing import Final

from starlette.exceptions import HTTPException
from starlette.requests import Request

MOST_BYTES: Final = 1 << 20
DRAINED_BYTES: Final = 1 << 24
"""A body that is too large is read and thrown away up to here, so that its sender gets to see the answer."""

WITHIN_S: Final = 10.0
_CLOSE: Final = {"Connection": "close"}


async def read_body(request: Request, *, most: int = MOST_BYTES, within_s: float) -> bytes:
    """Return the whole body.

    Raises:
        HTTPException: 413 when it has more than `most` bytes, 408 when it does not arrive within `within_s`.
    """
    try:
        async with asyncio.timeout(within_s):
            return await _read(request, most)
    except TimeoutError:
        raise HTTPException(408, f"the body did not arrive within {within_s:g} s", _CLOSE) from None


async def _read(request: Request, most: int) -> bytes:
    body = bytearray()
    size = 0
    too_large = HTTPException(413, f"the body may have {most:,} bytes", _CLOSE)
    if _declared(request) > DRAINED_BYTES:
        raise too_large
    async for piece in request.stream():
        size += len(piece)
        if size <= most:
            body += piece
        elif size > DRAINED_BYTES:
            raise too_large
        else:
            body.clear()
    if size > most:
        raise too_large
    return bytes(body)


def _declared(request: Request) -> int:
    length = request.headers.get("content-length", "")
    return int(length) if length.isascii() and length.isdigit() and len(length) < 20 else 0
