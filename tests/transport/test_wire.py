import asyncio
import ssl
import subprocess
import sys

import httpx
import pytest

from runner.model.errors import ConfigError, Indeterminate, Refused, Unavailable
from runner.transport import network, wire
from runner.transport.httpx_wire import AUTHORITIES, HTTPX, HttpxWire, broken
from runner.transport.request import Timeouts

NEVER_SENT = {"ConnectError", "ConnectTimeout", "PoolTimeout", "ProxyError"}
OUR_FAULT = {"InvalidURL", "UnsupportedProtocol", "CookieConflict"}


def every_error():
    found, waiting = [], [httpx.HTTPError, httpx.InvalidURL, httpx.CookieConflict, httpx.StreamError]
    while waiting:
        kind = waiting.pop()
        found.append(kind)
        waiting.extend(kind.__subclasses__())
    return found


def made(kind):
    if kind is httpx.HTTPStatusError:
        return kind("text", request=httpx.Request("GET", "http://h"), response=httpx.Response(500))
    return (
        kind()
        if kind in (httpx.StreamConsumed, httpx.ResponseNotRead, httpx.RequestNotRead, httpx.StreamClosed)
        else kind("text")
    )


@pytest.mark.parametrize("kind", every_error(), ids=lambda kind: kind.__name__)
def test_every_error_of_httpx_is_mapped(kind):
    error = wire.mapped(broken(made(kind)), "POST /x")
    expected = Unavailable if kind.__name__ in NEVER_SENT else Refused if kind.__name__ in OUR_FAULT else Indeterminate
    assert type(error) is expected
    assert isinstance(made(kind), HTTPX)


def test_all_exceptions_that_httpx_exports_are_known():
    exported = [getattr(httpx, name) for name in dir(httpx)]
    errors = {each for each in exported if isinstance(each, type) and issubclass(each, Exception)}
    assert errors <= set(every_error())


@pytest.mark.parametrize("error", [OSError("broken pipe"), TimeoutError()])
def test_errors_of_the_system_leave_the_outcome_open(error):
    assert type(wire.mapped(error, "POST /x")) is Indeterminate


def without_proxy(monkeypatch):
    for name in AUTHORITIES:
        monkeypatch.delenv(name, raising=False)
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.mark.parametrize(
    ("environment", "url", "expected"),
    [
        ({"HTTPS_PROXY": "http://p:1"}, "https://h/", "http://p:1"),
        ({"HTTPS_PROXY": "p:1"}, "https://h/", "http://p:1"),
        ({"ALL_PROXY": "http://p:2"}, "http://h/", "http://p:2"),
        ({"HTTPS_PROXY": "http://p:1", "NO_PROXY": "h"}, "https://h/", None),
        ({"HTTPS_PROXY": "http://p:1"}, "http://h/", None),
        ({"HTTP_PROXY": "http://p:1", "NO_PROXY": "10.0.0.0/8, 127.0.0.0/8"}, "http://127.3.0.1:80/", None),
        ({"HTTP_PROXY": "http://p:1", "NO_PROXY": "10.0.0.0/8"}, "http://127.0.0.1/", "http://p:1"),
        ({"HTTP_PROXY": "http://p:1", "NO_PROXY": "127.0.0.0/8"}, "http://h/", "http://p:1"),
        ({"HTTP_PROXY": "http://p:1", "NO_PROXY": "nonsense/8,fd00::/8"}, "http://[fd00::7]:1/", None),
    ],
)
def test_proxies_of_the_environment(monkeypatch, environment, url, expected):
    without_proxy(monkeypatch)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert network.proxy_for(url.partition(":")[0], url.split("/")[2]) == expected


@pytest.mark.parametrize(
    ("environment", "url", "words"),
    [
        ({"HTTP_PROXY": "gopher://p:1"}, "http://h/", "proxy"),
        ({"SSL_CERT_FILE": "/not/there.pem"}, "https://h/", "SSL_CERT_FILE|certificate authorities"),
        ({"HTTPS_PROXY": "http://p:1", "SSL_CERT_FILE": "/not/there.pem"}, "https://h/", "certificate authorities"),
        ({"REQUESTS_CA_BUNDLE": "/not/there.pem"}, "https://h/", "REQUESTS_CA_BUNDLE=/not/there.pem"),
    ],
)
def test_a_useless_environment_is_told_before_anything_is_sent(monkeypatch, environment, url, words):
    without_proxy(monkeypatch)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(ConfigError, match=words):
        asyncio.run(network.NetworkWire().open(wire.Sent("POST", url, [("host", "h")], None, Timeouts())))


@pytest.mark.parametrize("name", [None, *AUTHORITIES])
def test_an_authority_in_any_usual_variable_is_trusted(monkeypatch, authority, name):
    without_proxy(monkeypatch)
    if name is not None:
        place = authority / "cert.pem"
        if name == "SSL_CERT_DIR":
            words = ["openssl", "x509", "-in", str(place), "-noout", "-hash"]
            digest = subprocess.run(words, check=True, capture_output=True, text=True).stdout.strip()
            (authority / f"{digest}.0").write_bytes(place.read_bytes())
            place = authority
        monkeypatch.setenv(name, str(place))

    async def greet(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 204 -\r\n\r\n")
        writer.close()

    async def run():
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(authority / "cert.pem", authority / "key.pem")
        server = await asyncio.start_server(greet, "localhost", 0, ssl=context)
        url = f"https://localhost:{server.sockets[0].getsockname()[1]}/"
        over = network.NetworkWire()
        try:
            return (await over.open(wire.Sent("GET", url, [("host", "h")], None, Timeouts()))).status
        except wire.Broken as error:
            return wire.mapped(error, "GET /").mend
        finally:
            await over.close()
            server.close()

    found = asyncio.run(run())
    assert found == 204 if name else "SSL_CERT_FILE" in found


def test_a_dead_proxy_is_named_without_its_password(monkeypatch):
    without_proxy(monkeypatch)
    monkeypatch.setenv("HTTP_PROXY", "http://me:secret@127.0.0.1:9")
    with pytest.raises(wire.Broken, match=r"through the proxy http://127\.0\.0\.1:9") as caught:
        asyncio.run(network.NetworkWire().open(wire.Sent("POST", "http://h/", [("host", "h")], None, Timeouts())))
    assert "secret" not in str(caught.value)
    assert "NO_PROXY" in wire.mapped(caught.value, "POST /").mend


def test_a_missing_library_is_told_before_anything_is_sent(monkeypatch):
    without_proxy(monkeypatch)
    for name in ("runner.transport.direct", "runner.transport.httpx_wire"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ConfigError, match="httpx_wire"):
        asyncio.run(network.NetworkWire().open(wire.Sent("POST", "http://h/", [("host", "h")], None, Timeouts())))


def test_a_synchronous_double_is_read_too():
    async def run():
        sent = wire.Sent("GET", "http://h/", [("host", "h")], None, Timeouts())
        received = await HttpxWire(httpx.MockTransport(lambda _: httpx.Response(200, text="hello"))).open(sent)
        return b"".join([chunk async for chunk in received.raw()])

    assert asyncio.run(run()) == b"hello"
