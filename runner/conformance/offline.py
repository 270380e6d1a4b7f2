"""Conformance suite of sinks and notifiers under `--emulate`: they reach this machine only."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import socket
from collections.abc import Iterator

import pytest

from runner.model.errors import RunnerError
from runner.model.item import Record

ROW = Record("k", {"id": 1, "label": "l"}, item={"id": 1})


@contextlib.contextmanager
def watched_network() -> Iterator[list[str]]:
    """Yield a list that collects the other machines that are looked up or connected to; none is really reached."""
    tried: list[str] = []
    usual = socket.socket.connect, socket.socket.connect_ex, socket.getaddrinfo

    def connect(this, address, call=usual[0]):
        if isinstance(address, tuple) and not _is_here(str(address[0])):
            tried.append(str(address[0]))
            raise ConnectionRefusedError("the test reaches no other machine")
        return call(this, address)

    def look_up(host, *rest, **more):
        if host is not None and not _is_here(host if isinstance(host, str) else host.decode()):
            tried.append(str(host))
            raise socket.gaierror("the test resolves no host")
        return usual[2](host, *rest, **more)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", connect)
        patch.setattr(socket.socket, "connect_ex", lambda this, address: connect(this, address, usual[1]))
        patch.setattr(socket, "getaddrinfo", look_up)
        yield tried


def _is_here(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host in ("localhost", "")


class OfflineContract:
    """Inherit, and define `make_emulated`: a sink or notifier set up for a real address, in an emulated place."""

    def make_emulated(self, root):
        """Return it; a RunnerError is a refusal, and right."""
        raise NotImplementedError

    def test_no_other_machine_is_reached_when_emulated(self, tmp_path):
        with watched_network() as tried, contextlib.suppress(RunnerError):
            asyncio.run(_use(self.make_emulated(tmp_path)))
        assert tried == []


async def _use(made) -> None:
    if hasattr(made, "tell"):
        await made.tell({"event": "run_ended", "at": 1.0, "error": "x"})
        return
    try:
        await made.open()
        await made.write([ROW])
        await made.commit()
    finally:
        await made.abort()
