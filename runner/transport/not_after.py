"""Not-after: the look right before the bytes of a paying request go to the kernel, and the bound of what it holds.

The end of a request decides: a request whose last bytes did not leave was surely not worked on. So the last write is
small, it is made only when the kernel has taken everything before it and has room for it as a whole, and the look
stands right before it. The gap between the look and the system call stays.
"""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator
from typing import Final

from runner.model.job import NotAfter
from runner.transport.request import Content
from runner.transport.wire import Broken, Fault

KERNEL_S: Final = 15.0
"""How long the kernel may hold bytes that the peer has not acknowledged; then it drops the connection."""

TAIL: Final = 4096
"""The kernel that is ready to take anything takes as much as this."""

PIECE: Final = 65536

_USER_TIMEOUT: Final[int | None] = getattr(socket, "TCP_USER_TIMEOUT", None)  # Linux; macOS has none
SOCKET_OPTIONS: Final = () if _USER_TIMEOUT is None else ((socket.IPPROTO_TCP, _USER_TIMEOUT, int(KERNEL_S * 1000)),)


def refuse_late(not_after: NotAfter | None) -> None:
    """Raise Broken (LATE) when a request must not leave any more."""
    if not_after is not None and not_after.left_s() <= 0:
        raise Broken("the lease was about to end before the request had left", Fault.LATE)


def bound_kernel(sock: socket.socket | None, *, is_bounded: bool) -> None:
    """Let the kernel hold what is sent on a connection for so long at most, or as long as it likes."""
    if sock is not None and _USER_TIMEOUT is not None:
        sock.setsockopt(socket.IPPROTO_TCP, _USER_TIMEOUT, int(KERNEL_S * 1000) if is_bounded else 0)


async def in_pieces(head: bytes, body: Content | None) -> AsyncIterator[tuple[bytes, bool]]:
    """Give a request in pieces that are written one by one, each with whether it is the last, which is a small one."""
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
