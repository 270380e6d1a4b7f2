"""Faults an emulator injects on purpose: refusals, lost replies, broken bodies, closed connections.

A *fault* is one entry of the knob `faults`. It waits for requests of its route and spoils some of them; which ones
follows from the order of the requests alone, so a test with one client sees the same every time.
"""

import fnmatch
import json
from collections.abc import Sequence
from dataclasses import dataclass, field

from starlette.types import Message, Receive, Scope, Send

from runner.emulators import knobs

TRANSPORT = "emulator.transport"


@dataclass(frozen=True, slots=True)
class Fault:
    """One entry of the knob `faults`; a fault with no effect of its own answers 503.

    Attributes:
        route: `"POST /v2/apps/runs"`, as in the stats; `*` stands for anything (`"* /v2/batches*"`).
        path: only requests whose decoded path holds this text.
        skip: leave this many matching requests alone first.
        every: then spoil each n-th one.
        times: spoil so many in all; null means for ever.
        when: `before`: the platform never sees the request. `after`: it did the work, the reply is lost.
        status: of the reply; without `body` the platform's own error body goes with it.
        headers: added to the reply.
        body: a text is sent as it is (so `"{"` is malformed JSON), anything else as JSON.
        drop: close the connection without one byte of reply.
        cut_bytes: announce the whole body, send only so many bytes of it, close.
        delay_s: wait before the reply; with nothing else the reply is the true one.
    """

    route: str = "*"
    path: str = ""
    skip: int = 0
    every: int = 1
    times: int | None = 1
    when: str = "before"
    status: int | None = None
    headers: dict[str, str] = field(default_factory=dict)
    body: object = None
    drop: bool = False
    cut_bytes: int | None = None
    delay_s: float = 0.0

    def __post_init__(self) -> None:
        if self.when not in ("before", "after"):
            raise ValueError(f'fault field when takes "before" or "after", not {self.when!r}')
        if self.every < 1:
            raise ValueError(f"fault field every takes 1 or more, not {self.every}")

    @property
    def replaces(self) -> bool:
        """Tell whether the true reply is withheld."""
        named = self.drop or self.status is not None or self.body is not None
        return named or not (self.headers or self.delay_s or self.cut_bytes is not None)


def parse(entries: Sequence[dict[str, object]]) -> list[Fault]:
    """Read the knob `faults`.

    Raises:
        ValueError: an entry with an unknown field or a value that does not fit.
    """
    return [knobs.turned(Fault(), entry) for entry in entries]


class Faults:
    """The list in force, and how often each entry matched and struck."""

    def __init__(self, faults: Sequence[Fault] = ()) -> None:
        self._faults = list(faults)
        self._seen = [0] * len(self._faults)
        self.sent = [0] * len(self._faults)

    def pick(self, route: str, path: str) -> Fault | None:
        """Choose the fault for a request that just came; the first in the list that is due wins.

        Args:
            route: `METHOD /pattern/{name}`.
            path: the decoded path.
        """
        for at, fault in enumerate(self._faults):
            if fault.path not in path or not _covers(fault.route, route):
                continue
            if fault.times is not None and self.sent[at] >= fault.times:
                continue
            self._seen[at] += 1
            waited = self._seen[at] - fault.skip
            if waited > 0 and waited % fault.every == 0:
                self.sent[at] += 1
                return fault
        return None


def _covers(wanted: str, route: str) -> bool:
    # Braces are common in routes; only the star is a wildcard, so `[` must not start a set either.
    return wanted in ("*", route) or fnmatch.fnmatchcase(route, wanted.replace("[", "[[]"))


@dataclass(slots=True)
class Reply:
    """A whole reply caught on its way out, to be spoiled and sent on."""

    status: int = 200
    headers: list[tuple[bytes, bytes]] = field(default_factory=list)
    body: bytes = b""

    async def catch(self, message: Message) -> None:
        """Stand in for the server's `send`."""
        if message["type"] == "http.response.start":
            self.status, self.headers = message["status"], list(message["headers"])
        elif message["type"] == "http.response.body":
            self.body += message.get("body", b"")

    def spoil(self, fault: Fault) -> None:
        """Apply what the fault says of status, headers and body; the length is announced anew."""
        self.status = fault.status or self.status
        if fault.body is not None:
            text = isinstance(fault.body, str)
            self.body = str(fault.body).encode() if text else json.dumps(fault.body).encode()
        replaced = {b"content-length", *(name.lower().encode() for name in fault.headers)}
        self.headers = [pair for pair in self.headers if pair[0].lower() not in replaced]
        self.headers += [(name.lower().encode(), value.encode()) for name, value in fault.headers.items()]
        self.headers.append((b"content-length", str(len(self.body)).encode()))

    async def send(self, send: Send, *, cut_bytes: int | None = None) -> None:
        """Send it, or only the head and the first bytes of the body."""
        await send({"type": "http.response.start", "status": self.status, "headers": self.headers})
        await send({"type": "http.response.body", "body": self.body[:cut_bytes], "more_body": cut_bytes is not None})


async def hang_up(scope: Scope, receive: Receive, *, flush: bool) -> None:
    """Close the client's connection under the feet of the server.

    `runner.emulators.serve` puts the socket's transport into the scope. Where there is none (the app is called in
    the process, without a socket) the caller gets the error a socket would have given.

    Args:
        scope: of the request.
        receive: of the request.
        flush: send what was written so far; else it is thrown away.

    Raises:
        ConnectionResetError: there is no socket to close.
    """
    transport = scope.get("state", {}).get(TRANSPORT)
    if transport is None:
        raise ConnectionResetError("the emulator closed the connection on purpose")
    if flush:
        transport.close()
    else:
        transport.abort()
    # The server calls it an error when an app returns without a reply, unless the client has gone already.
    while (await receive())["type"] != "http.disconnect":
        continue
