"""An event loop that skips the time in which nothing happens: hours of waiting for jobs pass in seconds of work.

What the process really does costs the time that it really takes; only when no callback is ready, no socket has
anything to say and nobody works in a thread, the clock goes on at once to the next timer. So a long run is as it would
be, without the waiting.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import contextmanager
from functools import wraps
from inspect import iscoroutinefunction
from typing import Any, TypeVar

T = TypeVar("T")


class Skipping(selectors.DefaultSelector):
    """Waits only for what is really under way.

    Attributes:
        skipped_s: how much time was skipped.
        at_work: pieces of work in threads, whose end is to be waited for.
    """

    def __init__(self) -> None:
        super().__init__()
        self.skipped_s = 0.0
        self.at_work = 0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if ready or timeout == 0:
            return ready
        if timeout is None or self.at_work:
            return super().select(timeout)
        self.skipped_s += timeout
        return []

    @contextmanager
    def working(self):
        self.at_work += 1
        try:
            yield
        finally:
            self.at_work -= 1


class SkippingLoop(asyncio.SelectorEventLoop):
    """The standard loop with that clock."""

    def __init__(self) -> None:
        self.skipping = Skipping()
        super().__init__(self.skipping)

    def time(self) -> float:
        return super().time() + self.skipping.skipped_s


class LoopClock:
    """The time of a loop; implements `runner.model.contracts.Clock`."""

    def __init__(self, loop: SkippingLoop, start: float = 1_000_000_000.0) -> None:
        self._loop = loop
        self._start = start - loop.time()

    def now(self) -> float:
        return self._start + self._loop.time()

    def monotonic(self) -> float:
        return self._loop.time()

    async def sleep(self, delay_s: float) -> None:
        await asyncio.sleep(delay_s)


class Watched:
    """A ledger (or anything that works in a thread), whose coroutines are waited for as work."""

    def __init__(self, inner: object, skipping: Skipping) -> None:
        self._inner = inner
        self._skipping = skipping

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._inner, name)
        return self._waited(found) if iscoroutinefunction(found) else found

    def _waited(self, verb: Callable[..., Awaitable[T]]) -> Callable[..., Awaitable[T]]:
        @wraps(verb)
        async def waited(*given: Any, **named: Any) -> T:
            with self._skipping.working():
                return await verb(*given, **named)

        return waited


def run(work: Callable[[SkippingLoop], Coroutine[Any, Any, T]]) -> T:
    """Run a coroutine that is given its loop."""
    with asyncio.Runner(loop_factory=SkippingLoop) as runner:
        loop = runner.get_loop()
        assert isinstance(loop, SkippingLoop)
        return runner.run(work(loop))
