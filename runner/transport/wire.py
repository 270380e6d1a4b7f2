"""What really sends: the seam below `client`, with httpx behind it.

The bare transport of httpx is called, without its client layer: the same connections, proxies, certificates and test
doubles (`httpx.MockTransport`) at a tenth of the cost. Its errors become ours here and nowhere else.

Source: www.python-httpx.org, "Transports", "Exceptions", "Environment Variables", read 2026-11.
"""

from __future__ import annotations

import ssl
import urllib.request
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol, TypeAlias
from urllib.parse import urlsplit

import httpx

from runner.model.errors import ConfigError, Indeterminate, RunnerError, Unavailable
from runner.transport.request import Content, Timeouts
from runner.transport.text import plain

Transport: TypeAlias = httpx.AsyncBaseTransport
"""What httpx calls a transport: `httpx.MockTransport` and others may take the place of the network."""

KEEP_ALIVE_S: Final = 4.0
"""Shorter than the 5 s after which common servers close: a request on a dying connection would be Indeterminate."""

_NEVER_SENT: Final = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError)
_OUR_FAULT: Final = (httpx.InvalidURL, httpx.UnsupportedProtocol, httpx.CookieConflict)
_HTTPX: Final = (httpx.HTTPError, httpx.InvalidURL, httpx.CookieConflict, httpx.StreamError)
BROKEN: Final = (*_HTTPX, OSError)
"""Every exception that sending and reading may raise."""


@dataclass(frozen=True, slots=True)
class Sent:
    """One request as it goes out.

    Attributes:
        url: absolute, percent-encoded; its host may be an address that was looked up before.
        headers: complete, `Host` included.
        server_name: name that the certificate must bear when `url` holds an address; else None.
    """

    method: str
    url: str
    headers: Sequence[tuple[str, str]]
    body: Content | None
    timeouts: Timeouts
    server_name: str | None = None


class Received(Protocol):
    """A reply whose body has not been read yet."""

    @property
    def status(self) -> int:
        """HTTP status."""

    @property
    def headers(self) -> Mapping[str, str]:
        """Names in lower case; a repeated one joined by `, `."""

    def raw(self) -> AsyncIterator[bytes]:
        """Give the body as it came, still compressed; raises one of `BROKEN`."""

    async def close(self) -> None:
        """Give the connection back, or drop it when the body was not read to its end."""


class Wire(Protocol):
    """Sends one request; the place for a faster engine."""

    async def open(self, sent: Sent) -> Received:
        """Send it and wait for the head of the reply; raises one of `BROKEN`."""

    async def close(self) -> None:
        """Close all connections."""


def mapped(error: Exception, name: str) -> RunnerError:
    """Return our error for one of `BROKEN`: did the request leave or not?"""
    what = f"{name}: {_said(error)}"
    if isinstance(error, _OUR_FAULT):
        return ConfigError(what)
    if isinstance(error, _NEVER_SENT):
        return Unavailable(f"{what} (nothing was sent)", mend="check the address, the network and the proxy settings")
    return Indeterminate(what)


class HttpxWire:
    """httpx's own transports: one per scheme and proxy, or the one that was handed in."""

    def __init__(self, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self._given = transport
        self._made: dict[tuple[bool, str | None], httpx.AsyncBaseTransport] = {}
        self._routes: dict[tuple[str, str], httpx.AsyncBaseTransport] = {}

    async def open(self, sent: Sent) -> HttpxReceived:
        """Send it and wait for the head of the reply."""
        timeouts = sent.timeouts
        extensions: dict[str, object] = {
            "timeout": {
                "connect": timeouts.connect_s,
                "read": timeouts.read_s,
                "write": timeouts.read_s,
                "pool": timeouts.connect_s,
            }
        }
        if sent.server_name is not None:
            extensions["sni_hostname"] = sent.server_name
        body = sent.body or b""
        stream = httpx.ByteStream(body) if isinstance(body, bytes) else _Upload(body)
        headers = [(name.encode("ascii"), value.encode("latin-1")) for name, value in sent.headers]
        request = httpx.Request(sent.method, sent.url, headers=headers, stream=stream, extensions=extensions)
        return HttpxReceived(await self._transport(sent.url).handle_async_request(request))

    async def close(self) -> None:
        """Close all connections; a transport that was handed in is closed too."""
        for transport in (self._given, *self._made.values()):
            if transport is not None:
                await transport.aclose()
        self._made.clear()
        self._routes.clear()

    def _transport(self, url: str) -> httpx.AsyncBaseTransport:
        if self._given is not None:
            return self._given
        parts = urlsplit(url)
        route = (parts.scheme, parts.netloc)
        if route not in self._routes:
            key = (parts.scheme == "https", _proxy(parts.scheme, parts.hostname or ""))
            if key not in self._made:
                self._made[key] = _transport(*key)
            self._routes[route] = self._made[key]
        return self._routes[route]


class HttpxReceived:
    """A reply of httpx, before its body is read; implements `Received`."""

    __slots__ = ("_response", "headers", "status")

    def __init__(self, response: httpx.Response) -> None:
        self._response = response
        self.status = response.status_code
        self.headers = _headers(response.headers.raw)

    async def raw(self) -> AsyncIterator[bytes]:
        """Give the body as it came."""
        stream = self._response.stream
        if not isinstance(stream, httpx.AsyncByteStream):  # a test double that answers like a synchronous server
            yield self._response.content
            return
        async for chunk in stream:
            yield chunk

    async def close(self) -> None:
        """Give the connection back."""
        await self._response.aclose()


class _Upload(httpx.AsyncByteStream):
    """A body that is read while it is sent."""

    def __init__(self, content: Content) -> None:
        self._content = content

    async def __aiter__(self) -> AsyncIterator[bytes]:
        assert not isinstance(self._content, bytes)
        async for chunk in self._content.chunks():
            yield chunk


def _headers(raw: Sequence[tuple[bytes, bytes]]) -> Mapping[str, str]:
    headers: dict[str, str] = {}
    for name_, value_ in raw:
        name, value = name_.decode("latin-1").lower(), value_.decode("latin-1")
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return headers


def _transport(is_tls: bool, proxy: str | None) -> httpx.AsyncBaseTransport:  # noqa: FBT001 - a key, unpacked
    # Loading the certificates costs 20 ms and more: only for those who need them.
    verify: ssl.SSLContext | bool = httpx.create_ssl_context() if is_tls or proxy else False
    unbounded = httpx.Limits(max_connections=None, max_keepalive_connections=None, keepalive_expiry=KEEP_ALIVE_S)
    try:
        return httpx.AsyncHTTPTransport(verify=verify, limits=unbounded, proxy=proxy)
    except (ValueError, ImportError) as error:
        raise ConfigError(f"the proxy setting cannot be used: {error}") from error


def _proxy(scheme: str, host: str) -> str | None:
    """Return the proxy that HTTP_PROXY, HTTPS_PROXY, ALL_PROXY and NO_PROXY name for a host, as httpx reads them."""
    proxies = urllib.request.getproxies()
    if urllib.request.proxy_bypass(host):
        return None
    proxy = proxies.get(scheme) or proxies.get("all")
    return proxy if proxy is None or "://" in proxy else f"http://{proxy}"


def _said(error: Exception) -> str:
    said = plain(str(error))
    if isinstance(error, httpx.ReadTimeout):
        return "no reply in time"
    return f"{type(error).__name__}: {said}" if said else type(error).__name__
