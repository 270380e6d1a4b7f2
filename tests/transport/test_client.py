import asyncio
import gzip

import httpx
import pytest

from runner.model.errors import AuthError, ConfigError, Indeterminate, Refused, StopRun, Unavailable
from runner.model.redact import protect
from runner.model.repeat import LISTENER
from runner.model.secret import Secret
from runner.transport.client import Client, Settings
from runner.transport.limits import Limits, Rules
from runner.transport.network import wire_over
from runner.transport.request import Request, Timeouts
from runner.transport.retry import Retries
from tests.transport.doubles import Ticks, client_over

SECRET = "sk-very-secret"


class Script:
    """Answers one after the other; an exception is raised; the last answer stays."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.seen = []

    def __call__(self, request):
        self.seen.append(request)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        status, headers, content = (*answer, b"")[:3] if isinstance(answer, tuple) else (answer, {}, b"")
        return httpx.Response(status, headers=headers, stream=httpx.ByteStream(content))


def send(client, request):
    return asyncio.run(client.send(request))


def test_a_request_is_sent_below_the_base_with_the_connections_headers():
    script = Script((200, {}, b'{"a": 1}'))
    client = client_over(script, headers={"Authorization": f"Bearer {SECRET}"}, query=[("v", "1")])
    reply = send(client, Request("POST", "/jobs", [("q", "a b")], {"X-One": "1"}, body=b"{}"))
    sent = script.seen[0]
    assert (reply.json(), str(sent.url)) == ({"a": 1}, "https://api.example.com/v1/jobs?q=a%20b&v=1")
    assert sent.headers["authorization"] == f"Bearer {SECRET}"
    assert (sent.headers["x-one"], sent.headers["content-length"], sent.headers["host"]) == (
        "1",
        "2",
        "api.example.com",
    )


def test_the_connections_query_does_not_double_what_a_url_has():
    script = Script(200)
    send(client_over(script, query=[("v", "1"), ("w", "2")]), Request("GET", "https://api.example.com/v1/x?v=0"))
    assert str(script.seen[0].url) == "https://api.example.com/v1/x?v=0&w=2"


def test_a_streamed_body_is_sent_again_when_it_is_safe():
    class Body:
        size = 6

        async def chunks(self):
            yield b"abc"
            yield b"def"

    script = Script(503, 204)
    send(client_over(script), Request("PUT", "/f", body=Body(), safe=True))
    assert [request.content for request in script.seen] == [b"abcdef", b"abcdef"]


@pytest.mark.parametrize("first", [500, 429, (200, {}, b""), httpx.ReadTimeout("late"), httpx.ConnectError("no")])
def test_a_safe_request_is_repeated(first):
    script = Script(first, (200, {}, b"1"))
    judge = lambda reply: None if reply.body == b"1" else Unavailable("not yet", status=reply.status)  # noqa: E731
    assert asyncio.run(client_over(script).send(Request("GET", "/x"), judge)).json() == 1
    assert len(script.seen) == 2


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (httpx.ReadTimeout("late"), Indeterminate),
        (httpx.RemoteProtocolError("gone"), Indeterminate),
        (httpx.ConnectError("no"), Unavailable),
        (httpx.PoolTimeout("full"), Unavailable),
        (500, Unavailable),
        (429, Unavailable),
        (401, AuthError),
        (404, Refused),
    ],
)
def test_an_unsafe_request_is_sent_once(answer, expected):
    script = Script(answer)
    with pytest.raises(expected):
        send(client_over(script), Request("POST", "/x"))
    assert len(script.seen) == 1


def test_a_patient_request_waits_when_it_is_asked_to_safe_or_not():
    script, clock = Script((429, {"retry-after": "7"}), 429, 201), Ticks()
    assert send(client_over(script, clock=clock), Request("POST", "/x", patient=True)).status == 201
    assert (len(script.seen), clock.slept[0]) == (3, 7)


@pytest.mark.parametrize("answer", [503, httpx.ReadTimeout("late")])
def test_patience_is_for_nothing_but_429(answer):
    script = Script(answer)
    with pytest.raises((Unavailable, Indeterminate)):
        send(client_over(script), Request("POST", "/x", patient=True))
    assert len(script.seen) == 1


def test_repeats_end_and_keep_what_the_platform_asked_for():
    clock = Ticks()
    script = Script((503, {"retry-after": "9"}))
    with pytest.raises(Unavailable) as caught:
        send(client_over(script, clock=clock, retries=Retries(attempts=3)), Request("GET", "/x"))
    assert (len(script.seen), caught.value.retry_after_s, caught.value.status) == (3, 9.0, 503)
    assert clock.at - 1_000_000 >= 18


def test_a_dead_platform_takes_a_bounded_number_of_requests():
    script = Script(httpx.ConnectError("refused"))
    client = client_over(script, rules=Rules(failures=10**9))

    async def run():
        for _ in range(400):
            with pytest.raises(Unavailable):
                await client.send(Request("GET", "/x"))

    asyncio.run(run())
    assert len(script.seen) == 400 + 500


def test_a_dead_platform_stops_the_run():
    client = client_over(Script(httpx.ConnectError("refused")))

    async def run():
        while True:
            try:
                await client.send(Request("GET", "/x"))
            except StopRun:
                return
            except Unavailable:
                pass

    asyncio.run(run())


def test_redirects_of_reading_requests_are_followed():
    script = Script((302, {"location": "/v1/b?x=1"}), (200, {}, b"1"))
    assert send(client_over(script), Request("GET", "/a")).url == "https://api.example.com/v1/b?x=1"


def test_redirects_of_writing_requests_are_not():
    script = Script((307, {"location": "/v1/b"}))
    with pytest.raises(Refused):
        send(client_over(script), Request("POST", "/a", safe=True))
    assert len(script.seen) == 1


def test_redirects_that_never_end_are_refused():
    with pytest.raises(Refused, match="redirects"):
        send(client_over(Script((302, {"location": "/v1/a"}))), Request("GET", "/a"))


@pytest.mark.parametrize(
    "elsewhere",
    [
        "https://files.example.org/x",
        "https://api.example.com:8443/x",
        "http://api.example.com/x",
        "https://API.example.com.evil.org/x",
        "//evil.org/x",
    ],
)
def test_credentials_stay_at_home_on_every_hop(elsewhere):
    script = Script((302, {"location": elsewhere}), (200, {}, b"1"))
    client = client_over(script, headers={"Authorization": SECRET}, query=[("key", SECRET)])
    send(client, Request("GET", "/a", headers={"Range": "bytes=0-"}, own_headers={"X-Key": SECRET}))
    assert SECRET in str(script.seen[0].headers.raw)
    assert SECRET not in f"{script.seen[1].headers.raw} {script.seen[1].url}"
    assert script.seen[1].headers["range"] == "bytes=0-"


def test_credentials_come_back_when_the_way_leads_home():
    script = Script((302, {"location": "https://o.org/"}), (302, {"location": "https://api.example.com/z"}), 200)
    send(client_over(script, headers={"Authorization": SECRET}), Request("GET", "/a"))
    assert [SECRET in str(request.headers.raw) for request in script.seen] == [True, False, True]


def test_a_second_origin_of_the_connection_is_home_too():
    script = Script(200)
    client = client_over(script, headers={"Authorization": SECRET}, origins=["https://app.example.com"])
    send(client, Request("GET", "https://app.example.com/a"))
    assert script.seen[0].headers["authorization"] == SECRET


async def _looked_up(host, port):
    return {"files.org": ["93.184.216.34"], "inside.org": ["10.1.2.3"]}.get(host, [])


def test_a_foreign_host_is_connected_by_the_address_that_was_checked():
    script = Script(200)
    send(client_over(script, resolve=_looked_up), Request("GET", "https://files.org/a?b=1"))
    sent = script.seen[0]
    assert str(sent.url) == "https://93.184.216.34/a?b=1"
    assert (sent.headers["host"], sent.extensions["sni_hostname"]) == ("files.org", "files.org")


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://inside.org/a", Refused),
        ("http://169.254.169.254/latest", Refused),
        ("http://[::1]:80/", Refused),
        ("https://nowhere.org/", Unavailable),
    ],
)
def test_private_addresses_are_never_asked(url, expected):
    script = Script((302, {"location": url}))
    with pytest.raises(expected):
        send(client_over(script, resolve=_looked_up), Request("GET", "/a"))
    assert all(request.url.host == "api.example.com" for request in script.seen)


@pytest.mark.parametrize("friend", [{"allow_hosts": ["inside.org"]}, {"base_url": "http://inside.org:1"}])
def test_private_hosts_that_are_meant_are_asked(friend):
    script = Script(200)
    send(client_over(script, resolve=_looked_up, **friend), Request("GET", "https://inside.org/a"))
    assert script.seen[0].url.host == "inside.org"


def test_a_long_reply_is_not_read_to_its_end():
    script = Script((200, {"content-encoding": "gzip"}, gzip.compress(bytes(10 << 20))))
    with pytest.raises(Refused, match="longer than"):
        send(client_over(script, max_reply=1 << 20), Request("GET", "/x"))
    with pytest.raises(Indeterminate):
        send(client_over(script, max_reply=1 << 20), Request("POST", "/x"))


def test_the_status_counts_when_an_error_body_is_broken():
    script = Script((400, {"content-encoding": "gzip"}, b"no gzip"))
    with pytest.raises(Refused, match="400: an empty body"):
        send(client_over(script), Request("POST", "/x"))


def test_a_header_that_cannot_be_sent_is_a_setting_to_mend_and_is_not_shown():
    with pytest.raises(ConfigError) as caught:
        client_over(Script(200), headers={"Authorization": f"{SECRET}\n"})
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    "request_",
    [
        Request("POST", "/x", headers={"X-Name": f"two\n{SECRET}"}),
        Request("POST", "/x", headers={"no name": "1"}),
        Request("POST", "http://:80/x"),
    ],
    ids=["value", "name", "url"],
)
def test_a_request_that_cannot_be_sent_is_refused_before_anything_leaves(request_):
    script = Script(200)
    with pytest.raises(Refused) as caught:
        send(client_over(script), request_)
    assert (script.seen, SECRET in str(caught.value)) == ([], False)


def test_secrets_and_escapes_of_a_server_are_not_shown():
    protect(Secret(SECRET))
    client = client_over(Script((403, {}, f"bad key {SECRET}\x1b[2J".encode())))
    with pytest.raises(AuthError) as caught:
        send(client, Request("GET", "/x"))
    assert "bad key ***" in str(caught.value)
    assert SECRET not in f"{client!r} {client.settings!r} {caught.value!r}"


def test_lines_are_streamed():
    script = Script(503, (200, {}, b'{"a":1}\n{"a":2}\n'))

    async def run():
        async with client_over(script).stream(Request("GET", "/x")) as stream:
            return [line async for some in stream.lines() for line in some]

    assert asyncio.run(run()) == [b'{"a":1}', b'{"a":2}']


def test_a_stream_that_breaks_off_is_unavailable():
    class Broken(httpx.AsyncByteStream):
        async def __aiter__(self):
            yield b"some"
            raise httpx.ReadError("reset")

    async def run():
        client = client_over(lambda _: httpx.Response(200, stream=Broken()))
        async with client.stream(Request("GET", "/x")) as stream:
            return [chunk async for chunk in stream.chunks()]

    with pytest.raises(Unavailable, match="ReadError"):
        asyncio.run(run())


def test_what_the_reader_raises_inside_a_stream_stays_what_it_is():
    async def run():
        async with client_over(Script(200)).stream(Request("GET", "/x")):
            raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        asyncio.run(run())


def test_a_refused_stream_is_judged():
    async def run():
        async with client_over(Script(404)).stream(Request("GET", "/x")):
            pass

    with pytest.raises(Refused):
        asyncio.run(run())


async def _silent(reader, writer):
    await reader.read()


async def _asked(serve, request, timeouts):
    served = asyncio.Event()

    async def serve_and_close(reader, writer):
        await serve(reader, writer)
        writer.close()
        await writer.wait_closed()
        served.set()

    server = await asyncio.start_server(serve_and_close, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    clock = Ticks()
    settings = Settings(f"http://127.0.0.1:{port}", timeouts=timeouts, retries=Retries(attempts=1))
    client = Client(settings, wire_over(None), Limits(Rules(), clock, None), clock, None)
    try:
        return await client.send(request)
    finally:
        await client.close()
        await served.wait()
        server.close()
        await server.wait_closed()


@pytest.mark.parametrize("timeouts", [Timeouts(read_s=0.05), Timeouts(total_s=0.05)])
@pytest.mark.parametrize(("method", "expected"), [("POST", Indeterminate), ("GET", Unavailable)])
def test_silence_has_an_end(timeouts, method, expected):
    with pytest.raises(expected, match=r"no reply in time|not finished within"):
        asyncio.run(_asked(_silent, Request(method, "/"), timeouts))


def test_a_refused_connection_was_never_sent():
    async def run():
        clock = Ticks()
        client = Client(Settings("http://127.0.0.1:1"), wire_over(None), Limits(Rules(), clock, None), clock, None)
        try:
            await client.send(Request("POST", "/"))
        finally:
            await client.close()

    with pytest.raises(Unavailable, match="nothing was sent"):
        asyncio.run(run())


@pytest.mark.parametrize(
    "garbage", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc", b"SSH-2.0\r\n", b"\x00\xff" * 40]
)
def test_garbage_on_the_wire_never_looks_like_an_answer(garbage):
    async def serve(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(garbage)

    with pytest.raises(Indeterminate):
        asyncio.run(_asked(serve, Request("POST", "/"), Timeouts()))


@pytest.mark.parametrize("length", [9, 99_999_999])
def test_a_reply_that_breaks_off_keeps_its_status(length):
    async def serve(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 201 Created\r\nContent-Length: %d\r\n\r\nabc" % length)

    with pytest.raises(Indeterminate, match="POST") as caught:
        asyncio.run(_asked(serve, Request("POST", "/"), Timeouts()))
    assert caught.value.status == 201


@pytest.mark.parametrize(
    ("date", "now"),
    [
        ("Mon, 12 Jan 1970 13:46:41 GMT", 1_000_000.0),  # a second apart: ours is finer
        ("Mon, 12 Jan 1970 14:46:40 GMT", 1_003_600.0),
        ("Thu, 01 Jan 1970 00:00:00 GMT", 0.0),
        ("tomorrow", 1_000_000.0),
    ],
)
def test_the_platforms_time_is_believed_when_the_clocks_disagree(date, now):
    client = client_over(Script((200, {"date": date})))
    assert client.platform_now() == 1_000_000.0
    send(client, Request("GET", "/"))
    assert client.platform_now() == now


def test_what_is_repeated_is_told_with_its_reason():
    told: list[str] = []

    async def sent():
        LISTENER.set(told.append)
        return await client_over(Script(503, 503, 200)).send(Request("GET", "/x"))

    assert asyncio.run(sent()).status == 200
    assert (len(told), "the platform answered 503" in told[0]) == (2, True)
