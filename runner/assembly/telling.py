"""Tells the notifiers of a recipe how its run goes; `Notifier` in runner/model/contracts.py has the table of events.

A notifier that fails, or takes too long, is noted; it never changes the run. Events go out one after the other beside
the work; of several `progress` that wait only the newest is told.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Final

from runner.assembly.session import Session
from runner.engine.progress import Progress
from runner.engine.run import StageReport
from runner.model.contracts import Clock, Notifier
from runner.model.item import Json
from runner.model.recipe import Recipe
from runner.model.redact import REDACTOR

TOLD_WITHIN_S: Final = 30.0
SETTLED_WITHIN_S: Final = 60.0
STOPPED_WITHIN_S: Final = 1.5
"""A process that was asked to end must be gone within ten seconds, whoever is slow to listen."""

PAUSES: Final = ("interrupted", "pending")
"""Outcomes after which the run is not over: the next apply goes on with it."""

_GRAVITY: Final = ("stopped", "interrupted", "pending", "check_failed", "held", "budget", "failed_items", "done")
_STARTS: Final = ("job_accepted", "job_adopted", "progress")


class Teller:
    """What is told of one run; `async with` it, then `begin`, and `finish` at its end.

    Attributes:
        outcome, error: the gravest of the stages so far, and why.
        items: status to number, over all stages.
    """

    def __init__(
        self,
        recipe: Recipe,
        notifiers: Sequence[Notifier],
        clock: Clock,
        also: Callable[[Mapping[str, Json]], None] | None = None,
    ) -> None:
        """Build it.

        Args:
            recipe: of the run.
            notifiers: are told what happens to the run, not to each job.
            clock: the time.
            also: is given every event at once, those of single jobs and log lines too.
        """
        self.outcome = "done"
        self.error = ""
        self._recipe = recipe
        self._notifiers = notifiers
        self._clock = clock
        self._also = also
        self._metadata: dict[str, Json] = {}
        self.items: dict[str, int] = {}
        self._progress: Progress | None = None
        self._jobs_run = False
        self._told: tuple[str, float | None, Mapping[str, Json]] | None = None
        self._waiting: deque[Mapping[str, Json]] = deque()
        self._more = asyncio.Event()
        self._settled = asyncio.Event()
        self._settled.set()
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Teller:
        self._task = asyncio.create_task(self._deliver())
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    def begin(self) -> None:
        """Tell that the run begins: nothing has been read yet."""
        self.tell("run_started")

    def anew(self) -> None:
        """Forget how earlier applies of the same run ended."""
        self.outcome, self.error, self.items = "done", "", {}

    def read(self, items: int, work: int) -> None:
        """Tell that the source was read: `items` are selected, `work` of them will be submitted."""
        self.tell("source_read", items=items, work=work)

    def watch(self, stage: str, progress: Progress) -> None:
        """Follow one stage from now on; who watched it before still does."""
        before, self._progress = progress.watch, progress

        def seen(event: Mapping[str, Json]) -> None:
            if before is not None:
                before(event)
            self._see(event)

        progress.watch = seen
        self.tell("stage_started", stage=stage)

    def stage_ended(self, stage: str, report: StageReport | None, why: str) -> None:
        """Take what came of a stage; without a report it did not begin, and `why` says so."""
        outcome = "skipped" if report is None else report.outcome
        error = why if report is None else _error(report)
        if report is not None and _gravity(outcome) <= _gravity(self.outcome):
            self.outcome, self.error = outcome, error or self.error
        for status, number in {} if report is None else report.counts.items():
            self.items[status] = self.items.get(status, 0) + number
        self.tell("stage_ended", stage=stage, outcome=outcome, error=error)

    async def finish(self, outcome: str = "", error: str = "") -> None:
        """Tell that the run is over, or that it pauses, and wait until that was told.

        Args:
            outcome: of the run; empty takes the gravest of its stages.
            error: with a given outcome, why.
        """
        if outcome:
            self.outcome, self.error = outcome, error
        event = "run_paused" if self.outcome in PAUSES else "run_ended"
        self.tell(event, outcome=self.outcome, error=self.error, items=dict(self.items))
        await self.settle(STOPPED_WITHIN_S if self.outcome == "interrupted" else SETTLED_WITHIN_S)

    def tell(self, event: str, **facts: Json) -> None:
        """Tell one event of the run."""
        told = {"event": event, "at": self._clock.now(), "recipe": self._recipe.name, "error": ""}
        told |= {"metadata": dict(self._metadata), **facts}
        told = REDACTOR.value(told)
        if self._also is not None:
            self._also(told)
        if not self._notifiers:
            return
        if event == "progress" and self._waiting and self._waiting[-1]["event"] == "progress":
            self._waiting.pop()
        self._waiting.append(told)
        self._settled.clear()
        self._more.set()

    async def settle(self, within_s: float) -> None:
        """Wait until everything was told, but not for ever."""
        with suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                await self._settled.wait()

    def _see(self, event: Mapping[str, Json]) -> None:
        name = event["event"]
        if name in _STARTS and not self._jobs_run:
            self._jobs_run = True
            self.tell("jobs_running")
        if name == "progress":
            self._metadata.update(event["metadata"])
            told = (event["job"], event["progress"], dict(self._metadata))
            if told != self._told:
                self._told = told
                self.tell("progress", progress=event["progress"], job=event["job"])
        elif self._also is not None:
            self._also(REDACTOR.value(event))

    async def _deliver(self) -> None:
        while True:
            await self._more.wait()
            while self._waiting:
                event = self._waiting.popleft()
                for notifier in self._notifiers:
                    await self._one(notifier, event)
            self._more.clear()
            self._settled.set()

    async def _one(self, notifier: Notifier, event: Mapping[str, Json]) -> None:
        try:
            async with asyncio.timeout(TOLD_WITHIN_S):
                await notifier.tell(event)
        except TimeoutError:
            self._note(event, f"no answer within {TOLD_WITHIN_S:g} s")
        except Exception as error:  # noqa: BLE001 - whatever a notifier does, the run goes on
            self._note(event, str(error) or type(error).__name__)

    def _note(self, event: Mapping[str, Json], why: str) -> None:
        if self._progress is not None:
            self._progress.note(f"a notifier could not be told {event['event']}: {why}")
        if self._also is not None:
            self._also({"event": "notifier_failed", "at": self._clock.now(), "of": event["event"], "why": why})


@asynccontextmanager
async def telling(session: Session, recipe: Recipe, given: Teller | None) -> AsyncIterator[Teller]:
    """Give the teller of an apply: the caller's, who tells begin and end himself, or one of its own, which has begun.

    Raises:
        ConfigError: a notifier cannot be built.
    """
    if given is not None:
        yield given
        return
    async with Teller(recipe, await session.notifiers(recipe), session.clock) as teller:
        teller.begin()
        try:
            yield teller
        except Exception as error:
            await teller.finish("error", str(error))
            raise


def _gravity(outcome: str) -> int:
    return _GRAVITY.index(outcome) if outcome in _GRAVITY else 0


def _error(report: StageReport) -> str:
    """Return the last thing that went wrong, empty when nothing did."""
    if report.error is not None:
        return str(report.error)
    texts = [error for _, error in report.progress.failures[-1:]]
    if report.published is not None and not report.published.passed:
        texts += [one.what for one in report.published.verdicts if not one.passed and one.severity == "error"]
    if texts:
        return "; ".join(texts)
    counts = {name: number for name in ("held", "failed") if (number := report.counts.get(name))}
    return ", ".join(
        f"{number} items {'are held' if name == 'held' else 'have failed'}" for name, number in counts.items()
    )
