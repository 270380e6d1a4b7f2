"""One connection at work: asks calls, logs in where a token must be fetched, turns replies into answers or errors."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final, TypeAlias

from runner.model.contracts import Clock
from runner.model.duration import as_seconds
from runner.model.errors import (
    AuthError,
    ConfigError,
    Indeterminate,
    RecipeError,
    Refused,
    RunnerError,
    StopRun,
    Unavailable,
    UnexpectedReply,
    UnreadableReply,
)
from runner.model.item import Json
from runner.model.job import NotAfter
from runner.model.redact import protect
from runner.model.secret import Secret
from runner.platforms.call import render
from runner.platforms.login import RefusedLogin
from runner.platforms.manifest import Manifest
from runner.platforms.step import Call
from runner.platforms.tree import Scope, Tree, revealed
from runner.platforms.verdict import CHECK_FIELDS, Answer
from runner.transport.client import Client, Stream
from runner.transport.headers import checked
from runner.transport.request import Reply, Request
from runner.transport.text import is_page

Judge: TypeAlias = Callable[[Answer], RunnerError | None]

_TOKEN_LIFETIME_S: Final = 300.0
"""How long a token is used when its reply does not say so in a known form."""
EARLY: Final = 0.1
"""A token is renewed when a tenth of its life is left."""


@dataclass(frozen=True, slots=True)
class Permit:
    """Permissions that a request was granted beforehand.

    Attributes:
        admitted: its place among the requests of the connection was taken.
        not_after: until when it may leave, because it pays.
    """

    admitted: bool = False
    not_after: NotAfter | None = None


NO_PERMIT: Final = Permit()


class Session:
    """What all connectors of one connection share."""

    def __init__(self, manifest: Manifest, fields: Mapping[str, Json], client: Client, clock: Clock) -> None:
        self.manifest, self.client, self.clock = manifest, client, clock
        self._fields = dict(fields)
        self._lock = asyncio.Lock()
        self._auth: Mapping[str, str] = {}
        self._renew_at = float("-inf")
        exchange = manifest.connection.exchange
        is_on = exchange is not None and (exchange.when is None or exchange.when.is_true(self.scope()))
        self._exchange = exchange if is_on else None
        self._login = RefusedLogin(self._check_login if manifest.connection.check is not None else None, clock)

    def __repr__(self) -> str:
        return f"Session({self.manifest.name!r})"

    def scope(self, **more: Json) -> Scope:
        """Return what every template may read, and more."""
        return {"connection": self._fields, "now": self.clock.now(), **more}

    async def ask(
        self,
        call: Call,
        scope: Scope,
        *,
        safe: bool | None = True,
        judge: Judge | None = None,
        permit: Permit = NO_PERMIT,
    ) -> Answer:
        """Send a call and return its answer; a refused token is renewed once.

        A 429 is waited out, unless the caller judges replies himself.

        Args:
            call: compiled.
            scope: what its templates read.
            safe: whether it may be repeated; None asks the method.
            judge: says what the answer means; default the manifest's error rules.
            permit: what it was granted before.

        Raises:
            RunnerError: what the reply means; `Refused` also when the request cannot be made.
        """
        renewed = False
        while True:
            request = await self._request(call, scope, safe=safe, patient=judge is None, admitted=permit.admitted)
            request = replace(request, not_after=permit.not_after) if permit.not_after is not None else request
            answers: list[Answer] = []

            def judged(reply: Reply, request: Request = request, answers: list[Answer] = answers) -> RunnerError | None:
                try:
                    answer = Answer(reply, call.read)
                except Unavailable as error:
                    is_own = self.client.is_own(request.url)
                    return _unreadable(request, reply, f"{request.name}: {error}", is_own=is_own)
                answers[:] = [answer]
                if call.ok(reply.status):
                    return None
                return judge(answer) if judge is not None else self.error(answer, request.name)

            try:
                await self.client.send(request, judged)
            except AuthError as error:
                if answers and not self.client.is_own(answers[0].reply.url):
                    raise _not_the_login(error) from error
                if not renewed and self._exchange is not None:
                    renewed, self._renew_at = True, float("-inf")
                    continue
                raise
            self._login.accept()
            return answers[0]

    @contextlib.asynccontextmanager
    async def stream(self, call: Call, scope: Scope, *, admitted: bool = False) -> AsyncIterator[Stream]:
        """Open a reply that is read as it comes; errors as `ask`."""
        request = await self._request(call, scope, safe=True, admitted=admitted)

        url = request.url

        def judged(reply: Reply) -> RunnerError | None:
            nonlocal url
            url = reply.url
            return self.error(Answer(reply, "none"), request.name)

        async with contextlib.AsyncExitStack() as stack:
            try:
                stream = await stack.enter_async_context(self.client.stream(request, judged))
            except AuthError as error:
                if self.client.is_own(url):
                    raise
                raise _not_the_login(error) from error
            self._login.accept()
            yield stream

    def error(self, answer: Answer, name: str) -> RunnerError | None:
        """Return our error for an answer by the manifest's rules, None for a good one."""
        return self.manifest.verdicts.error(answer, self.client, name)

    async def judge_refusal(self, error: AuthError, job: str | None = None) -> RunnerError:
        """Return the meaning of a refused request about one job: the login is refused, or only this request."""
        return error if error.status not in (401, 403) else await self._login.judge_refusal(error, job)

    def poll_after_s(self, answer: Answer) -> float | None:
        """Return when the platform wants to be asked again, within what a run may wait; None when it does not say."""
        asked_s = self.client.retry_after_s(answer.reply)
        return None if asked_s is None else min(asked_s, self.client.limits.max_pause_s)

    async def check(self) -> None:
        """Try the login by the manifest's cheap call.

        Raises:
            ConfigError: there is no such place: the address is wrong.
            AuthError, Unavailable: as the real work would.
        """
        call = self.manifest.connection.check
        if call is not None:
            try:
                await self.ask(call, self.scope())
            except Refused as error:
                if error.status is None:
                    raise
                raise ConfigError(error.what, mend=error.mend or "look at base_url of the connection") from error
        elif self._exchange is not None:
            await self._logged_in()

    async def _check_login(self) -> None:
        call = self.manifest.connection.check
        assert call is not None
        await self.ask(call, self.scope(), permit=Permit(admitted=True))  # the caller may hold the last slot

    async def _request(
        self, call: Call, scope: Scope, *, safe: bool | None, patient: bool = True, admitted: bool = False
    ) -> Request:
        request = await render(call, scope, self.client, safe=safe, patient=patient, admitted=admitted)
        if self._exchange is None:
            return request
        headers = {**await self._logged_in(), **request.own_headers}
        return replace(request, own_headers=headers)

    async def _logged_in(self) -> Mapping[str, str]:
        """Return the headers of a living token; many callers at once fetch one."""
        if self.clock.monotonic() >= self._renew_at:
            async with self._lock:
                if self.clock.monotonic() >= self._renew_at:
                    await self._log_in()
        return self._auth

    async def _log_in(self) -> None:
        exchange = self._exchange
        assert exchange is not None
        scope = self.scope()
        try:
            # It needs no place of its own: the request that waits for it may have taken the last one.
            request = await render(exchange.call, scope, self.client, safe=True, admitted=True)
            reply = await self.client.send(request, lambda reply: self._login_error(reply, request.name))
        except Refused as error:  # of the connection, not of an item whose request waits for it
            raise AuthError(error.what, mend=error.mend) from error
        answer = Answer(reply)
        with reading("the login"):
            token = exchange.token({**scope, **answer.scope()})
            lifetime = _lifetime(exchange.lifetime, {**scope, **answer.scope()})
        if not isinstance(token, str) or not token:
            raise AuthError(f"{self.manifest.title} gave no token", mend="check the connection's fields")
        headers = revealed(exchange.headers({**scope, "auth": {"token": protect(Secret(token))}}), is_home=True)
        self._auth = checked({name: str(value) for name, value in headers.items() if value is not None}, ConfigError)
        self._renew_at = self.clock.monotonic() + lifetime * (1 - EARLY)

    def _login_error(self, reply: Reply, name: str) -> RunnerError | None:
        """A refused login is a matter of the connection, whatever its status."""
        error = self.error(Answer(reply, "text" if reply.is_ok else "json"), name)
        if error is None or isinstance(error, Unavailable):
            return error
        return AuthError(error.what, mend=error.mend or CHECK_FIELDS)


