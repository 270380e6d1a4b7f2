"""Whether a 401 or 403 refuses the login of the connection, or only what was asked for."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Concatenate, Final, ParamSpec, Protocol, TypeVar

from runner.model.contracts import Clock
from runner.model.errors import AuthError, Refused, RunnerError, Unavailable
from runner.model.job import Job
from runner.platforms.verdict import CHECK_FIELDS

Given = ParamSpec("Given")
Value = TypeVar("Value")
Target = TypeVar("Target", bound="_Target")

CHECK_EVERY_S: Final = 10.0
MOST_REFUSALS: Final = 3
"""Refusals in a row, since the last accepted request, that mean a refused login when there is no `check`; repeated ones
of one job count once."""


class RefusedLogin:
    """Classify refusals by the connection's `check`, sent at most once in `CHECK_EVERY_S`, or by their number."""

    def __init__(self, check: Callable[[], Awaitable[None]] | None, clock: Clock) -> None:
        """Build it; nothing is sent.

        Args:
            check: tries the login, and raises AuthError when it is refused; None when the manifest has no `check`.
            clock: the time.
        """
        self._check, self._clock = check, clock
        self._lock = asyncio.Lock()
        self._checked_at = float("-inf")
        self._verdict: RunnerError | None = None
        self._refused: set[object] = set()

    def accept(self) -> None:
        """Note that a request was accepted."""
        self._refused.clear()

    async def judge_refusal(self, error: AuthError, job: str | None = None) -> RunnerError:
        """Return what a refusal means.

        Args:
            error: says what was refused.
            job: key of the job that was asked about; None when it is another request each time.

        Returns:
            AuthError: the login is refused: stop the run. Refused: only this request is. Unavailable: the login cannot
            be checked now, and nothing was done.
        """
        if self._check is None:
            self._refused.add(job or object())
            return error if len(self._refused) >= MOST_REFUSALS else Refused(error.what, status=error.status)
        async with self._lock:
            if self._clock.monotonic() - self._checked_at >= CHECK_EVERY_S:
                self._verdict = await self._ask(self._check)
                self._checked_at = self._clock.monotonic()
        if self._verdict is None:
            hint = f"; {error.mend}" if error.mend and error.mend != CHECK_FIELDS else ""
            return Refused(f"{error.what} (the login itself is accepted{hint})", status=error.status)
        if isinstance(self._verdict, AuthError):
            return error
        return Unavailable(f"{error.what}; and the login cannot be checked: {self._verdict.what}", mend=error.mend)

    @staticmethod
    async def _ask(check: Callable[[], Awaitable[None]]) -> RunnerError | None:
        try:
            await check()
        except RunnerError as error:
            return error
        return None


class _Target(Protocol):
    @property
    def _session(self) -> _Judge: ...


class _Judge(Protocol):
    async def judge_refusal(self, error: AuthError, job: str | None = None) -> RunnerError: ...


def judges_refusals(
    verb: Callable[Concatenate[Target, Given], Awaitable[Value]],
) -> Callable[Concatenate[Target, Given], Coroutine[Any, Any, Value]]:
    """Decorate a method about one job: a 401 or 403 becomes AuthError, or Refused for this request only."""

    async def judged(self: Target, /, *args: Given.args, **named: Given.kwargs) -> Value:
        try:
            return await verb(self, *args, **named)
        except AuthError as error:
            job = next((one.key for one in args if isinstance(one, Job)), None)
            raise await self._session.judge_refusal(error, job) from error

    functools.update_wrapper(judged, verb)
    return judged
