"""What happens on paths that hardly any request takes: closed connections, odd URLs, bodies that are shorter."""

import asyncio
import contextlib
from random import Random

import pytest

from runner.model.errors import Unavailable
from runner.transport.bodies import Slice
from runner.transport.client import Client as TransportClient
from runner.transport.client import Settings
from runner.transport.direct import DirectWire
from runner.transport.http1 import Connection
from runner.transport.limits import Limits, Rules
from runner.transport.network import NetworkWire
from runner.transport.not_after import bound_kernel, in_pieces
from runner.transport.reading import within
from runner.transport.request import Request, Timeouts
from runner.transport.wire import Broken, Fault, Sent
from tests.transport.doubles import Ticks
from tests.transport.test_direct import OK, Pieces, Script


class Fake(asyncio.Transport):
    """A transport that keeps what it is told."""

    def __init__(self):
        super().__init__()
        self.told, self.unwritten = [], 0

    def write(self, data):
        self.told.append(bytes(data))

    def abort(self):
        self.told.append("abort")

    def pause_reading(self):
        self.told.append("pause")

    def resume_reading(self):
        self.told.append("resume")

    def get_write_buffer_size(self):
        return self.unwritten


def with_connection(script, *, begin=True, patience_s=5.0, within_s=None):
    """Run a script with a connection whose exchange has begun, and its transport."""

    async def whole():
        connection, transport = Connection(asyncio.get_running_loop()), Fake()
        connection.connection_made(transport)
        if begin:
            connection.begin(patience_s, within_s, has_no_body=False)
        try:
            return await script(connection, transport)
        finally:
            connection.abort()

    return asyncio.run(whole())


def test_nothing_is_sent_on_a_connection_that_is_gone():
    async def script(connection, transport):
        connection.connection_lost(None)
        faults = []
        for asked in (connection.send(b"GET / HTTP/1.1\r\n\r\n", None), connection.secure(None, "h")):
            with pytest.raises(Broken) as broken:
                await asked
            faults.append(broken.value.fault)
        return faults, list(transport.told)

    assert with_connection(script, begin=False) == ([Fault.UNSENT, Fault.UNSENT], [])


def test_bytes_that_nobody_asked_for_end_the_connection():
    async def script(connection, transport):
        connection.data_received(OK)
        return connection.is_alive(0.0), list(transport.told)

    assert with_connection(script, begin=False) == (False, ["abort"])


def test_bytes_behind_the_end_of_a_reply_do_not_spoil_it():
    async def script(connection, transport):
        connection.data_received(OK + b"HTTP/1.1 garbage\r\n\r\n")
        await connection.head()
        return connection.ready(), [piece async for piece in connection.pieces()]

    assert with_connection(script) == (b"hi", [b"hi"])


def test_the_first_fault_is_the_one_that_is_told():
    async def script(connection, transport):
        connection.data_received(b"garbage\r\n\r\n")
        connection.connection_lost(OSError("reset"))
        with pytest.raises(Broken, match="the reply is no HTTP"):
            await connection.head()

    with_connection(script)


def test_a_body_is_not_written_on_when_the_connection_breaks():
    async def script(connection, transport):
        body = Pieces(3, b"x")

        async def chunks():
            yield b"x"
            connection._error = Broken("the connection broke off")
            yield b"y"

        body.chunks = chunks
        await connection.send(b"head", body)
        return list(transport.told), connection.is_reusable

    assert with_connection(script) == ([b"head", b"x"], False)


def test_a_paused_reader_is_resumed_when_it_has_read():
    async def script(connection, transport):
        connection.data_received(b"HTTP/1.1 200 OK\r\ncontent-length: 2097153\r\n\r\n" + b"x" * 2097152)
        paused = list(transport.told)
        pieces = connection.pieces()
        while "resume" not in transport.told:
            await anext(pieces)
        await pieces.aclose()
        return paused, list(transport.told)

    assert with_connection(script) == (["pause"], ["pause", "resume"])


def test_an_exchange_that_moves_has_more_time_and_one_that_stands_still_ends():
    async def script(connection, transport):
        transport.unwritten = 7
        with pytest.raises(Broken, match="no reply in time"):
            await connection.head()
        return list(transport.told)

    assert with_connection(script, patience_s=0.01) == ["abort"]


