"""What one connection may ask at one time: places, rate, common pauses, and the circuit that stops a dead run.

One object per connection, shared by all its callers; every request enters before it is sent and leaves afterwards
with what came of it.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from random import Random
from typing import Final

from runner.model.contracts import Clock
from runner.model.errors import Indeterminate, RunnerError, StopRun, Unavailable
from runner.transport import hints

FIRST_PAUSE_S: Final = 0.25
LAST_PAUSE_S: Final = 60.0


@dataclass(frozen=True, slots=True)
class Rules:
    """What is allowed and when to give up.

    Attributes:
        concurrency: requests under way at one time; halved when the platform is pressed, grown again slowly.
        per_second: mean rate; None for no limit.
        burst: how many may start at once when nothing was sent for a while.
        honour: families of headers to believe, a subset of `hints.ALL`.
        longest_pause_s: a platform that asks for more stops the run.
        failures: this many in a row, over at least `patience_s`, stop the run too.
    """

    concurrency: int = 32
    per_second: float | None = None
    burst: int = 1
    honour: frozenset[str] = hints.ALL
    longest_pause_s: float = 900.0
    failures: int = 20
    patience_s: float = 30.0


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
        self._failing_since = 0.0
        self._last: RunnerError | None = None
        # Retry-After beside success says when this very job is worth asking about, nothing about other requests.
        self._honoured_beside_success = rules.honour - {"retry-after"}

    @property
    def allowed(self) -> int:
        """How many requests may be under way now."""
        return max(1, int(self._allowed))

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
            StopRun: the platform asks for a longer pause than anybody should wait.
        """
        asked = hints.wait_s(headers, self._clock.now(), self._rules.honour)
        is_pressed = status == 429 or (isinstance(error, Unavailable) and status is not None and 400 <= status < 500)
        if is_pressed or asked is not None:
            self._failed = 0
            self._ease(asked)
            if isinstance(error, Unavailable):  # surely without effect: no other error may be hidden by this one
                self._refuse()
        elif isinstance(error, Unavailable | Indeterminate):
            if self._failed == 0:
                self._failing_since = self._clock.monotonic()
            self._failed += 1
            self._last = error
        else:
            self._failed = 0

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
        wait_s = self._until - self._clock.monotonic()
        if wait_s > self._rules.longest_pause_s:
            raise StopRun(
                f"the platform asks for a pause of {wait_s:,.0f} s",
                retry_after_s=wait_s,
                mend="nothing is lost: apply again when the pause is over",
            )
        if self._failed < self._rules.failures:
            return
        now, patience = self._clock.monotonic(), self._rules.patience_s
        lasted = now - self._failing_since
        if lasted >= 2 * patience:
            self._failing_since = now  # somebody who comes much later may try anew
        elif lasted >= patience:
            said, mend = (self._last.what, self._last.mend) if self._last is not None else ("", "")
            raise StopRun(
                f"the platform has failed {self._failed} times in a row, for {lasted:.0f} s" + (said and f": {said}"),
                mend=(mend and f"{mend}; ") + "nothing is lost: apply again when it is back",
            )

    async def _place(self) -> None:
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(waiter)
        try:
            await waiter
        except BaseException:
            if waiter.done() and not waiter.cancelled():
                self.leave()  # the place came together with the cancellation
            raise
