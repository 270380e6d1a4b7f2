"""Read kept replies of held jobs again with a corrected manifest: what was paid for is collected for free."""

from __future__ import annotations

from runner.engine.apply import Apply
from runner.engine.job_recheck import take_up
from runner.engine.outcome import accept
from runner.model.job import Job, JobStatus
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
        items = [item for _, item in await work.ledger.job_items(work.scope, row.job)]
        submitted = target.reread(Job(row.job, row.attempt, items, row.kept, sent_at=row.sent_at))
        if submitted is not None:
            continued.add(row.job)
            step = await accept(apply, await take_up(apply, row), submitted)
            if step is not None:
                apply.agenda.now(step)
    return continued
