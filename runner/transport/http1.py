"""One connection of HTTP/1.1 over asyncio: a request out, the reply read by llhttp, and back into the pool.

Only what clients of JSON APIs need: no pipelining, no upgrades, no compression here (`reading` has it). A reply counts
as whole only when its own framing says so; everything else is an error, and the connection is not used again.

Source: RFC 9112 (HTTP/1.1), sections 6.3 and 9; httptools 0.9 over llhttp, read 2026-11.
"""

from __future__ import annotations

import asyncio
import select
from collections import deque
from collections.abc import AsyncIterator, Sequence
from ssl import SSLContext
from typing import Final, cast

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

from runner.model.item import Body
from runner.model.job import NotAfter
from runner.transport.not_after import bound_kernel, in_pieces, refuse_late
from runner.transport.wire import Broken, Fault

LONGEST_HEAD: Final = 128 << 10
_NEVER: Final = float("inf")
_JUST_NOW_S: Final = 0.05
_DRAIN_S: Final = 0.005
MOST_WAITING: Final = 1 << 20
"""Bytes of a reply that wait for their reader before the connection stops reading."""


class Connection(asyncio.Protocol):
    """Carries one exchange at a time: `send`, then `head`, then `pieces`; then another one if `is_reusable`.

    Attributes:
        status, headers: of the reply, valid after `head`.
        is_whole: whether the reply has come to its end.
        idle_since: when the last exchange ended, by the loop's clock.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.status = 0
        self.headers: dict[str, str] = {}
        self.is_whole = False
        self.idle_since = 0.0
        self._loop = loop
        self._parser = HttpResponseParser(self)
        self._transport: asyncio.Transport | None = None
        self._raw: asyncio.Transport | None = None  # the one below TLS
        self._is_bounded = False
        self._is_open = self._has_head = self._is_reusable = self._is_informational = False
        self._is_paused = self._is_full = self._has_no_body = False
        self._error: BaseException | None = None
        self._pieces: deque[bytes] = deque()
        self._waiting = self._head_bytes = 0
        self._waiter: asyncio.Future[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._poller: select.poll | None = None
        self._patience_s = self._deadline = self._looks_at = 0.0
        self._ends_at = _NEVER
        self._unwritten = 0

    # -- what the wire asks for
    @property
    def is_reusable(self) -> bool:
        """Whether the exchange ended so that another one may follow on this connection."""
        return self.is_whole and self._is_reusable and not self._is_paused and self._error is None

    def is_alive(self, now: float, *, may_repeat: bool = False) -> bool:
        """Whether an idle connection can be used: the server has neither closed it nor said anything.

        The system is asked, because the loop may not have heard of it yet. What is sent on a connection that is closed
        already is lost, and nobody can tell it from a request that was worked on. Only for a request that may be
        repeated, on a connection that was at work just now, the loop's word is enough.

        Args:
            now: by the loop's clock.
            may_repeat: whether the next request may be sent once more when it is lost.
        """
        if self._transport is None or self._error is not None:
            return False
        if may_repeat and now - self.idle_since < _JUST_NOW_S:
            return True
        if self._poller is None:
            self._poller = _poller(self._transport)
        return not self._poller.poll(0)

    def begin(self, patience_s: float, within_s: float | None, *, has_no_body: bool) -> None:
        """Begin an exchange.

        Args:
            patience_s: longest time without any progress, from now to the end of the exchange.
            within_s: longest time for all of it; None for no limit.
            has_no_body: whether the reply has no body whatever its headers say (HEAD).
        """
        now = self._loop.time()
        self.headers = {}
        self.is_whole = self._has_head = self._is_reusable = self._is_informational = False
        self._has_no_body, self._is_open = has_no_body, True
        self._pieces.clear()
        self._waiting = self._head_bytes = self._unwritten = 0
        self._patience_s, self._deadline = patience_s, now + patience_s
        self._ends_at = now + within_s if within_s is not None else _NEVER
        self._look_at(min(self._deadline, self._ends_at))

    async def secure(self, trust: SSLContext, name: str | None) -> None:
        """Speak TLS from now on; raises OSError."""
        if self._raw is None:
            raise Broken("the connection was closed", Fault.UNSENT)
        self._transport = await self._loop.start_tls(self._raw, self, trust, server_hostname=name)

    async def send(self, head: bytes, body: bytes | Body | None, not_after: NotAfter | None = None) -> None:
        """Write the request; returns early when the server answers before it is written.

        Args:
            head: request line and headers, with the empty line.
            body: what follows.
            not_after: looked at right before each write.

        Raises:
            Broken: the connection broke off, nothing moved for too long, or the not-after has passed.
            TimeoutError: the time for all of it is over.
        """
        transport = self._transport
        if transport is None:
            raise Broken("the connection was closed", Fault.UNSENT)
        self._bound_kernel(is_bounded=not_after is not None)
        if not_after is not None:
            await self._send_before(not_after, transport, in_pieces(head, body))
            return
        if body is None or isinstance(body, bytes):
            transport.write(head + body if body else head)
            return
        transport.write(head)
        async for piece in body.chunks():
            while self._is_full and not self._has_head:
                await self._wait()
            if self._has_head or self._error is not None:
                self._is_reusable = False  # the rest of the body is still owed
                return
            transport.write(piece)
            self._deadline = self._loop.time() + self._patience_s

    async def _send_before(
        self, not_after: NotAfter, transport: asyncio.Transport, pieces: AsyncIterator[tuple[bytes, bool]]
    ) -> None:
        async for piece, is_last in pieces:
            while not (self._is_drained(transport) and (not is_last or self._takes_more())) and not self._has_head:
                self._loop.call_later(_DRAIN_S, self._wake)
                await self._wait()
            if self._has_head or self._error is not None:
                self._is_reusable = False  # the rest of the request is still owed
                return
            refuse_late(not_after)
            transport.write(piece)
            self._deadline = self._loop.time() + self._patience_s

    def _is_drained(self, transport: asyncio.Transport) -> bool:
        """Whether the kernel has taken everything that was written."""
        is_empty = self._raw is None or not self._raw.get_write_buffer_size()
        return is_empty and not transport.get_write_buffer_size()

    def _takes_more(self) -> bool:
        """Whether the kernel has room."""
        if self._raw is None:
            return True
        poller = select.poll()
        poller.register(self._raw.get_extra_info("socket").fileno(), select.POLLOUT)
        return bool(poller.poll(0))

    def _bound_kernel(self, *, is_bounded: bool) -> None:
        if is_bounded is self._is_bounded or self._raw is None:
            return
        self._is_bounded = is_bounded
        bound_kernel(self._raw.get_extra_info("socket"), is_bounded=is_bounded)
        self._raw.set_write_buffer_limits(high=0 if is_bounded else None)  # uvloop writes at once only above it

    async def head(self) -> None:
        """Wait for status and headers; raises as `send`."""
        while not self._has_head:
            await self._wait()

    def ready(self) -> bytes | None:
        """Return the body when it has come as a whole, None when it is still on its way."""
        if not self.is_whole:
            return None
        pieces = self._pieces
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    async def pieces(self) -> AsyncIterator[bytes]:
        """Give the body as it comes; raises as `send`."""
        while True:
            while self._pieces:
                piece = self._pieces.popleft()
                self._waiting -= len(piece)
                if self._is_paused and self._waiting < MOST_WAITING // 2:
                    self._pause(paused=False)
                yield piece
            if self.is_whole:
                return
            await self._wait()

    def end(self, now: float) -> None:
        """End the exchange; what the server says from now on is an error."""
        self._is_open = False
        self.idle_since = now
        self._pieces.clear()

    def abort(self) -> None:
        """Close the connection at once; may be called twice."""
        self.end(0.0)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._transport is not None:
            self._transport.abort()
            self._transport = self._raw = None

    # -- what asyncio tells
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = self._raw = cast(asyncio.Transport, transport)  # uvloop's are none by inheritance

    def data_received(self, data: bytes) -> None:
        """Feed the parser; bytes nobody asked for end the connection."""
        if not self._is_open or self.is_whole:
            self._fail(Broken("the server sent more than it was asked for"))
            return
        self._deadline = self._loop.time() + self._patience_s
        if not self._has_head:
            self._head_bytes += len(data)
        try:
            self._parser.feed_data(data)
        except (HttpParserError, HttpParserUpgrade) as error:
            if not self.is_whole:
                self._fail(Broken(f"the reply is no HTTP: {error}"))
            return
        if not self._has_head and self._head_bytes > LONGEST_HEAD:
            self._fail(Broken("the head of the reply is too long"))
        self._wake()

    def eof_received(self) -> bool:
        """The server sends no more: the end of a body that has no other end."""
        if self._is_open and self._has_head and not self.is_whole and self._ends_with_connection():
            self.is_whole = True
        self._is_reusable = False
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone."""
        self._transport = self._raw = None
        if self._is_open and not self.is_whole:
            self._fail(Broken(f"the connection broke off: {exc}" if exc else "the connection was closed too early"))
        self._is_reusable = False
        self._wake()

    def pause_writing(self) -> None:
        """The request is written faster than it leaves."""
        self._is_full = True

    def resume_writing(self) -> None:
        """There is room for more of the request."""
        self._is_full = False
        self._deadline = self._loop.time() + self._patience_s
        self._wake()

    # -- what the parser tells
    def on_header(self, name: bytes, value: bytes) -> None:
        """Take one header; a repeated one is joined."""
        word, text = name.decode("latin-1").lower(), value.decode("latin-1")
        headers = self.headers
        headers[word] = f"{headers[word]}, {text}" if word in headers else text

    def on_headers_complete(self) -> None:
        """The head is there, unless it is only an announcement (100, 103)."""
        self.status = self._parser.get_status_code()
        if self.status < 200:
            self._is_informational = True
            self.headers = {}
            return
        self._has_head = True
        self._is_reusable = self._parser.should_keep_alive()
        if self._has_no_body:
            self.is_whole, self._is_reusable = True, False  # llhttp would wait for the body

    def on_body(self, piece: bytes) -> None:
        """Take a piece of the body."""
        self._pieces.append(piece)
        self._waiting += len(piece)
        if self._waiting > MOST_WAITING and not self._is_paused:
            self._pause(paused=True)

    def on_message_complete(self) -> None:
        """The reply is whole."""
        if self._is_informational:
            self._is_informational = False
        else:
            self.is_whole = True

    # -- inside
    async def _wait(self) -> None:
        """Wait until something has happened; raises what broke the exchange."""
        if self._error is None:
            self._waiter = self._loop.create_future()
            try:
                await self._waiter
            finally:
                self._waiter = None
        if self._error is not None:
            raise self._error

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _fail(self, error: Broken | TimeoutError) -> None:
        if self._error is None:
            self._error = error
        self._wake()
        if self._transport is not None:
            self._transport.abort()

    def _look(self) -> None:
        """Fail when nothing has moved for too long, or the time is over; a reader that takes its time is no reason."""
        self._timer = None
        if not self._is_open:
            return
        unwritten = self._raw.get_write_buffer_size() if self._raw is not None else 0
        now = self._loop.time()
        if unwritten != self._unwritten or self._waiter is None:
            self._unwritten = unwritten
            self._deadline = max(self._deadline, now + self._patience_s)
        if now >= min(self._deadline, self._ends_at):
            self._fail(TimeoutError() if now >= self._ends_at else Broken("no reply in time"))
            return
        self._look_at(min(self._deadline, self._ends_at))

    def _look_at(self, at: float) -> None:
        """Look then, or earlier: the timer of the last exchange does as well, one less to be made for each request."""
        if self._timer is not None:
            if self._looks_at <= at:
                return
            self._timer.cancel()
        self._looks_at = at
        self._timer = self._loop.call_at(at, self._look)

    def _pause(self, *, paused: bool) -> None:
        self._is_paused = paused
        if self._transport is not None:
            if paused:
                self._transport.pause_reading()
            else:
                self._deadline = self._loop.time() + self._patience_s
                self._transport.resume_reading()

    def _ends_with_connection(self) -> bool:
        return "content-length" not in self.headers and "chunked" not in self.headers.get("transfer-encoding", "")


def request_head(method: str, target: str, headers: Sequence[tuple[str, str]]) -> bytes:
    """Return request line and headers."""
    lines = "".join([f"{name}: {value}\r\n" for name, value in headers])
    return f"{method} {target} HTTP/1.1\r\n{lines}\r\n".encode("latin-1")


def _poller(transport: asyncio.Transport) -> select.poll:
    """Return what tells whether the system has something to read; on an idle connection it can only be its end."""
    poller = select.poll()
    poller.register(transport.get_extra_info("socket").fileno(), select.POLLIN)
    return poller
