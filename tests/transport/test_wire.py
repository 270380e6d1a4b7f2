import asyncio
import sys

import httpx
import pytest

from runner.model.errors import ConfigError, Indeterminate, Refused, Unavailable
from runner.transport import network, wire
from runner.transport.httpx_wire import HTTPX, HttpxWire, broken
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
    ],
)
def test_proxies_of_the_environment(monkeypatch, environment, url, expected):
    without_proxy(monkeypatch)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert network.proxy_for(url.partition(":")[0], "h") == expected


@pytest.mark.parametrize(
    ("environment", "url", "words"),
    [
        ({"HTTP_PROXY": "gopher://p:1"}, "http://h/", "proxy"),
        ({"SSL_CERT_FILE": "/not/there.pem"}, "https://h/", "SSL_CERT_FILE|certificates"),
        ({"HTTPS_PROXY": "http://p:1", "SSL_CERT_FILE": "/not/there.pem"}, "https://h/", "certificates"),
    ],
)
def test_a_useless_environment_is_told_before_anything_is_sent(monkeypatch, environment, url, words):
    without_proxy(monkeypatch)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(ConfigError, match=words):
        asyncio.run(network.NetworkWire().open(wire.Sent("POST", url, [("host", "h")], None, Timeouts())))


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
