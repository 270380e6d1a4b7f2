"""Limit which hosts requests may reach: any, this machine only (`--emulate`), or none (`plan --untrusted`)."""

from __future__ import annotations

import ipaddress
from enum import StrEnum
from typing import Final
from urllib.parse import urlsplit

from runner.transport.wire import Broken, Fault, Received, Sent, Wire


class Reach(StrEnum):
    """Which hosts a connection may reach."""

    ALL = "all"
    THIS_MACHINE = "this machine"
    NOTHING = "nothing"


_NAME: Final = "localhost"


def is_loopback(url: str) -> bool:
    """Return whether an absolute URL names this machine by a loopback address or as `localhost`."""
    try:
        host = urlsplit(url).hostname or ""
        return host == _NAME or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class LoopbackWire:
    """Refuses every request to another machine before a byte is sent; implements `Wire`."""

    def __init__(self, wire: Wire, reach: Reach = Reach.THIS_MACHINE) -> None:
        """Wrap a wire that uses no proxy: a proxy would be another machine."""
        self._wire, self._reach = wire, reach

    def keeps_time(self, url: str) -> bool:
        """Return what the wrapped wire says."""
        return self._wire.keeps_time(url)

    async def open(self, sent: Sent) -> Received:
        """Send the request; raises as the wrapped wire, and Broken when it leads to another machine."""
        host = urlsplit(sent.url).netloc
        if self._reach is Reach.NOTHING:
            raise Broken(f"an untrusted plan reaches no host, and this leads to {host}", Fault.OURS)
        if not is_loopback(sent.url):
            raise Broken(f"{host} is a real host, which --emulate never reaches", Fault.OURS)
        return await self._wire.open(sent)

    async def close(self) -> None:
        """Close all connections; may be called twice."""
        await self._wire.close()
