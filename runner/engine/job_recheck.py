"""Poll held and ended jobs once more, for free, before their items are paid for again.

Held jobs are polled at the beginning of every apply, and those without an id are searched for by their correlation id:
the file may exist by now, the manifest may know the word by now, the job may have ended after our own time limit. Jobs
that succeeded, but left items without a good result, are read again before these items are sent again. Each job is
polled once in an apply.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from runner.engine.adoption import owners_of
from runner.engine.agenda import Action, Step
from runner.engine.apply import Apply
from runner.engine.decide import RETRIES
from runner.engine.stop import Reason
from runner.model.contracts import Cancelling, Finding
from runner.model.errors import ConfigError, JobLost, Refused, RunnerError, StopRun
from runner.model.event import Event, ItemsDone, JobAccepted, JobHeld, JobPolled, JobSettled
from runner.model.job import Adoption, Find, Job, JobState, JobStatus
from runner.model.ledger import ItemStatus, JobRow, Standing

_READ_AGAIN = frozenset({JobStatus.SUCCEEDED, JobStatus.PARTIAL, JobStatus.EXPIRED})
"""Statuses of ended jobs that may have results; with any other one the platform says that there are none."""


async def ask_held(apply: Apply) -> int:
    """Poll every held job that has an id once, search for the others, and wait for all; return the number of jobs."""
    rows = apply.work.ledger.jobs(apply.work.scope, [JobStatus.HELD])
    target = apply.work.target
    searches = isinstance(target, Finding) and target.capabilities.find in (Find.EXACT, Find.KEY)
    asked = [row async for row in rows if row.id is not None or (searches and row.sent_at is not None)]
    apply.reread |= {row.job for row in asked}
    for row in asked:
        await _start(apply, row)
    await apply.flight.drained()
    return len(asked)


async def read_ended_again(apply: Apply) -> int:
    """Start to poll the ended jobs whose items the last walk would have sent again; return the number of jobs."""
    unread = {job: keys for job, keys in apply.unread.items() if job not in apply.reread}
    if not unread:
        return 0
    apply.reread |= unread.keys()
    rows = [row async for row in apply.work.ledger.jobs(apply.work.scope) if row.job in unread]
    for row in rows:
        if row.id is not None and row.status in _READ_AGAIN:
            await _start(apply, row)
    return len(unread)


async def _start(apply: Apply, row: JobRow) -> None:
    apply.progress.jobs["asked again"] += 1
    apply.agenda.now(Step(Action.REASK, await take_up(apply, row), why=row.error))


async def job_of(apply: Apply, row: JobRow) -> Job:
    """Return the job of a row of the ledger, with its items, which have no body."""
    items = [item for _, item in await apply.work.ledger.job_items(apply.work.scope, row.job)]
    return Job(row.job, row.attempt, items, row.kept, row.id, row.sent_at, row.accepted_at)


async def take_up(apply: Apply, row: JobRow, job: Job | None = None) -> Job:
    """Add a job of an earlier apply to those in flight, and return it; `job` if its row was read already."""
    work, job = apply.work, job or await job_of(apply, row)
    apply.flight.resumed.add(job.key)
    apply.flight.start(job, row.reserved if row.intended_at >= apply.budget_since else None)
    if job.id is not None:
        apply.claim(job.id, job)
    if row.accepted_at is not None:
        apply.flight.born(job, work.clock.monotonic() - max(0.0, apply.now() - row.accepted_at))
    return job


async def reask(apply: Apply, step: Step) -> Step | None:
    """Poll one job once, and take the results that it has by now."""
    wanted = apply.unread.get(step.job.key)
    if step.job.id is None:
        return await _search(apply, step)
    try:
        state = await apply.work.target.poll(step.job)
        if wanted is not None:
            return await _read_again(apply, step, state, wanted)
    except ConfigError as error:
        apply.stop.ask(Reason.ERROR, error)
        return None
    except JobLost as error:
        return await _gone(apply, step, error, is_held=wanted is None)
    except Refused as error:
        return await _refused(apply, step, error, is_held=wanted is None)
    except RunnerError as error:
        return await _unanswered(apply, step, error, is_held=wanted is None)
    return await _judge_held(apply, step, state)


async def _search(apply: Apply, step: Step) -> Step | None:
    """Search again for a held job without an id; a found one is resumed with the other running ones."""
    job, target = step.job, apply.work.target
    assert isinstance(target, Finding)
    try:
        found = await target.find(job)
    except (ConfigError, StopRun) as error:
        apply.stop.ask(Reason.ERROR, error)
        return None
    except RunnerError as error:
        return await _unanswered(apply, step, error, is_held=True)
    if found is not None and found.id not in await owners_of(apply, job, [found]):
        kept = {**job.kept, **found.kept}
        await apply.record(JobAccepted(job.key, found.id, apply.now(), kept, adopted=Adoption.FOUND))
        apply.progress.jobs["adopted"] += 1
    apply.flight.land(job)
    return None


async def _judge_held(apply: Apply, step: Step, state: JobState) -> Step | None:
    job = replace(step.job, kept={**step.job.kept, **state.kept}) if state.kept else step.job
    if state.is_terminal:
        return Step(Action.COLLECT, job, state=state)
    if state.status is JobStatus.HELD:
        return await _stay(apply, step, f"the platform says {state.word!r}, which its manifest does not know")
    timeout_s = apply.work.run.timeout_s
    age_s = apply.flight.age_s(job, apply.work.clock.monotonic())
    if timeout_s is not None and age_s >= timeout_s and state.status is not JobStatus.WAITING_HUMAN:
        apply.blocked.add(job.key)
        end = "runner retry --abandon JOB gives it up"
        if isinstance(apply.work.target, Cancelling):
            end = f"runner cancel ends it, {end}"
        return await _stay(apply, step, f"not finished within {timeout_s:g} s, and it still runs; {end}")
    await apply.record(JobPolled(job.key, state.status, apply.now(), state.word, state.error, state.kept))
    apply.flight.land(job)  # it is resumed with the other running ones
    return None


async def _read_again(apply: Apply, step: Step, state: JobState, wanted: Collection[str]) -> Step | None:
    """Take the good results of an ended job for items that would be sent again."""
    job = replace(step.job, kept={**step.job.kept, **state.kept})
    if not state.is_terminal:
        apply.blocked.add(job.key)
        apply.parked += 1
        apply.progress.note(f"not sent again: {job.id} still runs on the platform ({state.word or state.status})")
        apply.flight.land(job)
        return None
    async for batch in apply.work.target.results(job, state):
        good = [result for result in batch if not result.error and result.key in wanted]
        if good:
            await apply.record(ItemsDone(job.key, good, apply.now()))
            apply.progress.items["succeeded"] += len({result.key for result in good})
            apply.progress.note("results read again, so no further job is paid", len(good))
    apply.flight.land(job)
    return None


async def _refused(apply: Apply, step: Step, error: Refused, *, is_held: bool) -> Step | None:
    """Leave a held job held: a platform that refuses to report a state has not said that the job is gone."""
    if not is_held:
        apply.flight.land(step.job)
        return None
    end = "runner retry --held pays for its items again"
    return await _stay(apply, step, f"asked again, but the platform refuses to report its state: {error}; {end}")


async def _gone(apply: Apply, step: Step, error: RunnerError, *, is_held: bool) -> Step | None:
    """Hold a job that the platform no longer has: its items may be sent again, once a person asks for it."""
    job = step.job
    if not is_held:
        apply.flight.land(job)
        return None
    why = f"asked again, but the job is gone: {error}"
    if not _is_retried(apply, job):
        return await _stay(apply, step, f"{why}; runner retry pays for its items again")
    events: list[Event] = [JobPolled(job.key, JobStatus.FAILED, apply.now(), error=why)]
    await apply.record(*events, JobSettled(job.key, apply.now(), missing=why))
    apply.reread.add(job.key)
    apply.flight.land(job)
    return None


def _is_retried(apply: Apply, job: Job) -> bool:
    if apply.wants is not RETRIES:
        return False
    keys = None if apply.again is None else apply.again.keys
    return keys is None or any(item.key in keys for item in job.items)


async def _unanswered(apply: Apply, step: Step, error: RunnerError, *, is_held: bool) -> Step | None:
    if is_held:
        apply.progress.note(f"the state of a held job could not be read again: {error}")
    else:
        apply.blocked.add(step.job.key)
        apply.parked += 1
        apply.progress.note(f"not sent again: the state of its last job could not be read: {error}")
    apply.flight.land(step.job)
    return None


async def _stay(apply: Apply, step: Step, why: str) -> Step | None:
    """Leave a job held; record the reason when it has changed."""
    if why != step.why:
        await apply.record(JobHeld(step.job.key, apply.now(), why))
    apply.progress.note(f"still held: {why}")
    apply.flight.land(step.job)
    return None


def waits_for_rereading(apply: Apply, standing: Standing, key: str) -> bool:
    """Whether an item must wait: its last job is to be read again first, or still runs."""
    if standing.job is None or not standing.attempt or standing.status == ItemStatus.SUCCEEDED:
        return False
    if standing.job not in apply.reread:
        apply.unread.setdefault(standing.job, set()).add(key)
        return True
    return standing.job in apply.blocked
