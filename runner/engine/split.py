"""Split a refused job of several items, so that the good items are sent again without the bad one.

Where the platform names the bad items they fail, and the others are sent once more. Else the job is halved until the
bad item is alone in its job. Every part was refused, so nothing is paid twice; the bound keeps a refusal that no item
causes (a wrong option) from being repeated for each of them.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Final

from runner.engine.agenda import Action, Split, Step
from runner.engine.apply import Apply
from runner.engine.key import job_key
from runner.engine.outcome import release
from runner.model.errors import Refused
from runner.model.event import Event, JobIntended, JobReleased
from runner.model.item import Item
from runner.model.job import Job

NOT_OF_AN_ITEM: Final = frozenset({401, 404, 405, 407, 411, 415, 426, 428, 431, 511})
"""Statuses of a refusal that every part of the job would get too."""

IN_VAIN: Final = 2
"""Jobs of which no part was accepted, after which an apply splits no more."""


def can_split(apply: Apply, step: Step, error: Refused) -> bool:
    """Whether a refused job may be sent again in parts."""
    is_shared = len(step.job.items) > 1 and len(step.ids) == len(step.job.items) and not step.doubtful
    if not is_shared or apply.work.target.capabilities.whole_source or apply.stop.submitting:
        return False
    if error.status is None or error.status in NOT_OF_AN_ITEM:
        return False
    return apply.split_in_vain < IN_VAIN if step.split is None else step.split.left > 0


async def split(apply: Apply, step: Step, error: Refused) -> Step | None:
    """Release a refused job, fail the items that the platform names, and send the others again in one or two parts."""
    job, at, why = step.job, apply.now(), str(error)
    bound = step.split or Split(left=2 * len(job.items).bit_length() + 1)
    if step.split is None:
        if sum(not each.any_accepted for each in apply.splits) >= IN_VAIN:
            return await release(apply, job, why)  # until it is known whether splitting helps
        apply.splits.append(bound)
    bound.left -= 1
    both = list(zip(job.items, step.ids, strict=True))
    bad = [one for one in both if one[0].key in error.items]
    good = [one for one in both if one[0].key not in error.items]
    events: list[Event] = [JobReleased(job.key, at, why)]
    if bad:
        part = _part(apply, job, [item for item, _ in bad])
        ids = [id_ for _, id_ in bad]
        events += [JobIntended(part.key, part.attempt, ids, at), JobReleased(part.key, at, why, error=why)]
    await apply.record(*events)
    apply.progress.tell("job_released", job=job.key, why=why, at=at)
    for item, _ in bad:
        apply.progress.fail(item.key, why)
    half = len(good) // 2
    parts = [good] if bad and good else [good[:half], good[half:]]
    at_once = apply.work.target.capabilities.jobs_at_once
    for number, some in enumerate(parts):
        if at_once is not None and number:
            apply.released += len(some)  # the next round sends them
        elif some:
            _start(apply, job, some, bound)
    apply.purse.give_back(len(job.items), apply.flight.land(job))  # behind the parts: the flight must not look empty
    return None


async def drop_items(apply: Apply, job: Job, bad: Collection[str], why: str) -> None:
    """Fail the items that spoiled an accepted job, and free the others: the next round sends them without these.

    The job had an id, so that nothing proves that it was not paid: the budget goes on counting it.
    """
    at = apply.now()
    both = await apply.work.ledger.job_items(apply.work.scope, job.key)
    ids = [id_ for id_, item in both if item.key in bad]
    part = _part(apply, job, [item for _, item in both if item.key in bad])
    failed = (JobIntended(part.key, part.attempt, ids, at), JobReleased(part.key, at, why, error=why))
    await apply.record(JobReleased(job.key, at, why, unproven=True), *failed)
    for key in sorted(bad):
        apply.progress.fail(key, why)
    apply.progress.tell("job_released", job=job.key, why=why, at=at)
    apply.released += len(both) - len(ids)
    apply.flight.land(job)


def spoils(job: Job, bad: Collection[str]) -> bool:
    """Whether some items of a job, but not all of them, are bad."""
    return 0 < sum(item.key in bad for item in job.items) < len(job.items)


def close_splits(apply: Apply) -> None:
    """Count the jobs whose parts were all refused, when no part of any is in flight."""
    apply.split_in_vain += sum(not each.any_accepted for each in apply.splits)
    apply.splits.clear()


def _start(apply: Apply, job: Job, some: Sequence[tuple[Item, int]], bound: Split) -> None:
    part = _part(apply, job, [item for item, _ in some])
    apply.flight.start(part, apply.purse.reserve(len(some)))
    apply.agenda.now(Step(Action.SUBMIT, part, tuple(id_ for _, id_ in some), split=bound))


def _part(apply: Apply, job: Job, items: Sequence[Item]) -> Job:
    return Job(job_key(apply.work.scope, apply.work.work, job.attempt, items), job.attempt, tuple(items))
