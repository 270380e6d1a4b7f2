"""Replies that no manifest could read when they came: a mended one may, and what was paid is taken for nothing."""

from __future__ import annotations

from runner.engine.apply import Apply
from runner.engine.outcome import accept
from runner.engine.reask import take_up
from runner.model.job import Job, JobStatus
from runner.model.manifest import SupportsManifest


async def reread_replies(apply: Apply) -> int:
    """Go on with every held job without an id whose kept reply names it by now; return how many they are."""
    target, work = apply.work.target, apply.work
    if not isinstance(target, SupportsManifest):
        return 0
    count = 0
    async for row in work.ledger.jobs(work.scope, [JobStatus.HELD]):
        if row.id is not None or not row.kept:
            continue
        items = [item for _, item in await work.ledger.job_items(work.scope, row.job)]
        submitted = target.reread(Job(row.job, row.attempt, items, row.kept, sent_at=row.sent_at))
        if submitted is not None:
            count += 1
            step = await accept(apply, await take_up(apply, row), submitted)
            if step is not None:
                apply.agenda.now(step)
    return count
