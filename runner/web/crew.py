"""Takes entries out of the queue and performs them: some at one time, one of each recipe, oldest first."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from runner.assembly.session import Session
from runner.model.errors import LedgerError
from runner.model.item import Json
from runner.web.entry import Entry
from runner.web.metrics import Metrics
from runner.web.performance import Load, Performance, Result
from runner.web.queue import Queue
from runner.web.runlog import RunLogs

LEFT_WITHIN_S: Final = 8.0
"""A service that was asked to end must be gone within ten seconds; what has not stopped by then is cut off."""


@dataclass(frozen=True, slots=True)
class Manners:
    """How a crew works.

    Attributes:
        at_once: most runs that are performed at one time.
        say: is given one line for people when a run begins and when it ends.
        rest_s: how long nothing is started after the queue could not be written.
    """

    at_once: int = 4
    say: Callable[[str], None] = lambda text: None
    rest_s: float = 30.0


class Crew:
    """Performs runs until it is told to leave."""

    def __init__(
        self, session: Session, queue: Queue, logs: RunLogs, metrics: Metrics, load: Load, manners: Manners
    ) -> None:
        """Build it.

        Args:
            session: of the project; every run gets a branch of it.
            queue: of the service.
            logs: of its runs.
            metrics: counts what ends.
            load: loads the recipes with the values of a trigger.
            manners: how it works.
        """
        self.fault = ""
        self._session, self._queue, self._logs, self._metrics = session, queue, logs, metrics
        self._load = load
        self._manners = manners
        self._active: dict[str, Performance] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._is_leaving = False

    def wake(self) -> None:
        """Start what may start."""
        for entry in self._startable():
            self._active[entry.id] = Performance(entry, self._session, self._logs.get(entry.id, is_over=False))
            task = asyncio.create_task(self._perform(self._active[entry.id]))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def cancel(self, entry: Entry) -> None:
        """End a run for good; one that has not begun never will.

        Raises:
            LedgerError: it cannot be written down.
        """
        if (active := self._active.get(entry.id)) is not None:
            active.cancel()
            return
        await self._end(entry, Result("cancelled", "cancelled by a person"))

    async def leave(self) -> None:
        """Interrupt every run; on return all have stopped, and the queue says which go on later."""
        self._is_leaving = True
        active = list(self._active.values())
        marks = [self._queue.change(one.entry.id, interrupted=True) for one in active if not one.is_cancelled]
        await asyncio.gather(*marks, return_exceptions=True)
        for one in active:
            one.interrupt()
        if not self._tasks:
            return
        _, late = await asyncio.wait(self._tasks, timeout=LEFT_WITHIN_S)
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)

    def _startable(self) -> Sequence[Entry]:
        if self._is_leaving or self.fault or len(self._active) >= self._manners.at_once:
            return []
        found: list[Entry] = []
        busy = {one.entry.recipe for one in self._active.values()}
        for entry in self._queue.unended():
            if len(self._active) + len(found) >= self._manners.at_once:
                break
            if entry.recipe not in busy:
                busy.add(entry.recipe)
                found.append(entry)
        return found

    async def _perform(self, one: Performance) -> None:
        entry = one.entry
        try:
            if self._is_leaving:
                return
            await self._queue.change(entry.id, started_at=self._session.clock.now(), interrupted=False)
            self._manners.say(f"{entry.recipe} {entry.id} begins, started by {entry.kind}")
            result = await self._result(one)
            if result.outcome != "interrupted":
                await self._end(entry, result)
            ending = f": {result.error}" if result.error else ""
            self._manners.say(f"{entry.recipe} {entry.id} {result.outcome}{ending}")
        except LedgerError as error:
            self._rest(str(error))
        finally:
            del self._active[entry.id]
            self.wake()

    def _rest(self, fault: str) -> None:
        """Start nothing for a while: what cannot be written down as started would be started again and again."""
        self.fault = fault
        asyncio.get_running_loop().call_later(self._manners.rest_s, self._go_on)

    def _go_on(self) -> None:
        self.fault = ""
        self.wake()

    async def _result(self, one: Performance) -> Result:
        try:
            return await one.run(self._load)
        except Exception as error:  # noqa: BLE001 - the edge of a run: its trouble must not end the others
            return Result("error", f"{type(error).__name__}: {error}")

    async def _end(self, entry: Entry, result: Result) -> None:
        now = self._session.clock.now()
        facts: dict[str, Json] = {"outcome": result.outcome, "error": result.error, "items": result.items}
        await self._queue.change(entry.id, ended_at=now, interrupted=False, **facts)
        self._metrics.count("runner_runs_ended_total", recipe=entry.recipe, outcome=result.outcome)
        self._logs.end(entry.id)
