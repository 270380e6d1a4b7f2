"""The client of one connection: whole requests, bounded replies, redirects, repeats, credentials kept at home."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Final, TypeAlias
from urllib.parse import parse_qsl, urlsplit, urlunsplit

from runner.model.contracts import Clock
from runner.model.errors import (
    AuthError,
    ConfigError,
    Indeterminate,
    Refused,
    RunnerError,
    Unavailable,
    UnreadableReply,
)
from runner.model.repeat import report_retry
from runner.transport import hints, origin, reading
from runner.transport.headers import checked
from runner.transport.limits import Limits
from runner.transport.request import Reply, Request, Timeouts
from runner.transport.retry import Budget, Retries, is_passing, pause_s
from runner.transport.text import gist, plain
from runner.transport.wire import BROKEN, Broken, Fault, Received, Sent, Wire, mapped

AGENT: Final = "runner/1"
HOPS: Final = 5
MAX_REPLY: Final = 64 << 20
AGREES_S: Final = 60.0
UNREADABLE_ASKED: Final = 3
"""How often an unreadable reply is requested again at once, before the caller decides."""
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_NO_BODY: Final = frozenset({"GET", "HEAD", "DELETE", "OPTIONS"})
_ERROR_BODY: Final = 1 << 20
_USUAL: Final = {"accept": "*/*", "accept-encoding": reading.ENCODINGS}

Judge: TypeAlias = Callable[[Reply], RunnerError | None]
"""Says what a reply means: None when it is good."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What a connection is.

    Attributes:
        base_url: where paths begin.
        headers: sent to the own origin with every request; may hold credentials.
        query: added to every request to the own origin.
        origins: further origins that are the connection's own (an API on two hosts).
        allow_hosts: private hosts that URLs from replies may point to.
        max_reply: most bytes of one reply that is read into memory.
        resolve: looks hosts up; None when the wire does not really connect (a test double).
    """

    base_url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    query: Sequence[tuple[str, str]] = ()
    origins: Sequence[str] = ()
    allow_hosts: Sequence[str] = ()
    timeouts: Timeouts = field(default_factory=Timeouts)
    retries: Retries = field(default_factory=Retries)
    max_reply: int = MAX_REPLY
    resolve: origin.Resolve | None = origin.resolve

    def __repr__(self) -> str:
        return f"Settings({self.base_url!r})"


class Stream:
    """A reply whose body is read as it comes."""

    def __init__(self, received: Received, url: str, name: str) -> None:
        self._received, self.url, self._name = received, url, name
        self.status, self.headers = received.status, received.headers

    async def chunks(self) -> AsyncIterator[bytes]:
        """Give the decoded body in pieces.

        Raises:
            Unavailable: it broke off.
        """
        try:
            async for chunk in reading.decoded(self._received.raw(), self.headers.get("content-encoding", "")):
                yield chunk
        except BROKEN as error:
            raise _passing(mapped(error, self._name)) from error

    def lines(self) -> AsyncIterator[list[bytes]]:
        """Give the lines, some at a time; raises as `chunks`, and Refused for an endless line."""
        return reading.lines(self.chunks())


class Client:
    """Sends requests for one connection; shared by all that use it."""

    def __init__(self, settings: Settings, wire: Wire, limits: Limits, clock: Clock, rng: Random) -> None:
        self.settings, self.limits = settings, limits
        self._wire, self._clock, self._rng = wire, clock, rng
        self._budget = Budget()
        self._dated = ("", 0.0)
        home = origin.origin_of(settings.base_url)
        self._own = frozenset([home, *(origin.origin_of(url) for url in settings.origins)])
        self._friends = {each.host for each in self._own} | set(settings.allow_hosts)
        self._headers = {"user-agent": AGENT, **checked(settings.headers, ConfigError)}
        parts = urlsplit(settings.base_url)
        self._home = f"{parts.scheme}://{parts.netloc}/"
        self._home_headers = {"host": parts.netloc, **_USUAL, **self._headers}

    def __repr__(self) -> str:
        return f"Client({self.settings.base_url!r})"

    def is_own(self, url: str) -> bool:
        """Whether a path or URL leads to the connection's own origin, where credentials may go; Refused for no URL."""
        return not origin.is_absolute(url) or _origin(url) in self._own

    def hidden(self, text: str) -> str:
        """Return a text of the server or of an error, safe to show: no secret, no control character."""
        return plain(text)

    async def send(self, request: Request, judge: Judge | None = None) -> Reply:
        """Send a request and read the whole reply; a safe request is repeated while that may help.

        Raises:
            Unavailable: surely without effect (or safe to repeat), and still failing.
            Indeterminate: not safe to repeat, and nobody knows whether it had its effect.
            RunnerError: what `judge` says about the reply (default: `by_status`).
        """
        failures = 0
        while True:
            try:
                return await self._once(request, judge or self.by_status)
            except Unavailable as error:
                failures += 1
                await self._wait(request, error, failures)

    @contextlib.asynccontextmanager
    async def stream(self, request: Request, judge: Judge | None = None) -> AsyncIterator[Stream]:
        """Open a reply that is read piece by piece inside the block; opening it is repeated as in `send`.

        Raises:
            RunnerError: as `send`; `Unavailable` also when the body breaks off or `stream_s` have passed.
        """
        if not request.admitted:
            await self.limits.enter()
        try:
            try:
                async with asyncio.timeout(self.settings.timeouts.total_s):
                    received, url = await self._opened(request, judge or self.by_status)
            except BROKEN as error:
                raise self._failure(error, request) from error
            try:
                async with reading.within(self.settings.timeouts.stream_s, request.name):
                    yield Stream(received, url, request.name)
            finally:
                await received.close()
        finally:
            if not request.admitted:
                self.limits.leave()

    def by_status(self, reply: Reply) -> RunnerError | None:
        """Judge a reply by nothing but its status."""
        if reply.is_ok:
            return None
        what = f"the platform answered {reply.status}: {self.hidden(gist(reply.body, _type(reply.headers)))}"
        if reply.status in (401, 403):
            return AuthError(what, status=reply.status)
        if reply.status in (408, 425, 429) or reply.status >= 500:
            return Unavailable(what, status=reply.status, retry_after_s=self.retry_after_s(reply))
        return Refused(what, status=reply.status)

    def retry_after_s(self, reply: Reply) -> float | None:
        """Return the pause that a reply asks for."""
        return hints.wait_s(reply.headers, self._clock.now())

    def platform_now(self) -> float:
        """Return the platform's time, by the Date of its latest reply; ours as long as the two agree within a minute.

        Looking for a lost job rests on it: this machine's clock may be wrong by years.
        """
        now, (text, seen_at) = self._clock.now(), self._dated
        there = hints.date_s(text)
        if there is None:
            return now
        there += self._clock.monotonic() - seen_at
        return there if abs(there - now) > AGREES_S else now

    async def close(self) -> None:
        """Close all connections; may be called twice."""
        await self._wire.close()

    async def _wait(self, request: Request, error: Unavailable, failures: int) -> None:
        rules = self.settings.retries
        is_free = request.is_safe or (request.patient and error.status == 429)
        most = min(rules.attempts, UNREADABLE_ASKED) if isinstance(error, UnreadableReply) else rules.attempts
        may = is_free and is_passing(error) and failures < most
        if not may or not self._budget.take():
            raise error
        report_retry(str(error))
        await self._clock.sleep(pause_s(rules, failures, error.retry_after_s, self._rng))

    async def _once(self, request: Request, judge: Judge) -> Reply:
        if not request.admitted and not self.limits.entered():
            await self.limits.enter()
        try:
            try:
                reply = await self._exchanged(request)
            except BROKEN as error:
                raise self._failure(error, request) from error
            self._learn(reply, judge(reply))
            return reply
        finally:
            if not request.admitted:
                self.limits.leave()

    async def _exchanged(self, request: Request) -> Reply:
        """Send, and read the reply, all within `total_s`: the usual request goes home, and its wire keeps the time."""
        url, limit_s = self._sendable(request), self.settings.timeouts.total_s
        if not url.startswith(self._home) or not self._wire.keeps_time(url):
            async with asyncio.timeout(limit_s):
                received, url = await self._follow(request, url)
                return await self._read(received, url, request)
        received = await self._wire.open(self._sent_home(request, url, limit_s))
        if received.status in _REDIRECTS:
            async with asyncio.timeout(limit_s):
                received, url = await self._follow(request, url, received)
                return await self._read(received, url, request)
        return await self._read(received, url, request)

    async def _opened(self, request: Request, judge: Judge) -> tuple[Received, str]:
        failures = 0
        while True:
            try:
                received, url = await self._follow(request, self._url(request))
                if 200 <= received.status < 300:
                    return received, url
                reply = await self._read(received, url, request)
                self._learn(reply, judge(reply) or self.by_status(reply))
            except Unavailable as error:
                failures += 1
                await self._wait(request, error, failures)

    def _learn(self, reply: Reply, error: RunnerError | None) -> None:
        self._dated = (reply.headers.get("date", ""), self._clock.monotonic())
        if error is not None:
            self.limits.went_wrong(error, reply.status, reply.headers)
            raise error
        self.limits.went_well(reply.headers)
        self._budget.give()

    def _failure(self, error: Exception, request: Request) -> RunnerError:
        """Turn whatever broke on the way into ours, and learn from it."""
        limit_s = self.settings.timeouts.total_s
        late = Indeterminate(f"{request.name}: not finished within {limit_s:g} s")
        failure = late if isinstance(error, TimeoutError) else mapped(error, request.name)
        if not (isinstance(error, Broken) and error.fault is Fault.LATE):  # our lease ended: no fault of the platform
            self.limits.went_wrong(failure, None, {})
        return _passing(failure) if request.is_safe else failure

    def _sendable(self, request: Request) -> str:
        """Return the URL of a request whose texts can be bytes; what a single item spoils is refused, not in doubt."""
        try:
            if request.body is not None and not isinstance(request.body, bytes):
                _ = request.body.size  # the heads of a multipart body are written here
            return self._url(request)
        except (TypeError, ValueError) as error:
            raise Refused(f"{request.name}: cannot be sent: {type(error).__name__}: {error}") from error

    def _url(self, request: Request) -> str:
        url = origin.joined(self.settings.base_url, request.url, request.query)
        if self.settings.query and _origin(url) in self._own:
            given = {name for name, _ in parse_qsl(urlsplit(url).query, keep_blank_values=True)}
            url = origin.joined("", url, [pair for pair in self.settings.query if pair[0] not in given])
        return url

    async def _follow(self, request: Request, url: str, received: Received | None = None) -> tuple[Received, str]:
        """Send, and follow redirects of GET and HEAD; every hop gets only what its origin may see.

        Args:
            request: to be sent.
            url: where to.
            received: the first reply, when it was sent already.
        """
        for _ in range(HOPS + 1):
            received = received or await self._wire.open(await self._sent(request, url))
            location = received.headers.get("location")
            may = request.is_safe and request.method in ("GET", "HEAD")  # behind what pays nothing is sent any more
            if received.status not in _REDIRECTS or not may or not location:
                return received, url
            await received.close()
            received, url = None, origin.redirected(url, location)
        raise Refused(f"{request.name}: more than {HOPS} redirects")

    async def _sent(self, request: Request, url: str) -> Sent:
        if url.startswith(self._home):
            return self._sent_home(request, url)
        target = _origin(url)
        parts = urlsplit(url)
        headers = {"host": parts.netloc, **_USUAL}
        server_name = None
        if target in self._own:
            headers |= self._headers | checked(request.headers) | checked(request.own_headers)
        else:
            headers |= {"user-agent": AGENT} | checked(request.headers)
            address = await self._pinned(target)
            if address is not None:
                host = f"[{address}]" if ":" in address else address
                url = urlunsplit(parts._replace(netloc=f"{host}:{target.port}"))
                server_name = target.host
        _measure(request, headers)
        listed, timeouts = list(headers.items()), self.settings.timeouts
        return Sent(request.method, url, listed, request.body, timeouts, server_name, not_after=request.not_after)

    def _sent_home(self, request: Request, url: str, within_s: float | None = None) -> Sent:
        headers = self._home_headers | checked(request.headers)
        if request.own_headers:
            headers |= checked(request.own_headers)
        _measure(request, headers)
        return Sent(
            request.method,
            url,
            list(headers.items()),
            request.body,
            self.settings.timeouts,
            within_s=within_s,
            may_repeat=request.is_safe,
            not_after=request.not_after,
        )

    async def _pinned(self, target: origin.Origin) -> str | None:
        """Return the address to connect to at a foreign origin, looked up and checked once; None to leave it open."""
        if target.host in self._friends:
            return None
        ask = self.settings.resolve
        address = await origin.public_address(target, ask or _nowhere)
        if address is None and ask is not None:
            raise Unavailable(f"the host {target.host!r} cannot be resolved")
        return address if ask is not None else None

    async def _read(self, received: Received, url: str, request: Request) -> Reply:
        headers, status = received.headers, received.status
        most = request.max_bytes or self.settings.max_reply
        ready = received.ready()
        if ready is not None and len(ready) <= most and "content-encoding" not in headers:
            await received.close()
            return Reply(status, headers, ready, url)
        chunks = reading.decoded(received.raw(), headers.get("content-encoding", ""))
        try:
            body = await reading.bounded(chunks, most if status < 400 else min(most, _ERROR_BODY))
        except (*BROKEN, RunnerError) as error:
            if status >= 400 and not isinstance(error, TimeoutError):
                return Reply(status, headers, b"", url)  # the status alone says enough
            if request.is_safe or isinstance(error, TimeoutError):
                raise
            said = f"{request.name}: {error}" if isinstance(error, RunnerError) else self._failure(error, request).what
            raise Indeterminate(said, status=status) from error
        finally:
            await received.close()
        return Reply(status, headers, body, url)


async def _nowhere(host: str, port: int) -> Sequence[str]:
    return ()


def _passing(error: RunnerError) -> RunnerError:
    return Unavailable(error.what, mend=error.mend) if isinstance(error, Indeterminate) else error


def _measure(request: Request, headers: dict[str, str]) -> None:
    body = request.body
    if body is not None or request.method not in _NO_BODY:
        headers["content-length"] = str(len(body) if isinstance(body, bytes) else body.size if body else 0)


def _type(headers: Mapping[str, str]) -> str:
    return headers.get("content-type", "")


def _origin(url: str) -> origin.Origin:
    """Return where a request goes to; raises Refused when that is no place: nothing was sent."""
    try:
        return origin.origin_of(url)
    except ConfigError as error:
        raise Refused(error.what, mend=error.mend) from error
