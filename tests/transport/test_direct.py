"""The fast wire against servers that say exactly the given bytes."""

import asyncio
import contextlib
from typing import Any

import pytest

from runner.transport import http1
from runner.transport.direct import DirectWire
from runner.transport.request import Timeouts
from runner.transport.wire import Broken, Fault, Sent

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi"


class Script:
    """A server: for every request on a connection the next piece of the script; `None` closes."""

    def __init__(self, *replies):
        self.replies = list(replies)
        self.connections = 0
        self.requests = []
        self.writers = []

    async def serve(self, reader, writer):
        self.connections += 1
        self.writers.append(writer)
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while self.replies:
                self.requests.append(await reader.readuntil(b"\r\n\r\n"))
                for piece in self.replies.pop(0):
                    if piece is None:
                        writer.close()
                        return
                    writer.write(piece)
                    await writer.drain()
                    await asyncio.sleep(0)
            await reader.read()


class Pieces:
    """A body of many pieces."""

    def __init__(self, count, piece=b"x" * 65536):
        self.count, self.piece, self.given = count, piece, 0
        self.size = count * len(piece)

    async def chunks(self):
        for _ in range(self.count):
            self.given += 1
            yield self.piece


def talk(script, *asked, timeouts=None):
    """Send requests one after the other; return (status, headers, body) of each, or the error."""
    return asyncio.run(_talk(script, asked or (("GET", None),), timeouts or Timeouts(connect_s=2, read_s=2)))


