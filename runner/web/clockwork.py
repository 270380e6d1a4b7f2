"""Orders runs by the clock: at each time of a schedule one, for any number of missed times one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from runner.model.contracts import Clock
from runner.model.errors import LedgerError
from runner.web.entry import Order
from runner.web.metrics import Metrics
from runner.web.queue import Queue, QueueFull
from runner.web.triggers import Schedule

LOOKED_EVERY_S: Final = 30.0
"""The longest sleep: a machine that was asleep, or whose clock was set, is late by no more."""

TURNED_BACK_S: Final = 3600.0


class Clockwork:
    """The schedules of all recipes."""

    def __init__(
        self, schedules: Sequence[Schedule], queue: Queue, clock: Clock, metrics: Metrics, wake: Callable[[], None]
    ) -> None:
        self._schedules = schedules
        self._queue = queue
        self._clock = clock
        self._metrics = metrics
        self._wake = wake

    async def run(self) -> None:
        """Look at the clock until cancelled."""
        while True:
            await self.look()
            await self._clock.sleep(self.delay_s())

    async def look(self) -> None:
        """Order a run of every schedule that has a time between the last look and now."""
        for schedule in self._schedules:
            now = self._clock.now()
            last = self._queue.last_tick(schedule.key)
            try:
                if last is None or last > now + TURNED_BACK_S:
                    await self._queue.tick(schedule.key, now)
                elif (due := schedule.cron.last_until(now)) > last:
                    await self._order(schedule, due)
            except (QueueFull, LedgerError):
                self._metrics.count("runner_orders_total", trigger="schedule", result="refused")

    def delay_s(self) -> float:
        """Return how long to sleep until the next look."""
        now = self._clock.now()
        nexts = [schedule.cron.next_after(now) - now for schedule in self._schedules]
        return max(0.0, min([LOOKED_EVERY_S, *nexts]))

    async def _order(self, schedule: Schedule, due: float) -> None:
        trigger = {"at": schedule.cron.text(due)}
        _, is_new = await self._queue.accept(Order(schedule.recipe, "schedule", f"schedule {schedule.key}", trigger))
        await self._queue.tick(schedule.key, due)
        self._metrics.count("runner_orders_total", trigger="schedule", result="started" if is_new else "known")
        if is_new:
            self._wake()
