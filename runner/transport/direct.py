"""The fast wire: HTTP/1.1 straight over a socket, connections kept and used again. Implements `Wire`.

A request costs about a tenth of what it costs through httpx: there is nothing between the client and the parser, no
hooks, no models, no scan of the pool. Proxies and transports that are handed in are not served here (`network`).
"""

from __future__ import annotations

import asyncio
import re
from collections import deque
from collections.abc import AsyncIterator, Mapping
from functools import lru_cache
from ssl import SSLContext
from typing import Final, NamedTuple
from urllib.parse import urlsplit

from runner.transport.http1 import Connection, request_head
from runner.transport.wire import KEEP_ALIVE_S, Broken, Fault, Sent

_DEFAULT_PORTS: Final = {"http": 80, "https": 443}
_TARGET: Final = re.compile(r"[!-~]+").fullmatch


class Place(NamedTuple):
    """Where connections lead: all to one place may be used for each other's requests."""

    host: str
    port: int
    is_tls: bool
    server_name: str | None


class DirectWire:
    """Connections to servers that are reached without a proxy."""

    def __init__(self, trust: SSLContext | None) -> None:
        """Keep the certificates to trust, None to speak no TLS."""
        self._trust = trust
        self._idle: dict[Place, deque[Connection]] = {}
        self._busy: set[Connection] = set()

    def keeps_time(self, url: str) -> bool:
        """Say that it does."""
        return True

    async def open(self, sent: Sent) -> DirectReceived:
        """Send it and wait for the head of the reply; raises one of `BROKEN`."""
        host, port, is_tls, target = _parts(sent.url)
        place = Place(host, port, is_tls, sent.server_name)
        head = _checked(request_head(sent.method, target, sent.headers), len(sent.headers))
        loop = asyncio.get_running_loop()
        now, within_s = loop.time(), sent.within_s
        connection = self._kept(place, now, may_repeat=sent.may_repeat)
        if connection is None:
            connection = await self._connected(place, sent)
            within_s = None if within_s is None else within_s - (loop.time() - now)
        self._busy.add(connection)
        try:
            connection.begin(sent.timeouts.read_s, within_s, has_no_body=sent.method == "HEAD")
            await connection.send(head, sent.body, sent.not_after)
            await connection.head()
        except BaseException:  # a cancellation too: the reply would be taken for that of the next request
            self._drop(connection)
            raise
        return DirectReceived(self, place, connection)

    async def close(self) -> None:
        """Close all connections; may be called twice."""
        for connection in (*self._busy, *(each for idle in self._idle.values() for each in idle)):
            connection.abort()
        self._busy.clear()
        self._idle.clear()
        await asyncio.sleep(0)  # the transports let go of their sockets in the next round of the loop

    def give_back(self, place: Place, connection: Connection) -> None:
        """Take a connection back whose exchange is over: for the next request, or to be closed."""
        if not connection.is_reusable:
            self._drop(connection)
            return
        self._busy.discard(connection)
        connection.end(asyncio.get_running_loop().time())
        self._idle.setdefault(place, deque()).append(connection)

    def _drop(self, connection: Connection) -> None:
        self._busy.discard(connection)
        connection.abort()

    def _kept(self, place: Place, now: float, *, may_repeat: bool) -> Connection | None:
        """Return the connection that was used last; those that are too old to be sure of are closed."""
        idle = self._idle.get(place)
        if not idle:
            return None
        while idle and now - idle[0].idle_since > KEEP_ALIVE_S:
            idle.popleft().abort()
        while idle:
            connection = idle.pop()
            if connection.is_alive(now, may_repeat=may_repeat):
                return connection
            connection.abort()
        return None

    async def _connected(self, place: Place, sent: Sent) -> Connection:
        loop = asyncio.get_running_loop()
        limit_s = sent.timeouts.connect_s if sent.within_s is None else min(sent.timeouts.connect_s, sent.within_s)
        trust = self._trust if place.is_tls else None
        if place.is_tls and trust is None:
            raise Broken("this wire speaks no TLS", Fault.OURS)
        name = (place.server_name or place.host) if place.is_tls else None
        try:
            async with asyncio.timeout(limit_s):
                _, connection = await loop.create_connection(lambda: Connection(loop), place.host, place.port)
                if trust is not None:
                    await connection.secure(trust, name)
        except TimeoutError as error:
            raise Broken(f"no connection within {limit_s:g} s", Fault.UNSENT) from error
        except (OSError, ValueError) as error:  # of the system, of the name service, of TLS; a name that is none
            raise Broken(f"no connection: {error}", Fault.UNSENT) from error
        return connection


class DirectReceived:
    """A reply on a connection of ours; implements `Received`."""

    __slots__ = ("_connection", "_place", "_wire", "headers", "status")

    def __init__(self, wire: DirectWire, place: Place, connection: Connection) -> None:
        self._wire, self._place = wire, place
        self._connection: Connection | None = connection
        self.status = connection.status
        self.headers: Mapping[str, str] = connection.headers

    def ready(self) -> bytes | None:
        """Return the body when it has come as a whole."""
        return None if self._connection is None else self._connection.ready()

    async def raw(self) -> AsyncIterator[bytes]:
        """Give the body as it comes."""
        if self._connection is not None:
            async for piece in self._connection.pieces():
                yield piece

    async def close(self) -> None:
        """Give the connection back, or close it when the reply was not whole."""
        connection, self._connection = self._connection, None
        if connection is not None:
            self._wire.give_back(self._place, connection)


@lru_cache(maxsize=64)
def _server(scheme: str, netloc: str) -> tuple[str, int, bool]:
    parts = urlsplit(f"{scheme}://{netloc}")
    return parts.hostname or "", parts.port or _DEFAULT_PORTS[scheme], scheme == "https"


def _parts(url: str) -> tuple[str, int, bool, str]:
    """Return host, port, whether it is TLS, and the target of the request line."""
    scheme, _, rest = url.partition("://")
    netloc, slash, path = rest.partition("/")
    if not slash:
        netloc, mark, query = rest.partition("?")
        path = f"{mark}{query}"
    target = f"/{path}"
    if not _TARGET(target):
        raise Broken("the URL holds a character that cannot be sent", Fault.OURS)
    return (*_server(scheme.lower(), netloc), target)


def _checked(head: bytes, headers: int) -> bytes:
    r"""Return the head of a request that has no more lines than it should: no value smuggles in another one.

    Raises:
        Broken: there is a line end, or a NUL, inside of it.
    """
    lines = headers + 2
    if head.count(b"\n") != lines or head.count(b"\r") != lines or b"\0" in head:
        raise Broken("a header holds a line end", Fault.OURS)
    return head
