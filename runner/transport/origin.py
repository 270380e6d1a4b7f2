"""Whose server a URL points to: origins, URLs below a base, and addresses that nobody outside may send us to."""

from __future__ import annotations

import asyncio
import ipaddress
import re
import socket
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, TypeAlias
from urllib.parse import quote, unquote, urljoin, urlsplit

from runner.model.errors import ConfigError, Refused

Resolve: TypeAlias = Callable[[str, int], Awaitable[Sequence[str]]]
"""Host and port to IP addresses; empty when a name cannot be resolved here."""

_PORTS: Final = {"http": 80, "https": 443}
_PLAIN: Final = re.compile(r"(?:/[A-Za-z0-9_~-][A-Za-z0-9_~.-]*)+").fullmatch
_PATH_SAFE: Final = "/%:@!$&'()*+,;=-._~"


@dataclass(frozen=True, slots=True)
class Origin:
    """Scheme, host and port: what credentials are bound to."""

    scheme: str
    host: str
    port: int

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}" + ("" if self.port == _PORTS[self.scheme] else f":{self.port}")


def origin_of(url: str) -> Origin:
    """Return the origin of an absolute http or https URL.

    Raises:
        ConfigError: it is no such URL, or carries a user name.
    """
    try:
        parts = urlsplit(url)
    except ValueError as error:
        raise ConfigError(f"this is no URL: {error}") from error
    return _origin(parts.scheme, parts.netloc)


@lru_cache(maxsize=1024)
def _origin(scheme: str, netloc: str) -> Origin:
    if "@" in netloc:
        raise ConfigError("a URL must not carry a user name or password", mend="use a secret field of the connection")
    try:
        parts = urlsplit(f"{scheme}://{netloc}")
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise ConfigError(f"{netloc!r} is no host with a port: {error}") from error
    if scheme not in _PORTS or not host:
        what = f"{scheme}://{netloc}" if scheme else netloc
        raise ConfigError(f"{what!r} is no http or https URL", mend="write it in full, for example https://host/api")
    return Origin(scheme, host.lower(), port or _PORTS[scheme])


def is_absolute(url: str) -> bool:
    """Whether the URL names its own host."""
    return "://" in url[:16] and url[:4].lower() == "http"


def joined(base: str, path: str, query: Sequence[tuple[str, str]] = ()) -> str:
    """Return the full URL of a path below a base URL (or of an absolute URL), with the query added.

    Raises:
        Refused: a segment of the path is `.` or `..`: it would lead elsewhere.
    """
    if not query and base[-1:] != "/" and _PLAIN(path):
        return base + path  # the usual one: nothing in it to encode, to add, or to be wary of
    url = path if is_absolute(path) else f"{base.rstrip('/')}/{path.lstrip('/')}" if path else base
    head, mark, given = url.partition("?")
    if "/." in head or "%2e" in head.lower():
        _no_dots(head)
    text = head if head.isascii() and " " not in head else quote(head, safe=_PATH_SAFE)
    pairs = "&".join(f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in query)
    asked = "&".join(part for part in (given, pairs) if part)
    return f"{text}?{asked}" if asked else text + (mark if given else "")


def redirected(url: str, location: str) -> str:
    """Return where a redirect leads, without a fragment.

    Raises:
        Refused: that is no URL.
    """
    try:
        return urljoin(url, location).partition("#")[0]
    except ValueError as error:
        raise Refused(f"the reply redirects to what is no URL: {error}") from error


async def resolve(host: str, port: int) -> Sequence[str]:
    """Ask the system for the addresses of a host."""
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):  # no such name; a text that can be none
        return ()
    return list(dict.fromkeys(str(address[4][0]) for address in found))


def is_public(address: str) -> bool:
    """Whether an IP address belongs to the public internet."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    mapped = getattr(ip, "ipv4_mapped", None) or getattr(ip, "sixtofour", None)
    return is_public(str(mapped)) if mapped else ip.is_global and not ip.is_multicast


async def public_address(origin: Origin, ask: Resolve) -> str | None:
    """Return one public address of a foreign host, to be connected to as it is; None when it resolves to nothing.

    Raises:
        Refused: any of its addresses is private, loopback or link-local.
    """
    try:
        addresses: Sequence[str] = [str(ipaddress.ip_address(origin.host))]
    except ValueError:
        addresses = await ask(origin.host, origin.port)
    for address in addresses:
        if not is_public(address):
            raise Refused(
                f"the platform's reply points to {origin}, which is the private address {address}",
                mend="name it in allow_hosts of the connection if it is meant",
            )
    return addresses[0] if addresses else None


def _no_dots(head: str) -> None:
    if any(unquote(segment) in (".", "..") for segment in head.split("/")):
        raise Refused(f"the path {head!r} holds a segment that is only dots")
