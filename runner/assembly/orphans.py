"""Recipes that are gone from the files but have lines in the ledger: told by a plan, and never touched by themselves.

Their jobs may still run, and be paid. Nothing cancels them; `prune` writes down that nobody waits for them any more.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from runner.assembly.session import Session
from runner.engine.lease import holding, this_process
from runner.engine.stop import Stop
from runner.model.event import Event, JobHeld, JobReleased
from runner.model.job import DOUBTFUL, OPEN, TERMINAL, JobStatus
from runner.model.ledger import JobRow, Scope
from runner.recipe.files import named_below


@dataclass(frozen=True, slots=True)
class Orphan:
    """One stage in the ledger that no recipe has any more.

    Attributes:
        counts: item status to number over its last selection.
        open_jobs: JobStatus to number of the jobs that are not at their end.
    """

    scope: Scope
    counts: Mapping[str, int]
    open_jobs: Mapping[str, int]


async def orphans(session: Session) -> Sequence[Orphan]:
    """Return the orphans of the project and profile; the session must have all recipes that were loaded.

    A recipe that was not loaded but stands in some file below the project's folder is none.
    """
    ledger, project = await session.ledger(), session.project
    mine = [one for one in await ledger.scopes() if (one.project, one.profile) == (project.name, session.profile)]
    known = {recipe.name: {stage.name for stage in recipe.stages} for recipe in session.recipes}
    absent = {scope.recipe for scope in mine} - known.keys()
    gone = absent - named_below(project.root, absent)
    scopes = [one for one in mine if one.recipe in gone or one.stage not in known.get(one.recipe, {one.stage})]
    return [
        Orphan(
            scope,
            {status: number for status, number in (await ledger.counts(scope)).items() if number},
            Counter([str(row.status) async for row in ledger.jobs(scope, [*DOUBTFUL, *OPEN, *TERMINAL])]),
        )
        for scope in scopes
    ]


async def prune(session: Session, orphan: Orphan, stop: Stop) -> int:
    """Hold the open jobs of an orphan, so that nothing waits for them; return how many.

    On the platform they go on. A job that was never sent is released.

    Raises:
        LeaseHeld: an apply works on the recipe.
    """
    ledger, scope, now = await session.ledger(), orphan.scope, session.clock.now()
    who = this_process(session.environ)
    async with holding(ledger, session.lease_of(scope.recipe), who, session.clock, stop) as lease:
        rows = [row async for row in ledger.jobs(scope, [*DOUBTFUL, *OPEN, *TERMINAL])]
        await ledger.record(scope, lease(), [_end(scope, row, now) for row in rows])
    return len(rows)


def _end(scope: Scope, row: JobRow, now: float) -> Event:
    gone = f"{scope.recipe}/{scope.stage}".rstrip("/") + " is gone from the recipes"
    if row.status is JobStatus.INTENDED:
        return JobReleased(row.job, now, f"{gone}; the job was never sent")
    if row.status in TERMINAL:
        return JobHeld(row.job, now, f"{gone}; the job ended on the platform ({row.id}), its results were not fetched")
    where = f" as {row.id}" if row.id else ", if it was accepted"
    return JobHeld(row.job, now, f"{gone}; the job goes on at the platform{where}, and may be paid there")
