"""Nothing of a paying request leaves after its not-after: on both loops, in clear and under TLS, in any size."""

import asyncio
import contextlib
import select
import socket
import ssl

import httpx
import pytest

from runner.model.errors import Unavailable
from runner.transport import http1
from runner.transport.direct import DirectWire
from runner.transport.httpx_wire import HttpxWire
from runner.transport.limits import Rules
from runner.transport.not_after import KERNEL_S, TAIL, in_pieces
from runner.transport.request import Request, Timeouts
from runner.transport.wire import Broken, Fault, Sent
from tests.transport.doubles import client_over
from tests.transport.test_direct import Pieces

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi"


class Looks:
    """A not-after that passes after so many looks."""

    def __init__(self, most=10**9):
        self.most, self.count = most, 0

    def left_s(self):
        self.count += 1
        return 1.0 if self.count <= self.most else -0.5


class Server:
    """Writes down what came as a whole."""

    def __init__(self):
        self.whole, self.cut = [], 0

    async def serve(self, reader, writer):
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                size = int(head.lower().split(b"content-length: ")[1].split(b"\r")[0])
                self.whole.append(len(await reader.readexactly(size)))
                writer.write(OK)
                await writer.drain()
        except asyncio.IncompleteReadError as error:
            self.cut += bool(error.partial)
        except ConnectionError:
            self.cut += 1
        finally:
            writer.close()


@pytest.fixture(params=["plain", "tls"])
def trusts(request):
    """What server and client need to speak in clear, or under TLS."""
    if request.param == "plain":
        return None, None
    folder = request.getfixturevalue("authority")
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    return server, ssl.create_default_context(cafile=folder / "cert.pem")


def loops():
    yield pytest.param(asyncio.new_event_loop, id="asyncio")
    with contextlib.suppress(ImportError):
        import uvloop

        yield pytest.param(uvloop.new_event_loop, id="uvloop")


@pytest.fixture(params=loops())
def run(request):
    def run(work):
        with asyncio.Runner(loop_factory=request.param) as runner:
            return runner.run(work)

    return run


async def talk(trusts, asked):
    """Send (body, not-after) one after the other; return statuses or faults, and what the server says."""
    server, connection = Server(), None
    found: list[object] = []
    listener = await asyncio.start_server(server.serve, "127.0.0.1", 0, ssl=trusts[0])
    port, wire = listener.sockets[0].getsockname()[1], DirectWire(trusts[1])
    scheme = "https" if trusts[0] else "http"
    for body, not_after in asked:
        size = len(body) if isinstance(body, bytes) else body.size
        headers = [("host", "h"), ("content-length", str(size))]
        sent = Sent("POST", f"{scheme}://localhost:{port}/a", headers, body, Timeouts(), not_after=not_after)
        try:
            received = await wire.open(sent)
            connection = next(iter(wire._busy))
            _ = received.ready() or b"".join([piece async for piece in received.raw()])
            await received.close()
            found.append(received.status)
        except Broken as error:
            found.append(error.fault)
    raw = connection._raw.get_extra_info("socket") if connection is not None and connection._raw else None
    bound = raw.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) if raw is not None else None
    await wire.close()
    for _ in range(50):
        await asyncio.sleep(0.001)
    listener.close()
    return found, server, bound


def test_in_time_it_is_sent_and_the_kernel_is_bounded(run, trusts):
    found, server, bound = run(talk(trusts, [(b"abc", Looks()), (b"x" * 3_000_000, Looks()), (Pieces(9), Looks())]))
    assert (found, server.whole, server.cut) == ([200] * 3, [3, 3_000_000, 9 * 65536], 0)
    assert bound == KERNEL_S * 1000


def test_what_pays_nothing_is_not_bounded(run, trusts):
    assert run(talk(trusts, [(b"abc", Looks()), (b"abc", None)]))[2] == 0


@pytest.mark.parametrize("most", [0, 1, 20, 46], ids=["at once", "after a piece", "in the middle", "at the last piece"])
def test_a_body_that_is_cut_was_certainly_not_sent(run, trusts, most):
    found, server, _ = run(talk(trusts, [(b"abc", Looks()), (b"x" * 3_000_000, Looks(most)), (b"abcd", Looks())]))
    assert (found, server.whole) == ([200, Fault.LATE, 200], [3, 4])


@pytest.mark.parametrize("most", [0, 4, 10])
def test_a_body_that_is_read_while_it_is_sent_is_cut_too(run, trusts, most):
    found, server, _ = run(talk(trusts, [(Pieces(10), Looks(most))]))
    assert (found, server.whole) == ([Fault.LATE], [])


def test_the_bytes_leave_right_after_the_look(run):
    """No turn of the loop lies between the look and the system call: the peer has them when `send` returns."""
    seen, listener = [], socket.create_server(("127.0.0.1", 0))

    async def send():
        connection = http1.Connection(asyncio.get_running_loop())
        loop = asyncio.get_running_loop()
        await loop.create_connection(lambda: connection, *listener.getsockname())
        peer, _ = listener.accept()
        connection.begin(5, None, has_no_body=False)
        with contextlib.suppress(StopIteration):
            connection.send(b"POST / HTTP/1.1\r\n\r\n", b"abc", Looks()).send(None)
        seen.append(select.select([peer], [], [], 1)[0] == [peer] and peer.recv(100))
        connection.abort()
        peer.close()
        await asyncio.sleep(0)

    run(send())
    listener.close()
    assert seen == [b"POST / HTTP/1.1\r\n\r\nabc"]


def pieces_of(head, body):
    async def listed():
        return [piece async for piece in in_pieces(head, body)]

    return asyncio.run(listed())


@pytest.mark.parametrize("body", [None, b"", b"abc", b"x" * TAIL, b"x" * 200_000, Pieces(3), Pieces(0)])
def test_the_last_piece_is_small_and_nothing_is_lost(body):
    found = pieces_of(b"head", body)
    size = len(body or b"") if body is None or isinstance(body, bytes) else body.size
    assert sum(len(piece) for piece, _ in found) == 4 + size
    assert [is_last for _, is_last in found] == [False] * (len(found) - 1) + [True]
    assert 0 < len(found[-1][0]) <= TAIL


@pytest.mark.parametrize(("most", "received"), [(0, []), (1, []), (3, []), (10, [200_000])])
def test_httpx_is_given_nothing_more_either(most, received):
    found = []

    async def handle(request):
        found.append(len(await request.aread()))
        return httpx.Response(200)

    sent = Sent("POST", "http://h/", [], b"x" * 200_000, Timeouts(), not_after=Looks(most))
    wire = HttpxWire(httpx.MockTransport(handle))
    with contextlib.nullcontext() if received else pytest.raises(Broken, match="had left"):
        asyncio.run(wire.open(sent))
    assert found == received


def test_too_late_is_no_failure_of_the_platform():
    client = client_over(lambda request: httpx.Response(200), rules=Rules(failures=1, patience_s=0.0))
    late = Request("POST", "/jobs", body=b"{}", not_after=Looks(0))
    for _ in range(3):
        with pytest.raises(Unavailable, match="it was not sent") as caught:
            asyncio.run(client.send(late))
        assert type(caught.value) is Unavailable
    assert asyncio.run(client.send(Request("POST", "/jobs", body=b"{}", not_after=Looks()))).status == 200