def test_the_timer_of_an_ended_exchange_does_nothing():
    async def script(connection, transport):
        connection.end(0.0)
        connection._look()
        return list(transport.told)

    assert with_connection(script) == []


def test_an_earlier_end_replaces_the_timer():
    async def script(connection, transport):
        connection.begin(5.0, 0.01, has_no_body=False)
        with pytest.raises(TimeoutError):
            await connection.head()

    with_connection(script, patience_s=5.0)


# -- the wires


@pytest.mark.parametrize(("tail", "target"), [("", b"GET / "), ("?a=1", b"GET /?a=1 "), ("/b?c/d", b"GET /b?c/d ")])
@pytest.mark.parametrize("wired", [lambda: DirectWire(None), NetworkWire])
def test_a_url_may_have_no_path(wired, tail, target):
    script = Script([OK], [OK])

    async def whole():
        server = await asyncio.start_server(script.serve, "127.0.0.1", 0)
        port, wire = server.sockets[0].getsockname()[1], wired()
        received = await wire.open(
            Sent("GET", f"http://127.0.0.1:{port}{tail}", [("host", "h")], None, Timeouts(connect_s=2, read_s=2))
        )
        assert [piece async for piece in received.raw()] == [b"hi"]
        await received.close()
        await received.close()
        assert [piece async for piece in received.raw()] == []
        await wire.close()
        server.close()
        for writer in script.writers:
            writer.close()

    asyncio.run(whole())
    assert script.requests[0].startswith(target)


def test_origins_of_one_kind_share_a_wire():
    wire = NetworkWire()
    first, second = wire._wire("http://a.example/x"), wire._wire("http://b.example/y")
    assert first is second is wire._wire("http://a.example/z")
    asyncio.run(wire.close())


def test_a_redirect_of_the_platform_itself_is_followed():
    script = Script(
        [b"HTTP/1.1 307 Temporary Redirect\r\nlocation: /there\r\ncontent-length: 0\r\n\r\n"],
        [OK],
    )

    async def whole():
        server = await asyncio.start_server(script.serve, "127.0.0.1", 0)
        base = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        wire, clock = NetworkWire(), Ticks()
        client = TransportClient(Settings(base), wire, Limits(Rules(), clock, Random(1)), clock, Random(1))
        reply = await client.send(Request("GET", "/here"))
        await client.close()
        server.close()
        for writer in script.writers:
            writer.close()
        return reply.status, reply.body

    assert asyncio.run(whole()) == (200, b"hi")
    assert [line.split(b" ")[1] for line in script.requests] == [b"/here", b"/there"]


# -- bodies and times


class Short(Pieces):
    size = 100


def test_a_part_of_a_file_that_became_shorter_ends_with_it():
    async def given(part):
        return b"".join([piece async for piece in part.chunks()])

    assert asyncio.run(given(Slice(Short(2, b"0123456789"), 5, 95))) == b"56789" + b"0123456789"


def test_empty_pieces_of_a_body_are_left_out():
    async def given():
        body = Pieces(0)

        async def chunks():
            for piece in (b"a", b"", b"b"):
                yield piece

        body.chunks = chunks
        return [piece async for piece in in_pieces(b"h", body)]

    assert asyncio.run(given()) == [(b"h", False), (b"a", False), (b"b", True)]


def test_a_socket_that_is_not_there_is_not_bounded():
    bound_kernel(None, is_bounded=True)


@pytest.mark.parametrize(("limit_s", "error"), [(0.0, Unavailable), (60.0, TimeoutError)])
def test_only_our_own_limit_is_told_as_one(limit_s, error):
    async def whole():
        async with within(limit_s, "GET /x"):
            await asyncio.sleep(0)
            raise TimeoutError

    with pytest.raises(error):
        asyncio.run(whole())


def test_a_place_that_comes_together_with_a_cancellation_is_given_back():
    clock = Ticks()
    limited = Limits(Rules(concurrency=1), clock, Random(1))

    async def whole():
        await limited.enter()
        waits = asyncio.create_task(limited.enter())
        await asyncio.sleep(0)
        limited.leave()
        waits.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await waits
        await asyncio.wait_for(limited.enter(), 1)
        gone = asyncio.create_task(limited.enter())
        await asyncio.sleep(0)
        gone.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await gone
        limited.leave()
        await asyncio.wait_for(limited.enter(), 1)

    asyncio.run(whole())