def _not_the_login(error: AuthError) -> Refused:
    """Return the error for a 401 or 403 from a host that never got credentials."""
    return Refused(f"{error.what} (a host that is not the connection's own)", status=error.status)


def not_the_api(what: str, status: int) -> StopRun:
    """Return the error for an HTML page in place of data."""
    return StopRun(
        f"{what} (status {status}): what answers at this address is not the platform's API",
        status=status,
        mend="check base_url of the connection, and whether a sign-in page or a proxy answers in its place",
    )


def _unreadable(request: Request, reply: Reply, what: str, *, is_own: bool) -> RunnerError:
    """Return the error for a 2xx that is not JSON: a page of something else, a body that was cut, a misfit."""
    if is_own and is_page(reply.body, reply.headers.get("content-type", "")):
        stop = not_the_api(what, reply.status)
        return stop if request.is_safe else UnexpectedReply(stop.what, status=reply.status, stop=stop, mend=stop.mend)
    if request.is_safe:
        return UnreadableReply(what, status=reply.status)
    kind = Indeterminate if _is_cut(reply.body) else UnexpectedReply
    return kind(what, status=reply.status)


def _is_cut(body: bytes) -> bool:
    """Whether a body that is not JSON begins as JSON, and its end is missing."""
    text = body.strip()
    return text[:1] in (b"{", b"[") and text[-1:] != {b"{": b"}", b"[": b"]"}[text[:1]]


@contextlib.contextmanager
def reading(what: str) -> Iterator[None]:
    """Turn a template error about a reply into `UnreadableReply`: the platform answered something unexpected."""
    try:
        yield
    except RecipeError as error:
        raise UnreadableReply(
            f"the reply to {what} is not as the manifest expects: {error.problems[0].what}"
        ) from error


def _lifetime(tree: Tree | None, scope: Scope) -> float:
    value = None if tree is None else tree(scope)
    if isinstance(value, str) and value.replace(".", "", 1).isdigit():
        value = float(value)
    try:
        return as_seconds(value, _TOKEN_LIFETIME_S)
    except ValueError:  # the reply's own words; a token renewed early costs one request
        return _TOKEN_LIFETIME_S
