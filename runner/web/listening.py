"""Serves an app on a socket until it is told to stop."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from typing import Any, Final

import h11
import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

from runner.model.errors import ConfigError

HEADERS_WITHIN_S: Final = 10.0
"""A peer that connects must have sent its request line and headers by then."""

KEEP_ALIVE_S: Final = 5
CONNECTIONS: Final = 2_000
CLOSED_WITHIN_S: Final = 1
BACKLOG: Final = 2_048


@asynccontextmanager
async def listening(
    app: ASGIApp, host: str, port: int, *, headers_within_s: float = HEADERS_WITHIN_S
) -> AsyncIterator[str]:
    """Serve an app while the block runs; requests under way at its end get a second.

    Args:
        app: the ASGI app.
        host: an address of this machine.
        port: 0 picks a free one.
        headers_within_s: how long a peer may take for request line and headers.

    Yields:
        The root URL, without a slash at the end.

    Raises:
        ConfigError: the address cannot be bound.
    """
    listener = _bound(host, port)
    config = uvicorn.Config(
        app,
        http=partial(_Patient, headers_within_s),  # type: ignore[arg-type] # it is called, never looked at
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        proxy_headers=False,  # a peer is who connects: what it says about itself proves nothing
        server_header=False,
        limit_concurrency=CONNECTIONS,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=CLOSED_WITHIN_S,
    )
    server = _Server(config)
    served = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        await server.ready.wait()
        name, bound_port = listener.getsockname()[:2]
        yield f"http://[{name}]:{bound_port}" if ":" in name else f"http://{name}:{bound_port}"
    finally:
        server.should_exit = True
        await served


class _Patient(H11Protocol):
    """The server's own protocol, whose patience with headers has an end."""

    def __init__(self, headers_within_s: float, config: uvicorn.Config, **more: Any) -> None:  # noqa: ANN401 - uvicorn's
        super().__init__(config, **more)
        self._headers_within_s = headers_within_s
        self._late: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._wait()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._late is not None:
            self._late.cancel()
        super().connection_lost(exc)

    def _wait(self) -> None:
        if self._late is not None:
            self._late.cancel()
        self._late = self.loop.call_later(self._headers_within_s, self._hang_up)

    def _hang_up(self) -> None:
        if self.conn.their_state is h11.IDLE and not self.transport.is_closing():
            self.transport.close()


class _Server(uvicorn.Server):
    """The server, without its signal handlers and with an event for "ready"."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.ready.set()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def _bound(host: str, port: int) -> socket.socket:
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        # the protocol is named because asyncio sets TCP_NODELAY only then
        listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    except OSError as error:
        raise ConfigError(
            f"{host!r} is no address of this machine: {error.strerror}", mend="--host 127.0.0.1"
        ) from error
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        raise ConfigError(f"{host}:{port} cannot be listened on: {error.strerror}", mend="another --port") from error
    return listener
