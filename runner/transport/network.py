"""The wire to the real network: the fast one wherever nothing stands in between, httpx where a proxy does."""

from __future__ import annotations

import contextlib
import ipaddress
import os
import sys
from ssl import SSLContext
from typing import TYPE_CHECKING, Final, TypeAlias
from urllib.parse import urlsplit

from runner.model.errors import ConfigError
from runner.transport.loopback import LoopbackWire, Reach
from runner.transport.wire import Received, Sent, Wire

if TYPE_CHECKING:
    import httpx

Transport: TypeAlias = "httpx.AsyncBaseTransport"
"""What httpx calls a transport: `httpx.MockTransport` and others may take the place of the network."""

_HAS_SYSTEM_SETTINGS: Final = sys.platform in ("darwin", "win32")


def wire_over(transport: Transport | None, reach: Reach = Reach.ALL) -> Wire:
    """Return the wire over a transport of httpx that was handed in, or over the network, as far as it may."""
    if reach is not Reach.ALL:
        return LoopbackWire(wire_over(transport) if transport is not None else NetworkWire(has_proxies=False), reach)
    if transport is None:
        return NetworkWire()
    from runner.transport.httpx_wire import HttpxWire  # start-up: httpx takes longer to import than all of runner

    return HttpxWire(transport)


class NetworkWire:
    """Finds the way to each origin once; implements `Wire`."""

    def __init__(self, *, has_proxies: bool = True) -> None:
        """Open nothing yet; without proxies the settings of the environment do not count."""
        self._has_proxies = has_proxies
        self._routes: dict[str, Wire] = {}
        self._last: tuple[str, Wire] | None = None
        self._made: dict[tuple[bool, bool, str | None], Wire] = {}

    def keeps_time(self, url: str) -> bool:
        """Whether the wire to its origin does."""
        return self._wire(url).keeps_time(url)

    async def open(self, sent: Sent) -> Received:
        """Send it over the way to its origin; raises one of `BROKEN`, or ConfigError for a useless proxy."""
        return await self._wire(sent.url).open(sent)

    async def close(self) -> None:
        """Close all connections; may be called twice."""
        for wire in self._made.values():
            await wire.close()
        self._made.clear()
        self._routes.clear()
        self._last = None

    def _wire(self, url: str) -> Wire:
        if self._last is not None and url.startswith(self._last[0]):
            return self._last[1]
        origin = url[: _end_of_origin(url)]
        wire = self._routes.get(origin)
        if wire is None:
            wire = self._routes[origin] = self._way(origin)
        self._last = f"{origin}/", wire
        return wire

    def _way(self, origin: str) -> Wire:
        scheme, _, place = origin.partition("://")
        is_tls, proxy = scheme.lower() == "https", proxy_for(scheme.lower(), place) if self._has_proxies else None
        key = (is_tls, origin.isascii(), proxy)
        if key not in self._made:
            is_direct = proxy is None and origin.isascii()
            self._made[key] = (_direct(is_tls=is_tls) if is_direct else None) or _over_httpx(is_tls, proxy)
        return self._made[key]


def proxy_for(scheme: str, place: str) -> str | None:
    """Return the proxy that HTTP_PROXY, HTTPS_PROXY and ALL_PROXY name; NO_PROXY may hold ranges of addresses, too.

    Args:
        scheme: http or https.
        place: host, with or without a port.
    """
    if not _HAS_SYSTEM_SETTINGS and not any(name.lower().endswith("_proxy") for name in os.environ):
        return None
    import urllib.request  # start-up: most machines have no proxy

    proxies = urllib.request.getproxies()
    if _is_in_range(urlsplit(f"//{place}").hostname or "", proxies.get("no", "")):
        return None
    if any(urllib.request.proxy_bypass(name) for name in (place, urlsplit(f"//{place}").hostname or "")):
        return None
    proxy = proxies.get(scheme) or proxies.get("all")
    return proxy if proxy is None or "://" in proxy else f"http://{proxy}"


def _is_in_range(host: str, no_proxy: str) -> bool:
    """Whether an address lies in one of the ranges that NO_PROXY holds, as 10.0.0.0/8."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    for entry in no_proxy.split(","):
        with contextlib.suppress(ValueError):
            if "/" in entry and address in ipaddress.ip_network(entry.strip(), strict=False):
                return True
    return False


def _end_of_origin(url: str) -> int:
    """Return where the path or query of an absolute URL begins."""
    begin = url.index("://") + 3
    slash, mark = url.find("/", begin), url.find("?", begin)
    if slash < 0 or 0 <= mark < slash:
        return mark if mark >= 0 else len(url)
    return slash


def _direct(*, is_tls: bool) -> Wire | None:
    try:
        from runner.transport.direct import DirectWire  # its parser is a library that may be missing
    except ImportError:
        return None
    return DirectWire(_certificates() if is_tls else None)


def _over_httpx(is_tls: bool, proxy: str | None) -> Wire:  # noqa: FBT001 - parts of a key
    try:
        from runner.transport.httpx_wire import over_network  # start-up
    except ImportError as error:  # told before anything is sent, or every job would be in doubt
        raise ConfigError(f"this installation is broken: {error}", mend="install runner again") from error
    return over_network(is_tls=is_tls, proxy=proxy)


def _certificates() -> SSLContext:
    from runner.transport.httpx_wire import certificates  # start-up: only those who need them

    trust = certificates()
    trust.set_alpn_protocols(["http/1.1"])
    return trust
