"""Not-after: check the lease right before the bytes of a paying request go to the kernel, and bound its buffer.

The end of a request decides: a request whose last bytes did not leave was certainly not processed. So the last write
is small, is made only when the kernel has taken everything before it and has room for it as a whole, and follows the
check at once. The gap between the check and the system call remains.
"""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator
from typing import Final

from runner.model.job import NotAfter
from runner.transport.request import Content
from runner.transport.wire import Broken, Fault

KERNEL_S: Final = 15.0
"""Seconds for which the kernel may hold unacknowledged bytes; then it drops the connection."""

TAIL: Final = 4096
"""Bytes that a writable socket takes at least."""

PIECE: Final = 65536

_USER_TIMEOUT: Final[int | None] = getattr(socket, "TCP_USER_TIMEOUT", None)  # Linux; macOS has none
SOCKET_OPTIONS: Final = () if _USER_TIMEOUT is None else ((socket.IPPROTO_TCP, _USER_TIMEOUT, int(KERNEL_S * 1000)),)


def refuse_late(not_after: NotAfter | None) -> None:
    """Raise Broken (LATE) when a request must not leave any more."""
    if not_after is not None and not_after.left_s() <= 0:
        raise Broken("the lease was about to end before the request had left", Fault.LATE)


def bound_kernel(sock: socket.socket | None, *, is_bounded: bool) -> None:
    """Bound how long the kernel holds bytes sent on a connection, or lift the bound."""
    if sock is not None and _USER_TIMEOUT is not None:
        sock.setsockopt(socket.IPPROTO_TCP, _USER_TIMEOUT, int(KERNEL_S * 1000) if is_bounded else 0)


async def in_pieces(head: bytes, body: Content | None) -> AsyncIterator[tuple[bytes, bool]]:
    """Yield a request in pieces to write one by one, each with whether it is the last one; the last one is small."""
    pending = head
    if isinstance(body, bytes):
        pending += body
    elif body is not None:
        async for piece in body.chunks():
            if piece:
                yield pending, False
                pending = piece
    while len(pending) > TAIL:
        cut = min(PIECE, len(pending) - TAIL)
        yield pending[:cut], False
        pending = pending[cut:]
    yield pending, True
