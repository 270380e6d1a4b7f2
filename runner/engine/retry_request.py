"""Retry requests of a person: release failed, held and abandoned items after the platform was asked about them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from runner.model.contracts import Cancelling
from runner.model.event import JobHeld, JobReleased
from runner.model.job import JobStatus
from runner.model.ledger import ItemStatus, JobRow

if TYPE_CHECKING:
    from runner.engine.apply import Apply


@dataclass(frozen=True, slots=True)
class RetryRequest:
    """Items and jobs to try again.

    Attributes:
        held: held items, too: a person has decided that they may be sent, regardless of their last job.
        keys: of items; None for all.
        abandoned: keys of jobs that are given up, although they may still run and be paid.
    """

    held: bool = False
    keys: Sequence[str] | None = None
    abandoned: Sequence[str] = ()


async def abandon_jobs(apply: Apply) -> int:
    """Give up the jobs that a person named, whatever the platform does with them; return how many items are free."""
    again, work, freed = apply.again, apply.work, 0
    if again is None or not again.abandoned:
        return 0
    for row in [row async for row in work.ledger.jobs(work.scope) if row.job in again.abandoned]:
        apply.reread.add(row.job)
        if row.settled or row.status is JobStatus.RELEASED:
            continue
        if row.status is not JobStatus.HELD:
            await apply.record(JobHeld(row.job, apply.now(), "given up by a person"))
        keys = [item.key for _, item in await work.ledger.job_items(work.scope, row.job)]
        freed += await work.ledger.reset(work.scope, apply.lease(), [ItemStatus.HELD], keys)
        await _close(apply, row)
        name = f"job {row.job[:8]}" + (f" ({row.id} on the platform)" if row.id else "")
        apply.progress.note(f"{name} is given up: it may still run and be paid; its items may be paid twice")
    return freed


async def free_items(apply: Apply) -> int:
    """Make items free that failed (and held ones, if decided), now that the platform was asked; return how many.

    A job that was seen running keeps its items. A held job none of whose items is held any longer is closed.
    """
    again, ledger, scope = apply.again, apply.work.ledger, apply.work.scope
    if again is None:
        return 0
    freed = await ledger.reset(scope, apply.lease(), [ItemStatus.FAILED], again.keys)
    if not again.held:
        return freed
    keys = again.keys
    if apply.blocked:
        ways = "run runner cancel, or " if isinstance(apply.work.target, Cancelling) else "run "
        apply.progress.note(f"items of jobs that still run stay held: {ways}runner retry --abandon JOB")
        wanted = None if keys is None else set(keys)
        keys = [
            key for key, job in await _held(apply) if job not in apply.blocked and (wanted is None or key in wanted)
        ]
    freed += await ledger.reset(scope, apply.lease(), [ItemStatus.HELD], keys)
    left = {job for _, job in await _held(apply)}
    for row in [row async for row in ledger.jobs(scope, [JobStatus.HELD]) if row.job not in left | apply.blocked]:
        await _close(apply, row)
        apply.reread.add(row.job)
    return freed


async def _held(apply: Apply) -> list[tuple[str, str | None]]:
    outcomes = apply.work.ledger.outcomes(apply.work.scope)
    return [(one.key, one.job) async for batch in outcomes for one in batch if one.status == ItemStatus.HELD]


async def _close(apply: Apply, row: JobRow) -> None:
    """Record that a job is given up; its items no longer wait for its results."""
    await apply.record(JobReleased(row.job, apply.now(), f"given up by a person; it was {row.status}: {row.error}"))
