"""Cancels what runs of a recipe, on the platform too, and waits for the end."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

from runner.assembly.session import Session
from runner.engine.lease import holding, this_process
from runner.engine.progress import Progress
from runner.engine.run import ApplyOptions, StageReport, apply_stage
from runner.engine.stop import Stop
from runner.engine.work import Work
from runner.model.job import DOUBTFUL, OPEN, JobStatus
from runner.model.recipe import Recipe


@dataclass(frozen=True, slots=True)
class Cancelled:
    """One stage with what came of its jobs; `report` is None when none was running."""

    recipe: Recipe
    work: Work
    report: StageReport | None


async def cancel_recipe(
    session: Session,
    recipe: Recipe,
    stop: Stop,
    *,
    wait_s: float | None = None,
    begin: Callable[[Work, Progress], None] = lambda work, progress: None,
) -> AsyncIterator[Cancelled]:
    """Cancel the jobs of every stage, held ones too; lost ones are looked for first, results that are there are kept.

    Args:
        session: the recipe's project.
        recipe: whose jobs.
        stop: ends the waiting; what was asked for stays asked for.
        wait_s: how long to wait for the ends; None for as long as it takes, within the platform's own delays.
        begin: called with each stage that has jobs, before they are cancelled.

    Raises:
        LeaseHeld: an apply works on the recipe; it must be ended first.
    """
    ledger, who = await session.ledger(), this_process(session.environ)
    works = await session.work(recipe)
    async with holding(ledger, session.lease_name(recipe), who, session.clock, stop) as lease:
        for work in works:
            rows = [row async for row in ledger.jobs(work.scope, [*DOUBTFUL, *OPEN, JobStatus.HELD])]
            running = [row for row in rows if row.status is not JobStatus.HELD or row.id is not None]
            if not running or stop.everything:
                yield Cancelled(recipe, work, None)
                continue
            progress = Progress(expected=sum(row.items for row in running))
            begin(work, progress)
            options = ApplyOptions(cancels=True, wait_s=wait_s, holder=who)
            yield Cancelled(recipe, work, await apply_stage(work, lease, options, progress, stop))
