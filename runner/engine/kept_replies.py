"""Read kept replies of held jobs again with a corrected manifest: what was paid for is collected for free."""

from __future__ import annotations

from runner.engine.apply import Apply
from runner.engine.job_recheck import job_of, take_up
from runner.engine.outcome import accept
from runner.model.job import JobStatus
from runner.model.manifest import SupportsManifest


async def reread_replies(apply: Apply) -> set[str]:
    """Continue every held job without an id whose kept reply names it by now; return the keys of these jobs."""
    target, work = apply.work.target, apply.work
    continued: set[str] = set()
    if not isinstance(target, SupportsManifest):
        return continued
    async for row in work.ledger.jobs(work.scope, [JobStatus.HELD]):
        if row.id is not None or not row.kept:
            continue
        job = await job_of(apply, row)
        submitted = target.reread(job)
        if submitted is not None:
            continued.add(row.job)
            step = await accept(apply, await take_up(apply, row, job), submitted)
            if step is not None:
                apply.agenda.now(step)
    return continued
