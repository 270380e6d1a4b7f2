"""What one connection may ask at one time: places, rate, common pauses, and the circuit that stops a dead run.

One object per connection, shared by all its callers; every request enters before it is sent and leaves afterwards
with what came of it.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from random import Random
from typing import Final

from runner.model.contracts import Clock
from runner.model.errors import Indeterminate, PauseTooLong, RunnerError, StopRun, Unavailable
from runner.transport import hints

FIRST_PAUSE_S: Final = 0.25
LAST_PAUSE_S: Final = 60.0
MAX_PAUSE_S: Final = 900.0


@dataclass(frozen=True, slots=True)
class Rules:
    """What is allowed and when to give up.

    Attributes:
        concurrency: requests under way at one time; halved when the platform is pressed, grown again slowly.
        concurrency_from: who says so.
        per_second: mean rate; None for no limit.
        burst: how many may start at once when nothing was sent for a while.
        honour: families of headers to believe, a subset of `hints.ALL`.
        longest_pause_s: a platform that asks for more, or only asks to wait for so long, ends the run; None leaves it
            to `bound_pause`.
        failures: this many connection errors and 5xx and nothing else, over at least `patience_s`, stop the run too.
    """

    concurrency: int = 32
    concurrency_from: str = "the default of limits.concurrency of a connection"
    per_second: float | None = None
    burst: int = 1
    honour: frozenset[str] = hints.ALL
    longest_pause_s: float | None = None
    failures: int = 3
    patience_s: float = 60.0


class Bucket:
    """A token bucket kept as one number: when the next token is due (the generic cell rate algorithm)."""

    __slots__ = ("_due", "_slack", "_step")

    def __init__(self, per_second: float, burst: int) -> None:
        self._step = 1.0 / per_second
        self._slack = self._step * (max(1, burst) - 1)
        self._due = float("-inf")

    def take(self, now: float) -> float:
        """Take the next token and return how many seconds to wait for it."""
        due = max(self._due, now - self._slack)
        self._due = due + self._step
        return max(0.0, due - now)


class Limits:
    """Lets requests through, one connection's worth."""

    def __init__(self, rules: Rules, clock: Clock, rng: Random) -> None:
        self._rules, self._clock, self._rng = rules, clock, rng
        self._bucket = Bucket(rules.per_second, rules.burst) if rules.per_second else None
        self._allowed = float(rules.concurrency)
        self._busy = 0
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._until = self._eased = float("-inf")
        self._pressed = 0
        self._failed = 0
        self._failing_since = self._failed_at = 0.0
        self._busy_since: float | None = None
        self._max_pause_s: float | None = None
        self._last: RunnerError | None = None
        # Retry-After beside success says when this very job is worth asking about, nothing about other requests.
        self._honoured_beside_success = rules.honour - {"retry-after"}

    @property
    def allowed(self) -> int:
        """How many requests may be under way now."""
        return max(1, int(self._allowed))

    @property
    def places(self) -> tuple[int, str]:
        """Concurrency limit without back pressure, and the setting that it comes from."""
        return self._rules.concurrency, self._rules.concurrency_from

    @property
    def max_pause_s(self) -> float:
        """How long the platform may ask to wait before the run ends."""
        known = [bound for bound in (self._rules.longest_pause_s, self._max_pause_s) if bound is not None]
        return min(known) if known else MAX_PAUSE_S

    def bound_pause(self, max_pause_s: float) -> None:
        """End the run when the platform asks to wait for longer; of several recipes the shortest bound counts."""
        self._max_pause_s = max_pause_s if self._max_pause_s is None else min(self._max_pause_s, max_pause_s)

    def entered(self) -> bool:
        """Take a place if nothing stands in the way now; else `enter` must be awaited."""
        if self._failed or self._bucket is not None or self._busy + 1 > self._allowed:
            return False
        if self._until > self._clock.monotonic():
            return False
        self._busy += 1
        return True

    async def enter(self) -> None:
        """Wait for a place, for the rate and for the end of a common pause.

        Raises:
            StopRun: the platform has been failing for too long.
        """
        self._refuse()
        if self._busy >= self.allowed:
            await self._place()
        else:
            self._busy += 1
        try:
            if self._bucket is not None and (wait := self._bucket.take(self._clock.monotonic())) > 0:
                await self._clock.sleep(wait)
            while (wait := self._until - self._clock.monotonic()) > 0:
                self._refuse()
                # Not all at once when the pause is over.
                await self._clock.sleep(wait + self._rng.uniform(0.0, min(1.0, wait / 10)))
                self._refuse()
        except BaseException:
            self.leave()
            raise

    def leave(self) -> None:
        """Give the place back."""
        self._busy -= 1
        while self._waiting and self._busy < self.allowed:
            waiter = self._waiting.popleft()
            if not waiter.done():
                self._busy += 1
                waiter.set_result(None)

    def went_well(self, headers: Mapping[str, str]) -> None:
        """Learn from a reply that was no failure; a used-up quota in its headers makes everybody wait."""
        self._failed = self._pressed = 0
        self._busy_since = None
        if self._allowed < self._rules.concurrency:
            self._allowed = min(self._rules.concurrency, self._allowed + 1 / self._allowed)
        wait = hints.wait_s(headers, self._clock.now(), self._honoured_beside_success)
        if wait:
            self._pause(wait)

    def went_wrong(self, error: RunnerError, status: int | None, headers: Mapping[str, str]) -> None:
        """Learn from a failure: press less when asked to, count what looks like a dead platform.

        Args:
            error: what it means.
            status: of the reply, None when there was none.
            headers: of the reply.

        Raises:
            StopRun: the platform asks for a longer pause than allowed, or fails for too long.
        """
        asked = hints.wait_s(headers, self._clock.now(), self._rules.honour)
        is_busy = _is_busy(error, status)
        if is_busy:
            self._failed, self._last = 0, error
            if self._busy_since is None:
                self._busy_since = self._clock.monotonic()
        elif isinstance(error, Unavailable | Indeterminate):
            self._count_failure(error)
        else:
            self._failed, self._busy_since = 0, None
        if is_busy or asked is not None:
            self._ease(asked)
            if isinstance(error, Unavailable):  # certainly without effect: no other error may be hidden by this one
                self._refuse()

    def _count_failure(self, error: RunnerError) -> None:
        """Count failures that look like a dead platform, regardless of the pause it asks for."""
        now = self._clock.monotonic()
        if self._failed == 0:
            self._failing_since = now
        self._failed += 1
        self._failed_at, self._last = now, error

    def _ease(self, asked_s: float | None) -> None:
        now = self._clock.monotonic()
        if now >= self._eased:  # one step per wave of refusals, not one per refused request
            self._allowed = max(1.0, self._allowed / 2)
            self._pressed += 1
            self._eased = now + FIRST_PAUSE_S
        grown = min(LAST_PAUSE_S, FIRST_PAUSE_S * 2.0 ** min(self._pressed - 1, 30))
        self._pause(asked_s if asked_s is not None else grown * self._rng.uniform(0.5, 1.0))

    def _pause(self, wait_s: float) -> None:
        self._until = max(self._until, self._clock.monotonic() + wait_s)

    def _refuse(self) -> None:
        now = self._clock.monotonic()
        wait_s, busy_s = self._until - now, 0.0 if self._busy_since is None else now - self._busy_since
        if wait_s > self.max_pause_s:
            raise self._pause_too_long(f"the platform asks for a pause of {wait_s:,.0f} s", wait_s)
        if busy_s > self.max_pause_s:
            self._busy_since = now  # an apply that comes later may try again
            what = f"the platform has only asked to wait for {busy_s:,.0f} s"
            raise self._pause_too_long(what, max(wait_s, LAST_PAUSE_S))
        if self._failed < self._rules.failures:
            return
        if now - self._failed_at >= 2 * self._rules.patience_s:
            self._failing_since = now  # an apply that comes much later may try again
        elif now - self._failing_since >= self._rules.patience_s:
            mend = self._last.mend if self._last is not None else ""
            raise StopRun(
                f"the platform has failed {self._failed} times in a row, for {now - self._failing_since:.0f} s"
                + self._said(),
                mend=(mend and f"{mend}; ") + "nothing is lost: apply again when it is back",
            )

    def _pause_too_long(self, what: str, wait_s: float) -> PauseTooLong:
        until = self._clock.now() + wait_s
        return PauseTooLong(
            f"{what}, longer than run.max_pause ({self.max_pause_s:,.0f} s){self._said()}",
            until=until,
            retry_after_s=wait_s,
            mend=f"nothing is lost: apply again after {as_utc(until)}",
        )

    def _said(self) -> str:
        return f": {self._last.what}" if self._last is not None and self._last.what else ""

    async def _place(self) -> None:
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(waiter)
        try:
            await waiter
        except BaseException:
            if waiter.done() and not waiter.cancelled():
                self.leave()  # the place came together with the cancellation
            raise


def _is_busy(error: RunnerError, status: int | None) -> bool:
    """Whether the platform works and only asks to wait: 429, a rule of the manifest, another retryable 4xx."""
    if not isinstance(error, Unavailable) or isinstance(error, StopRun):
        return status == 429
    return status == 429 or error.is_busy or (status is not None and 400 <= status < 500)


def as_utc(epoch_s: float) -> str:
    """Format a time for a message."""
    try:
        return datetime.fromtimestamp(epoch_s, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    except (ValueError, OverflowError, OSError):
        return "the year 9999"