async def _talk(script, asked, timeouts):
    server = await asyncio.start_server(script.serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    wire, found = DirectWire(None), list[Any]()
    for method, body in asked:
        headers = [("host", "h"), *([("content-length", str(_size(body)))] if body else [])]
        try:
            received = await wire.open(Sent(method, f"http://127.0.0.1:{port}/a?b=1", headers, body, timeouts))
            pieces = [piece async for piece in received.raw()]
            found.append((received.status, received.headers, b"".join(pieces)))
            await received.close()
        except Broken as error:
            found.append(error)
        for _ in range(5):
            await asyncio.sleep(0)  # a server that closes does so a moment later
    await wire.close()
    await ended(server, script.writers)
    return found


async def ended(server, writers=()):
    server.close()
    for writer in writers:
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()
    await server.wait_closed()


def _size(body):
    return len(body) if isinstance(body, bytes) else body.size


def test_a_request_is_what_it_should_be():
    script = Script([OK])
    assert talk(script, ("POST", b"{}"))[0][2] == b"hi"
    assert script.requests == [b"POST /a?b=1 HTTP/1.1\r\nhost: h\r\ncontent-length: 2\r\n\r\n"]


@pytest.mark.parametrize(
    "pieces",
    [
        [OK],
        [OK[:10], OK[10:40], OK[40:]],
        [b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nh\r\n1\r\ni\r\n0\r\n\r\n"],
        [b"HTTP/1.1 200 OK\r\n\r\nh", b"i", None],
        [b"HTTP/1.1 100 Continue\r\n\r\n", OK],
        [b"HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n" + OK],
        [b"HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nhi"],
    ],
    ids=["whole", "torn", "chunked", "until the end", "after 100", "after 103", "1.0"],
)
def test_every_framing_is_read(pieces):
    status, headers, body = talk(Script(pieces))[0]
    assert (status, body) == (200, b"hi")
    assert "link" not in headers


def test_repeated_headers_are_joined_in_lower_case():
    reply = b"HTTP/1.1 200 OK\r\nX-A: 1\r\nx-a: 2\r\ncontent-length: 0\r\n\r\n"
    assert talk(Script([reply]))[0][1] == {"x-a": "1, 2", "content-length": "0"}


@pytest.mark.parametrize(
    ("pieces", "what"),
    [
        ([None], "closed too early"),
        ([b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nabc", None], "closed too early"),
        ([b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nabc", None], "closed too early"),
        ([b"SSH-2.0\r\n"], "no HTTP"),
        ([b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n"], "no HTTP"),
        ([b"HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n"], "no HTTP"),
        ([b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * (http1.LONGEST_HEAD // 6 + 1)], "too long"),
        ([b"HTTP/1.1 200 OK\r\ncontent-le"], "no reply in time"),
        ([b""], "no reply in time"),
    ],
    ids=["nothing", "short", "half a chunk", "ssh", "two lengths", "upgrade", "endless head", "half a head", "silence"],
)
def test_whatever_is_no_whole_reply_is_broken(pieces, what):
    error = talk(Script(pieces), timeouts=Timeouts(connect_s=1, read_s=0.1))[0]
    assert isinstance(error, Broken)
    assert error.fault is Fault.LOST
    assert what in str(error)


def test_connections_are_used_again():
    script = Script([OK], [OK], [OK])
    assert [each[2] for each in talk(script, *[("GET", None)] * 3)] == [b"hi"] * 3
    assert script.connections == 1


@pytest.mark.parametrize(
    "first",
    [
        [b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nhi"],
        [b"HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nhi"],
        [b"HTTP/1.1 200 OK\r\n\r\nhi", None],
        [OK, None],
    ],
    ids=["close", "1.0", "until the end", "closed afterwards"],
)
def test_connections_that_ended_are_not(first):
    script = Script(first, [OK])
    assert [each[2] for each in talk(script, *[("GET", None)] * 2)] == [b"hi"] * 2
    assert script.connections == 2


def test_what_nobody_asked_for_never_answers_the_next_request():
    script = Script([OK + b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil"], [OK])
    assert [each[2] for each in talk(script, ("GET", None), ("GET", None)) if not isinstance(each, Broken)][-1] == b"hi"


def test_a_head_reply_has_no_body():
    script = Script([b"HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n"], [OK])
    head, get = talk(script, ("HEAD", None), ("GET", None))
    assert (head[0], head[2], get[2]) == (200, b"", b"hi")


def test_a_body_is_sent_in_pieces():
    received = []

    class Reading(Script):
        async def serve(self, reader, writer):
            await reader.readuntil(b"\r\n\r\n")
            received.append(await reader.readexactly(20 * 65536))
            self.writers.append(writer)
            writer.write(OK)

    assert talk(Reading(), ("PUT", Pieces(20)))[0][2] == b"hi"
    assert received == [b"x" * 20 * 65536]


def test_an_early_refusal_ends_the_upload():
    body = Pieces(2000)
    refusal = b"HTTP/1.1 413 Too Large\r\ncontent-length: 0\r\n\r\n"
    script = Script([refusal], [OK])
    refused, after = talk(script, ("PUT", body), ("GET", None))
    assert (refused[0], after[2]) == (413, b"hi")
    assert body.given < 2000
    assert script.connections == 2


def test_nobody_listens():
    async def run():
        await DirectWire(None).open(Sent("GET", "http://127.0.0.1:1/", [("host", "h")], None, Timeouts()))

    with pytest.raises(Broken) as caught:
        asyncio.run(run())
    assert caught.value.fault is Fault.UNSENT


@pytest.mark.parametrize(
    ("url", "headers"),
    [
        ("http://h/a b", [("host", "h")]),
        ("http://h/a\r\nx: y", [("host", "h")]),
        ("http://h/", [("host", "h"), ("a", "b\r\nx: y")]),
        ("http://h/", [("host", "h"), ("a", "b\0")]),
        ("https://h/", [("host", "h")]),
    ],
)
def test_what_cannot_be_sent_is_our_fault(url, headers):
    with pytest.raises(Broken) as caught:
        asyncio.run(DirectWire(None).open(Sent("GET", url, headers, None, Timeouts())))
    assert caught.value.fault is Fault.OURS


def test_a_slow_reader_stops_the_server():
    async def run():
        body = b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * (64 << 20)
        script = Script([body, None])
        server = await asyncio.start_server(script.serve, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        wire = DirectWire(None)
        received = await wire.open(Sent("GET", f"http://127.0.0.1:{port}/", [("host", "h")], None, Timeouts()))
        for _ in range(200):
            await asyncio.sleep(0)
        waiting = received._connection._waiting
        size = sum([len(piece) async for piece in received.raw()])
        await received.close()
        await wire.close()
        await ended(server, script.writers)
        return waiting, size

    waiting, size = asyncio.run(run())
    assert waiting < 2 * http1.MOST_WAITING
    assert size == 64 << 20


@pytest.mark.parametrize("pieces", [[b""], [b"HTTP/1.1 200 OK\r\n\r\nh"]], ids=["no head", "no end"])
def test_the_time_for_all_of_it_has_an_end(pieces):
    async def run():
        script = Script(pieces)
        server = await asyncio.start_server(script.serve, "127.0.0.1", 0)
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
        wire = DirectWire(None)
        assert wire.keeps_time(url)
        try:
            received = await wire.open(Sent("GET", url, [("host", "h")], None, Timeouts(), within_s=0.05))
            return [piece async for piece in received.raw()]
        finally:
            await wire.close()
            await ended(server, script.writers)

    with pytest.raises(TimeoutError):
        asyncio.run(run())


def test_a_cancelled_request_leaves_no_reply_to_the_next_one():
    async def run():
        late = asyncio.Event()
        writers = []

        async def serve(reader, writer):
            writers.append(writer)
            request = await reader.readuntil(b"\r\n\r\n")
            if b"/slow" in request:
                await late.wait()
            writer.write(OK if b"/slow" not in request else OK.replace(b"hi", b"no"))

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        base = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        wire = DirectWire(None)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(wire.open(Sent("GET", f"{base}/slow", [("host", "h")], None, Timeouts())), 0.05)
        late.set()
        received = await wire.open(Sent("GET", f"{base}/fast", [("host", "h")], None, Timeouts()))
        body = b"".join([piece async for piece in received.raw()])
        await received.close()
        await wire.close()
        await ended(server, writers)
        return body

    assert asyncio.run(run()) == b"hi"
