"""One run: load its recipe with what triggered it, apply until it is over, and tell everybody how it ended."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from runner.assembly.cancelling import cancel_recipe
from runner.assembly.freezing import refuse_when_frozen
from runner.assembly.halting import end_local_jobs, with_another_try
from runner.assembly.loading import Loaded
from runner.assembly.run import Applied, Wishes, apply_recipe
from runner.assembly.session import Session
from runner.assembly.telling import PAUSES, Teller
from runner.engine.stop import Reason, Stop
from runner.model.errors import AuthError, LeaseHeld, LedgerError, RecipeError, RunnerError, Unavailable
from runner.model.item import Json
from runner.model.problem import Severity
from runner.model.project import Project
from runner.model.recipe import Recipe
from runner.web.entry import Entry
from runner.web.runlog import RunLog

AGAIN_S: Final = (10.0, 60.0, 300.0, 900.0)
"""Waits before a run is applied once more whose platform was down, or whose jobs could not be asked."""

LOCKED_S: Final = 10.0
GROUNDED_WITHIN_S: Final = 6.0
"""How long an apply may take to stop; then it is cut off, which the ledger survives."""

CANCELLED_WITHIN_S: Final = 120.0
"""How long the ends of cancelled jobs are waited for."""

_GOES_ON: Final = ("pending", "stopped")

Load = Callable[[Mapping[str, Json]], Awaitable[Loaded]]


@dataclass(frozen=True, slots=True)
class Result:
    """How a run ended: outcome and error as the event run_ended has them."""

    outcome: str
    error: str = ""
    items: Mapping[str, Json] = field(default_factory=dict)


class Performance:
    """One run in progress."""

    def __init__(self, entry: Entry, session: Session, log: RunLog) -> None:
        self.entry = entry
        self.is_cancelled = False
        self._session = session
        self._log = log
        self._stop = Stop()
        self._leave = Stop()
        self._retrying: Recipe | None = None

    def cancel(self) -> None:
        """End the run for good, its jobs on the platform too."""
        self.is_cancelled = True
        self._stop.ask(Reason.INTERRUPTED)

    def interrupt(self) -> None:
        """End the run for now: the process ends. Jobs on this machine are ended, the others go on."""
        self._stop.ask(Reason.INTERRUPTED)
        self._leave.ask(Reason.INTERRUPTED)

    async def run(self, load: Load) -> Result:
        """Do all of it; errors end up in the result."""
        try:
            recipe, loaded = await self._recipe(load)
            async with self._session.branch(loaded.recipes) as branch:
                return await self._told(branch, recipe, loaded.project)
        except RunnerError as error:
            self._log.write({"event": "run_ended", "at": self._now(), "outcome": "error", "error": str(error)})
            return Result("error", str(error))

    async def _recipe(self, load: Load) -> tuple[Recipe, Loaded]:
        loaded = await load(self.entry.trigger)
        for recipe in loaded.recipes:
            if recipe.name == self.entry.recipe:
                return recipe, loaded
        problems = [one for one in loaded.problems if one.severity is Severity.ERROR]
        if problems:
            raise RecipeError(problems)
        raise RunnerError(f"there is no recipe {self.entry.recipe!r} any more")

    async def _told(self, branch: Session, recipe: Recipe, project: Project) -> Result:
        async with Teller(recipe, await branch.notifiers(recipe), branch.clock, self._log.write) as teller:
            teller.begin()
            try:
                refuse_when_frozen(project, self._now(), {})  # the project file as it is now, not as the service began
                outcome, error = await self._ended(branch, recipe, teller)
            except RunnerError as fault:
                outcome, error = "error", str(fault)
            await teller.finish(outcome, error)
            return Result(outcome, error, teller.items)

    async def _ended(self, branch: Session, recipe: Recipe, teller: Teller) -> tuple[str, str]:
        """Apply until it is over or stopped; then end its jobs as well."""
        work = asyncio.create_task(self._until_over(branch, recipe, teller))
        tasks: set[asyncio.Task[Any]] = {work, asyncio.create_task(self._stop.wait())}
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            if not self._stop.everything:
                return await work
            if not self.is_cancelled:
                tasks.add(asyncio.create_task(self._end_local_jobs(branch, recipe)))
            await asyncio.wait(tasks, timeout=GROUNDED_WITHIN_S)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        if self.is_cancelled:
            await self._cancel_jobs(branch, recipe)
            return "cancelled", "cancelled by a person"
        return "interrupted", "the service was stopped; the run goes on when it starts again"

    async def _end_local_jobs(self, branch: Session, recipe: Recipe) -> None:
        try:
            await end_local_jobs(branch, recipe)
        except RunnerError as error:
            self._log.write({"event": "jobs_not_ended", "at": self._now(), "error": str(error)})

    async def _cancel_jobs(self, branch: Session, recipe: Recipe) -> None:
        try:
            async for stage in cancel_recipe(branch, recipe, self._leave, wait_s=CANCELLED_WITHIN_S):
                if stage.report is not None:
                    told = {"stage": stage.work.scope.stage, "jobs": dict(stage.report.progress.jobs)}
                    self._log.write({"event": "jobs_cancelled", "at": self._now(), **told})
        except RunnerError as error:
            self._log.write({"event": "jobs_not_ended", "at": self._now(), "error": str(error)})

    async def _until_over(self, branch: Session, recipe: Recipe, teller: Teller) -> tuple[str, str]:
        outcome, error = "interrupted", ""
        for delay_s in (*AGAIN_S, None):
            outcome, error, is_passing = await self._once(branch, recipe, teller)
            if self._stop.everything:
                return "interrupted", ""
            if not is_passing or delay_s is None:
                break
            self._log.write({"event": "run_waits", "at": self._now(), "delay_s": delay_s, "error": error})
            await self._pause(delay_s)
        return ("stopped" if outcome in PAUSES else outcome), error

    async def _once(self, branch: Session, recipe: Recipe, teller: Teller) -> tuple[str, str, bool]:
        """Apply once; return outcome, error, and whether another apply may come further."""
        teller.anew()
        try:
            recipe = await self._with_another_try(branch, recipe)
            origin = {"service_run": self.entry.id, "trigger": self.entry.kind}
            stages = await self._applied(branch, recipe, Wishes(teller=teller, origin=origin))
        except (Unavailable, LedgerError) as error:
            return "stopped", str(error), True
        is_refused = any(stage.report is not None and isinstance(stage.report.error, AuthError) for stage in stages)
        return teller.outcome, teller.error, teller.outcome in _GOES_ON and not is_refused

    async def _with_another_try(self, branch: Session, recipe: Recipe) -> Recipe:
        """Try once more what failed before this run, and what it was interrupted in; once in a run."""
        if not (self.entry.again or self.entry.interrupted):
            return recipe
        if self._retrying is None:
            self._retrying = await with_another_try(branch, recipe)
        return self._retrying

    async def _applied(self, branch: Session, recipe: Recipe, wishes: Wishes) -> list[Applied]:
        """Apply as soon as nobody else works on the recipe."""
        while not self._stop.everything:
            try:
                return [stage async for stage in apply_recipe(branch, recipe, self._stop.child(), wishes)]
            except LeaseHeld as held:
                self._log.write({"event": "run_waits", "at": self._now(), "delay_s": LOCKED_S, "error": str(held)})
                await self._pause(LOCKED_S)
        return []

    async def _pause(self, delay_s: float) -> None:
        sleeping = asyncio.ensure_future(self._session.clock.sleep(delay_s))
        stopped = asyncio.ensure_future(self._stop.wait())
        try:
            await asyncio.wait({sleeping, stopped}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (sleeping, stopped):
                task.cancel()
            await asyncio.gather(sleeping, stopped, return_exceptions=True)

    def _now(self) -> float:
        return self._session.clock.now()
