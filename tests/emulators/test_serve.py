"""Serving on a real socket, and the faults only a socket can show; read with a raw client."""

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from runner.emulators.faults import TRANSPORT
from runner.emulators.serve import serve_forever, serving
from tests.emulators.test_desk import make

REQUEST = b"PUT /things/a HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer emulator\r\nContent-Length: 3\r\n\r\nxyz"


async def raw(app: Starlette, request: bytes = REQUEST, *, times: int = 1) -> bytes:
    """Send bytes over one socket each time; return all bytes of the last reply up to the end of the stream."""
    got = b""
    async with serving(app) as url:
        for _ in range(times):
            reader, writer = await asyncio.open_connection("127.0.0.1", urlsplit(url).port)
            writer.write(request.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n", 1))
            with contextlib.suppress(ConnectionResetError):
                got = await asyncio.wait_for(reader.read(), 5)
            writer.close()
    return got


def test_a_request_is_answered_over_a_socket() -> None:
    got = asyncio.run(raw(make()[0]))
    assert got.startswith(b"HTTP/1.1 201 ")
    assert got.endswith(b'{"name":"a","at":100.0}')


def test_a_dropped_connection_gives_not_one_byte(caplog: pytest.LogCaptureFixture) -> None:
    app, _ = make(faults=[{"drop": True}])
    assert asyncio.run(raw(app)) == b""
    assert app.state.desk.submits.total() == 0
    assert caplog.records == []


def test_a_dropped_connection_after_the_work_has_accepted_it(caplog: pytest.LogCaptureFixture) -> None:
    app, _ = make(faults=[{"drop": True, "when": "after"}])
    assert asyncio.run(raw(app)) == b""
    assert app.state.desk.submits == {"a": 1}
    assert caplog.records == []


def test_the_next_request_after_a_drop_is_answered() -> None:
    app, _ = make(faults=[{"drop": True}])
    assert asyncio.run(raw(app, times=2)).startswith(b"HTTP/1.1 201 ")


def test_a_cut_body_announces_more_than_comes(caplog: pytest.LogCaptureFixture) -> None:
    head, _, body = asyncio.run(raw(make(faults=[{"cut_bytes": 7}])[0])).partition(b"\r\n\r\n")
    assert b"content-length: 23" in head
    assert body == b'{"name"'
    assert caplog.records == []


@pytest.mark.parametrize("fault", [{"drop": True}, {"cut_bytes": 7}, {"drop": True, "when": "after"}])
def test_httpx_calls_it_a_transport_error(fault: dict[str, Any]) -> None:
    async def main() -> None:
        async with serving(make(faults=[fault])[0]) as url, httpx.AsyncClient() as client:
            with pytest.raises(httpx.TransportError):
                await client.put(f"{url}/things/a", headers={"authorization": "Bearer emulator"})

    asyncio.run(main())


def test_replies_do_not_wait_for_the_client_to_acknowledge_the_head() -> None:
    told: list[int] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            connection = scope["state"][TRANSPORT].get_extra_info("socket")
            told.append(connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
            await Response()(scope, receive, send)

    async def main() -> None:
        async with serving(app) as url, httpx.AsyncClient() as client:
            await client.get(url)

    asyncio.run(main())
    assert [bool(each) for each in told] == [True]


def test_the_port_is_free_again_and_signals_are_as_before() -> None:
    async def main() -> int:
        async with serving(make()[0]) as url:
            return urlsplit(url).port or 0

    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    port = asyncio.run(main())
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before
    with socket.socket() as probe, pytest.raises(ConnectionRefusedError):
        probe.connect(("127.0.0.1", port))


def test_a_port_in_use_is_an_os_error() -> None:
    async def main() -> None:
        async with serving(make()[0]) as url:
            with pytest.raises(OSError, match="in use"):
                async with serving(make()[0], port=urlsplit(url).port or 0):
                    pass

    asyncio.run(main())


def test_a_block_that_fails_still_ends_the_server() -> None:
    async def main() -> None:
        async with serving(make()[0]):
            raise KeyError("mine")

    with pytest.raises(KeyError):
        asyncio.run(main())


def test_a_request_under_way_does_not_hold_up_the_end() -> None:
    async def main() -> None:
        async with serving(make()[0]) as url, asyncio.timeout(5):
            reader, writer = await asyncio.open_connection("127.0.0.1", urlsplit(url).port)
            writer.write(REQUEST[:-1])
            await writer.drain()
        assert await reader.read() is not None
        writer.close()

    asyncio.run(main())


def test_serve_forever_announces_then_ends_by_cancellation() -> None:
    async def main() -> list[str]:
        lines: asyncio.Queue[str] = asyncio.Queue()
        task = asyncio.create_task(serve_forever(make()[0], announce=lines.put_nowait))
        line = await asyncio.wait_for(lines.get(), 5)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        return [line]

    assert asyncio.run(main())[0].startswith("listening on http://127.0.0.1:")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_process_prints_its_address_first_and_ends_cleanly_on_a_signal(number: signal.Signals) -> None:
    program = (
        "import asyncio; from runner.emulators import create; from runner.emulators.serve import serve_forever;"
        "asyncio.run(serve_forever(create('aihub')))"
    )
    root = str(Path(__file__).parents[2])
    command = [sys.executable, "-c", program]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": root}
    ) as process:
        assert process.stdout is not None
        url = process.stdout.readline().removeprefix("listening on ").strip()
        assert httpx.get(f"{url}/_emulator/stats", timeout=5).json()["name"] == "aihub"
        process.send_signal(number)
        assert process.wait(5) == 0
