"""Ticks with a clock that only moves when told."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from zoneinfo import ZoneInfo

from runner.conformance.place import GivenClock
from runner.web.clockwork import LOOKED_EVERY_S, Clockwork
from runner.web.cron import Cron
from runner.web.metrics import Metrics
from runner.web.queue import Queue
from runner.web.triggers import Schedule

DAY = 86_400.0
NIGHTLY = Schedule("r 0 3 * * * UTC", "r", Cron("0 3 * * *", ZoneInfo("UTC")))


class World:
    """A queue, a clock, and a clockwork that can be started again."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.clock, self.woken = folder, GivenClock(), 0
        self.most = 10

    def run(self, *works: Callable[[Clockwork, Queue], Awaitable[None]]) -> list[str]:
        """Start the service once for each work; return the times of all orders."""
        for work in works:
            asyncio.run(self._once(work))
        return self.times

    async def _once(self, work: Callable[[Clockwork, Queue], Awaitable[None]]) -> None:
        queue = Queue(self.folder, self.clock, self.most)
        queue.open()
        await work(Clockwork([NIGHTLY], queue, self.clock, Metrics(), self._wake), queue)
        self.times = [entry.trigger["at"] for entry in reversed(queue.entries())]
        await queue.close()

    def _wake(self) -> None:
        self.woken += 1


async def look(clockwork: Clockwork, _: Queue) -> None:
    await clockwork.look()


def after(world: World, seconds: float) -> Callable[[Clockwork, Queue], Awaitable[None]]:
    async def moved(clockwork: Clockwork, queue: Queue) -> None:
        world.clock.pass_s(seconds)
        await clockwork.look()
        for entry in queue.unended():
            await queue.change(entry.id, ended_at=world.clock.now(), outcome="done")

    return moved


def test_a_new_schedule_starts_nothing_for_the_past(tmp_path: Path) -> None:
    assert World(tmp_path).run(look, look) == []


def test_one_order_at_each_time(tmp_path: Path) -> None:
    world = World(tmp_path)
    told = world.run(look, after(world, DAY), after(world, 60), after(world, DAY))
    assert told == ["2096-10-03T03:00:00+00:00", "2096-10-04T03:00:00+00:00"]
    assert world.woken == 2


def test_missed_times_give_one_order_on_start(tmp_path: Path) -> None:
    world = World(tmp_path)
    assert world.run(look, after(world, 30 * DAY), look) == ["2096-11-01T03:00:00+00:00"]


def test_an_order_that_still_waits_is_not_doubled(tmp_path: Path) -> None:
    world = World(tmp_path)

    async def days(clockwork: Clockwork, _: Queue) -> None:
        for _day in range(5):
            world.clock.pass_s(DAY)
            await clockwork.look()

    assert len(world.run(look, days)) == 1


def test_a_clock_that_was_wrong_for_a_while_does_not_silence_it(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.run(look, after(world, 3650 * DAY))
    world.clock.pass_s(-3650 * DAY)
    assert len(world.run(look, after(world, DAY))) == 2


def test_a_full_queue_is_asked_again_later(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.run(look)
    world.most = 0
    world.run(after(world, DAY))
    world.most = 1
    assert world.run(look) == ["2096-10-03T03:00:00+00:00"]


def test_it_sleeps_until_the_next_time_but_never_long(tmp_path: Path) -> None:
    world = World(tmp_path)

    async def asked(clockwork: Clockwork, _: Queue) -> None:
        assert clockwork.delay_s() == LOOKED_EVERY_S
        world.clock.pass_s(NIGHTLY.cron.next_after(world.clock.now()) - world.clock.now() - 5)
        assert clockwork.delay_s() == 5

    world.run(asked)
