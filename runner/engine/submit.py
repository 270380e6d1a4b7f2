"""The first half of a job: intent, unpaid preparation, the paying request, and what its reply means.

The order of writes is the promise of the house: what only waits for its turn is not written down as sent, the intent
is durable before the first byte, the captured values are durable before the paying request, and its outcome is durable
before anything else happens to the job.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Final

from runner.engine.agenda import Action, Step
from runner.engine.apply import Apply
from runner.engine.outcome import accept, fail, hold, later_or_park, park, release
from runner.engine.retry import backoff_s
from runner.engine.split import can_split, split
from runner.engine.stop import Reason
from runner.model.errors import (
    ConfigError,
    Indeterminate,
    LedgerError,
    Refused,
    RunnerError,
    StopRun,
    Unavailable,
    UnexpectedReply,
    UnreadableReply,
)
from runner.model.event import JobIntended, JobReleased, JobSent, JobUnknown
from runner.model.job import Job

UNREADABLE_TRIES: Final = 3
"""How often an apply tries a preparation whose reply does not fit the manifest."""
ACCEPTED: Final = "accepted"
"""Word of a job whose reply had a 2xx status but was lost: it exists."""


async def submit(apply: Apply, step: Step) -> Step | None:
    """Send one job; return the step that follows at once, or None when it was put on the agenda or has landed."""
    try:
        if not await _is_let_in(apply, step):
            return None
        apply.sending.add(step.job.key)
        return await _send(apply, step)
    finally:
        apply.sending.discard(step.job.key)
        _leave(apply, step.job)
        apply.replies.leave(step.job)


async def _is_let_in(apply: Apply, step: Step) -> bool:
    """Wait for the turn of a paying request that follows its intent at once; False when the platform is given up."""
    if apply.powers.preparing is not None and not step.doubtful:
        return True  # its turn comes when everything is prepared
    try:
        await _turn(apply, step.job)
    except StopRun as error:
        apply.stop.ask(Reason.ERROR, error)
        if not step.doubtful:
            apply.purse.give_back(len(step.job.items), apply.flight.land(step.job))
        return False
    return True


async def _turn(apply: Apply, job: Job) -> None:
    """Wait until the paying request may leave at once: what only waits is not sent, whenever this process dies."""
    replies, turns = apply.replies, apply.powers.turns
    if replies.try_enter(job) and (turns is None or turns.entered(job)):
        return
    task = asyncio.current_task()
    assert task is not None
    apply.queued.add(task)
    try:
        await replies.enter(job)
        if turns is not None:
            await turns.enter(job)
    finally:
        apply.queued.discard(task)


def _leave(apply: Apply, job: Job) -> None:
    if apply.powers.turns is not None:
        apply.powers.turns.leave(job)


async def _send(apply: Apply, step: Step) -> Step | None:
    job = step.job
    if not step.doubtful:
        job = await _intend(apply, step)
    prepared = step.prepared
    try:
        if job.sent_at is None:
            job = await _prepare(apply, job, done=prepared)
            prepared = True
        await apply.keep_lease()
        apply.progress.requests += 1
        submitted = await apply.work.target.submit(replace(job, not_after=apply.lease))
        _leave(apply, job)  # another request may leave while the acceptance is written down
    except LedgerError:
        raise
    except Exception as error:  # noqa: BLE001 - after any error the request may have had its effect
        return await _unaccepted(apply, replace(step, job=job, prepared=prepared), error)
    if step.split is not None:
        step.split.any_accepted = True
    return await accept(apply, job, submitted)


async def _unaccepted(apply: Apply, step: Step, error: Exception) -> Step | None:
    """Go on with a job whose request did not bring its id, by what the error proves."""
    job = step.job
    if isinstance(error, UnexpectedReply) and job.sent_at is not None:
        return await _misfit(apply, step, error)
    if isinstance(error, ConfigError | StopRun):
        apply.stop.ask(Reason.ERROR, error)
        return None if step.doubtful else await release(apply, job, str(error))
    if isinstance(error, Refused):
        if step.doubtful:
            return await hold(apply, job, f"its reply was lost, and it was refused when sent again: {error}")
        if can_split(apply, step, error):
            return await split(apply, step, error)
        return await release(apply, job, str(error), failed=True)
    if isinstance(error, Unavailable):
        return await _again(apply, step, error)
    return await _lost(apply, step, error)


async def _misfit(apply: Apply, step: Step, error: UnexpectedReply) -> Step | None:
    """Keep what was accepted although its reply cannot be used: it is never sent again automatically."""
    if step.doubtful:
        await hold(apply, step.job, f"its reply was lost, and when it was sent again: {error}", error.kept)
    elif error.is_failure:
        await fail(apply, step.job, str(error))
    else:
        await hold(apply, step.job, f"{error} ({error.mend})" if error.mend else str(error), error.kept)
    apply.misfits(error, step.job)
    return None


async def _intend(apply: Apply, step: Step) -> Job:
    """Write the intent; a target with nothing to prepare is intended and sent in one durable write."""
    at = apply.now()
    prepares = apply.powers.preparing is not None
    await apply.record(
        JobIntended(
            step.job.key,
            step.job.attempt,
            step.ids,
            at,
            reserved=apply.flight.reserved(step.job),
            sent=not prepares,
            connection=apply.work.connection,
        )
    )
    if step.tries == 0:
        apply.progress.jobs["submitted"] += 1
        apply.progress.tell("job_intended", job=step.job.key, items=len(step.ids), at=at)
    job = step.job
    return Job(job.key, job.attempt, job.items, job.kept, job.id, None if prepares else at, job.accepted_at)


async def _prepare(apply: Apply, job: Job, *, done: bool) -> Job:
    """Do the unpaid steps, and make what they gave durable before the paying request."""
    preparing = apply.powers.preparing
    kept = dict(job.kept) if preparing is None or done else dict(await preparing.prepare(job))
    await _turn(apply, job)
    at = apply.now()
    await apply.record(JobSent(job.key, at, kept))
    return replace(job, kept=kept, sent_at=at)


async def _again(apply: Apply, step: Step, error: Unavailable) -> Step | None:
    """Try the same job later.

    It was surely not created, and that is written down before the wait: a crash meanwhile leaves its items free. Only
    a job that was doubtful before stays doubtful.
    """
    if step.doubtful:
        later_or_park(apply, step, error)
        return None
    delay_s = backoff_s(step.tries + 1, apply.chance(), error.retry_after_s)
    if isinstance(error, UnreadableReply) and step.tries + 1 >= UNREADABLE_TRIES:
        apply.misfits(UnexpectedReply(str(error), status=error.status, mend=error.mend))
        delay_s = None
    if delay_s is None or apply.stop.submitting:
        apply.progress.note(f"not sent in this apply: {error}")
        apply.parked += 1
        return await release(apply, step.job, str(error))
    await apply.record(JobReleased(step.job.key, apply.now(), str(error)))
    apply.progress.repeat(step.job.key, str(error))
    apply.progress.tell("submit_again", job=step.job.key, why=str(error), delay_s=delay_s, at=apply.now())
    apply.agenda.later(replace(step, tries=step.tries + 1), delay_s)
    return None


async def _lost(apply: Apply, step: Step, error: Exception) -> Step | None:
    """Write down that nobody knows, and look for the job when it must have become visible.

    A job that is lost again and again is looked for after growing delays; `reconcile` bounds how often it is sent.
    """
    job = step.job
    why = str(error) if isinstance(error, RunnerError) else f"{type(error).__name__}: {error}"
    if job.sent_at is None:
        # Nothing paid has left yet: the failure was in the preparation.
        if isinstance(error, UnexpectedReply):
            apply.misfits(error)
        apply.parked += 1
        apply.progress.note(f"not sent in this apply: {why}")
        return await release(apply, job, why)
    status = error.status if isinstance(error, Indeterminate) else None
    is_accepted = step.is_accepted or (status is not None and 200 <= status < 300)
    await apply.record(JobUnknown(job.key, apply.now(), why, word=ACCEPTED if is_accepted else ""))
    apply.progress.note(f"nobody knows whether a job was accepted: {why}")
    apply.progress.jobs["unknown"] += 1
    apply.progress.tell("job_unknown", job=job.key, why=why, at=apply.now())
    losses = await apply.work.ledger.lost(apply.work.scope, job.key)
    delay_s = backoff_s(losses, apply.chance(), None)
    if delay_s is None:
        park(apply, job, error)
        return None
    visible_s = apply.work.target.capabilities.visible_within_s
    doubted_at = apply.work.clock.monotonic()
    apply.agenda.later(
        Step(Action.RECONCILE, job, doubted_at=doubted_at, losses=losses, is_accepted=is_accepted, why=why),
        max(visible_s, delay_s if losses > 1 else 0.0),
    )
    return None
