"""What really sends: the seam below `client`. `direct` is the fast one, `httpx_wire` the one for everything else.

Whatever sends raises `Broken`, or an OSError of the system; `mapped` turns both into errors of ours.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Protocol

from runner.model.errors import Indeterminate, Refused, RunnerError, Unavailable
from runner.model.job import NotAfter
from runner.transport.request import Content, Timeouts
from runner.transport.text import plain

KEEP_ALIVE_S: Final = 4.0
"""Shorter than the 5 s after which common servers close: a request on a dying connection would be Indeterminate."""


class Fault(StrEnum):
    """Known effect of a failed request.

    UNSENT: nothing left. LATE: its end did not leave, because its not-after had passed. OURS: it cannot be sent at all.
    LOST: nothing is certain.
    """

    UNSENT = "unsent"
    LATE = "late"
    OURS = "ours"
    LOST = "lost"


class Broken(Exception):
    """Sending or reading did not come to its end."""

    def __init__(self, what: str, fault: Fault = Fault.LOST) -> None:
        super().__init__(what)
        self.fault = fault


BROKEN: Final = (Broken, OSError)
"""Every exception that sending and reading may raise."""


@dataclass(frozen=True, slots=True)
class Sent:
    """One request as it goes out.

    Attributes:
        url: absolute, percent-encoded; its host may be an address that was looked up before.
        headers: complete, `Host` included.
        server_name: name that the certificate must bear when `url` holds an address; else None.
        may_repeat: whether it may be sent once more when it is lost.
        within_s: end it, with a TimeoutError, when it is not over after this time; only for a wire that keeps time.
        not_after: looked at right before each write; None for a request that pays nothing.
    """

    method: str
    url: str
    headers: Sequence[tuple[str, str]]
    body: Content | None
    timeouts: Timeouts
    server_name: str | None = None
    within_s: float | None = None
    may_repeat: bool = False
    not_after: NotAfter | None = None


class Received(Protocol):
    """A reply whose body has not been read yet."""

    @property
    def status(self) -> int:
        """HTTP status."""

    @property
    def headers(self) -> Mapping[str, str]:
        """Names in lower case; a repeated one joined by `, `."""

    def ready(self) -> bytes | None:
        """Return the body, still compressed, when it has come as a whole by now; None when `raw` must be read."""

    def raw(self) -> AsyncIterator[bytes]:
        """Give the body as it came, still compressed; raises one of `BROKEN`."""

    async def close(self) -> None:
        """Give the connection back, or drop it when the body was not read to its end."""


class Wire(Protocol):
    """Sends one request; the place for a faster engine."""

    def keeps_time(self, url: str) -> bool:
        """Whether requests to a URL end after `Sent.within_s` by themselves, the reading of their body included."""

    async def open(self, sent: Sent) -> Received:
        """Send it and wait for the head of the reply; raises one of `BROKEN`."""

    async def close(self) -> None:
        """Close all connections; may be called twice."""


_REACH: Final = "check the address, the network and the proxy settings (HTTPS_PROXY, NO_PROXY)"
_TRUST: Final = "name the authority: SSL_CERT_FILE=/path/ca.pem (REQUESTS_CA_BUNDLE and CURL_CA_BUNDLE are read too)"


def mapped(error: Exception, name: str) -> RunnerError:
    """Return our error for one of `BROKEN`: did the request leave or not?"""
    said = plain(str(error))
    if not isinstance(error, Broken):
        return Indeterminate(f"{name}: {type(error).__name__}: {said}" if said else f"{name}: {type(error).__name__}")
    if error.fault is Fault.OURS:
        return Refused(f"{name}: {said} (nothing was sent)")
    if error.fault is Fault.LATE:
        mend = "this process or its ledger was stopped for too long; the request is sent once the lease is renewed"
        return Unavailable(f"{name}: {said} (it was not sent)", mend=mend)
    if error.fault is Fault.UNSENT:
        mend = _TRUST if "CERTIFICATE" in said else _REACH
        hint = "; SSL_CERT_FILE names the authorities to trust" if mend is _TRUST else ""
        return Unavailable(f"{name}: {said}{hint} (nothing was sent)", mend=mend)
    return Indeterminate(f"{name}: {said}")
