"""The wire of httpx: for proxies, for transports that are handed in, and wherever the fast one is not installed.

The bare transport of httpx is called, without its client layer: the same connections, proxies, certificates and test
doubles (`httpx.MockTransport`) at a tenth of the cost. Its errors become `Broken` here and nowhere else.

Source: www.python-httpx.org, "Transports", "Exceptions", "Environment Variables", read 2026-11.
"""

from __future__ import annotations

import os
import ssl
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import httpx

from runner.model.errors import ConfigError
from runner.model.job import NotAfter
from runner.transport.not_after import SOCKET_OPTIONS, in_pieces, refuse_late
from runner.transport.request import Content
from runner.transport.text import plain
from runner.transport.wire import KEEP_ALIVE_S, Broken, Fault, Sent

_NEVER_SENT: Final = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError)
AUTHORITIES: Final = ("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
"""Variables that name authorities to trust, in files and folders: those of OpenSSL, of requests and of curl."""
_OUR_FAULT: Final = (httpx.InvalidURL, httpx.UnsupportedProtocol, httpx.CookieConflict)
HTTPX: Final = (httpx.HTTPError, httpx.InvalidURL, httpx.CookieConflict, httpx.StreamError)
"""Every error of httpx."""


def broken(error: Exception, way: str = "") -> Broken:
    """Return what an error of httpx means; `way` says over which proxy the request went."""
    said = plain(str(error))
    text = f"{type(error).__name__}: {said}" if said else type(error).__name__
    if isinstance(error, _OUR_FAULT):
        return Broken(text, Fault.OURS)
    if isinstance(error, _NEVER_SENT):
        return Broken(f"{text}{way}", Fault.UNSENT)
    return Broken("no reply in time" if isinstance(error, httpx.ReadTimeout) else text)


class HttpxWire:
    """A transport of httpx; implements `Wire`."""

    def __init__(self, transport: httpx.AsyncBaseTransport, proxy: str | None = None) -> None:
        self._transport = transport
        place = urlsplit(proxy) if proxy else None  # its user and password are never shown
        self._way = f", through the proxy {place.scheme}://{place.hostname}:{place.port or ''}" if place else ""

    def keeps_time(self, url: str) -> bool:
        """Say that it does not."""
        return False

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
        if sent.not_after is not None:
            refuse_late(sent.not_after)
            stream: httpx.AsyncByteStream = _Watched(body, sent.not_after)
        else:
            stream = httpx.ByteStream(body) if isinstance(body, bytes) else _Upload(body)
        headers = [(name.encode("ascii"), value.encode("latin-1")) for name, value in sent.headers]
        try:
            request = httpx.Request(sent.method, sent.url, headers=headers, stream=stream, extensions=extensions)
            return HttpxReceived(await self._transport.handle_async_request(request))
        except HTTPX as error:
            raise broken(error, self._way) from error

    async def close(self) -> None:
        """Close the transport, also one that was handed in."""
        await self._transport.aclose()


class HttpxReceived:
    """A reply of httpx, before its body is read; implements `Received`."""

    __slots__ = ("_response", "headers", "status")

    def __init__(self, response: httpx.Response) -> None:
        self._response = response
        self.status = response.status_code
        self.headers = _headers(response.headers.raw)

    def ready(self) -> None:
        """Say that the body must be read."""

    async def raw(self) -> AsyncIterator[bytes]:
        """Give the body as it came."""
        stream = self._response.stream
        if not isinstance(stream, httpx.AsyncByteStream):  # a test double that answers like a synchronous server
            yield self._response.content
            return
        try:
            async for chunk in stream:
                yield chunk
        except HTTPX as error:
            raise broken(error) from error

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


class _Watched(httpx.AsyncByteStream):
    """The body of a paying request: the not-after is looked at before each piece is handed over."""

    def __init__(self, content: Content, not_after: NotAfter) -> None:
        self._content, self._not_after = content, not_after

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for piece, _ in in_pieces(b"", self._content):
            refuse_late(self._not_after)
            yield piece


def over_network(*, is_tls: bool, proxy: str | None) -> HttpxWire:
    """Return the wire to all servers that are reached in the same way.

    Raises:
        ConfigError: the proxy setting or the certificates cannot be used.
    """
    # Loading the certificates costs 20 ms and more: only for those who need them.
    verify: ssl.SSLContext | bool = certificates() if is_tls or proxy else False
    unbounded = httpx.Limits(max_connections=None, max_keepalive_connections=None, keepalive_expiry=KEEP_ALIVE_S)
    try:
        real = httpx.AsyncHTTPTransport(verify=verify, limits=unbounded, proxy=proxy, socket_options=SOCKET_OPTIONS)
        return HttpxWire(real, proxy)
    except (ValueError, ImportError) as error:
        raise ConfigError(f"the proxy setting cannot be used: {error}") from error


def certificates() -> ssl.SSLContext:
    """Return the certificate authorities to trust: those of the `AUTHORITIES` variables, else those of httpx.

    Raises:
        ConfigError: they cannot be read.
    """
    named = {name: place for name in AUTHORITIES if (place := os.environ.get(name))}
    if not named:
        return httpx.create_ssl_context()
    trust = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    for name, place in named.items():
        folders = place.split(os.pathsep) if name == "SSL_CERT_DIR" else [place] if Path(place).is_dir() else []
        try:
            for folder in folders:
                trust.load_verify_locations(capath=folder)
            if not folders:
                trust.load_verify_locations(place)
        except OSError as error:  # those of ssl too
            what = f"the certificate authorities cannot be read ({name}={place}): {error}"
            raise ConfigError(what, mend=f"check {', '.join(AUTHORITIES)}") from error
    return trust


def _headers(raw: Sequence[tuple[bytes, bytes]]) -> Mapping[str, str]:
    headers: dict[str, str] = {}
    for name_, value_ in raw:
        name, value = name_.decode("latin-1").lower(), value_.decode("latin-1")
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return headers
