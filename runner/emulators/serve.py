"""Serve an emulator on a real socket, inside the caller's event loop."""

import asyncio
import contextlib
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable, Iterator

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

from runner.emulators.faults import TRANSPORT

SHUTDOWN_S = 1
KEEP_ALIVE_S = 75


@contextlib.asynccontextmanager
async def serving(app: ASGIApp, host: str = "127.0.0.1", port: int = 0) -> AsyncIterator[str]:
    """Serve an app while the block runs.

    Blocking clients (an SDK, say) go beside it by `asyncio.to_thread`. Signals are left to the caller; requests still
    under way when the block ends get a second.

    Args:
        app: the ASGI app.
        host: an address of this machine.
        port: 0 picks a free one.

    Yields:
        The root URL, without a slash at the end: `http://127.0.0.1:49152`.

    Raises:
        OSError: the address cannot be bound.
    """
    listener = _bound(host, port)
    config = uvicorn.Config(
        app,
        http=_Protocol,
        ws="none",
        log_config=None,
        log_level="error",
        access_log=False,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=SHUTDOWN_S,
    )
    server = _Server(config)
    served = asyncio.create_task(server.serve(sockets=[listener]))
    ready = asyncio.create_task(server.ready.wait())
    try:
        await asyncio.wait({served, ready}, return_when=asyncio.FIRST_COMPLETED)
        if served.done():
            served.result()
        shown = f"[{host}]" if ":" in host else host
        yield f"http://{shown}:{listener.getsockname()[1]}"
    finally:
        ready.cancel()
        server.should_exit = True
        await served


async def serve_forever(
    app: ASGIApp, host: str = "127.0.0.1", port: int = 0, announce: Callable[[str], None] | None = None
) -> None:
    """Serve an app until SIGINT, SIGTERM or cancellation; used by `runner emulate`.

    Args:
        app: the ASGI app.
        host: an address of this machine.
        port: 0 picks a free one.
        announce: is given `listening on http://127.0.0.1:PORT` once requests are answered; by default the line is
            written to standard output and flushed.

    Raises:
        OSError: the address cannot be bound.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    async with serving(app, host, port) as url:
        with _on_signals(loop, stop.set):
            (announce or _say)(f"listening on {url}")
            await stop.wait()


class _Protocol(H11Protocol):
    """The server's own protocol, which also lets the app close its connection (for injected faults)."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        # Copied into `scope["state"]` of each request; the original is shared by all connections.
        self.app_state = {**self.app_state, TRANSPORT: transport}


class _Server(uvicorn.Server):
    """The server, without its signal handlers and with an event for "ready"."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.ready.set()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def _bound(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # The protocol is named as asyncio sets TCP_NODELAY only then; without it each reply may wait 40 ms.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
    except OSError:
        listener.close()
        raise
    return listener


@contextlib.contextmanager
def _on_signals(loop: asyncio.AbstractEventLoop, call: Callable[[], None]) -> Iterator[None]:
    taken = []
    for number in (signal.SIGINT, signal.SIGTERM):
        # Not on Windows, not outside the main thread: there the caller cancels.
        with contextlib.suppress(NotImplementedError, RuntimeError, ValueError):
            loop.add_signal_handler(number, call)
            taken.append(number)
    try:
        yield
    finally:
        for number in taken:
            loop.remove_signal_handler(number)


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()
