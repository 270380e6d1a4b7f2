"""Ends the jobs of a recipe before their time, and makes room for another try of what failed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Final

from runner.assembly.session import Session
from runner.engine.select import filtered
from runner.engine.work import Work
from runner.model.contracts import Cancelling, Target
from runner.model.errors import RunnerError
from runner.model.job import DOUBTFUL, OPEN, Job
from runner.model.ledger import ItemStatus
from runner.model.recipe import Recipe

ENDED_WITHIN_S: Final = 6.0
LOOKED_EVERY_S: Final = 0.1


async def end_local_jobs(session: Session, recipe: Recipe) -> int:
    """End the jobs of a recipe that run on this machine and would outlive its process; the others go on remotely.

    What is ended stays open in the ledger: the next apply finds it ended, and settles it. No lease is needed.

    Returns:
        How many were ended.
    """
    ended = 0
    for stage, work in zip(recipe.stages, await session.work(recipe), strict=True):
        if stage.target.platform is not None or not isinstance(work.target, Cancelling):
            continue
        jobs = [job async for job in _open_jobs(work)]
        ended += len(jobs)
        for job in jobs:
            await work.target.cancel(job)
        await _gone(session, work.target, jobs)
    return ended


async def _open_jobs(work: Work) -> AsyncIterator[Job]:
    async for row in work.ledger.jobs(work.scope, [*DOUBTFUL, *OPEN]):
        yield Job(row.job, row.attempt, (), row.kept, row.id, row.sent_at, row.accepted_at)


async def _gone(session: Session, target: Target, jobs: list[Job]) -> None:
    """Ask until no job runs any more; asking is also what kills one that does not want to go."""
    until = session.clock.monotonic() + ENDED_WITHIN_S
    while jobs and session.clock.monotonic() < until:
        jobs = [job for job in jobs if await _runs(target, job)]
        if jobs:
            await session.clock.sleep(LOOKED_EVERY_S)


async def _runs(target: Target, job: Job) -> bool:
    try:
        return not (await target.poll(job)).is_terminal
    except RunnerError:
        return False


async def with_another_try(session: Session, recipe: Recipe) -> Recipe:
    """Return the recipe with one more attempt for the items that failed or were in a job that was ended."""
    most = 0
    for work in await session.work(recipe):
        async for batch in filtered(work):
            standings = await work.ledger.standings(work.scope, work.work, batch.items)
            tried = [one.attempt for one in standings if one.status in (ItemStatus.FAILED, ItemStatus.IN_JOB)]
            most = max([most, *tried])
    return replace(recipe, run=replace(recipe.run, attempts=max(recipe.run.attempts, most + 1)))
