"""What a manifest promises about its jobs, tried on the platform: each broken promise is one discrepancy."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from secrets import token_hex
from typing import Final
from uuid import UUID, uuid4

from runner.assembly.trial.comparing import Discrepancy
from runner.engine.work import Work
from runner.model.contracts import Cancelling, Clock, Finding, Preparing, Target
from runner.model.errors import JobLost, RunnerError
from runner.model.item import Item, Json
from runner.model.job import Find, Job, JobState, JobStatus

ENDS_WITHIN_S: Final = 600.0
ASKED_EVERY_S: Final = 1.0
SHOWN_LATE_S: Final = 5.0
"""A listing may lag a little behind what it promises: clocks and requests take time."""

_COMPLETE: Final = frozenset({JobStatus.SUCCEEDED, JobStatus.PARTIAL})


async def broken_promises(work: Work, clock: Clock) -> Sequence[Discrepancy]:
    """Send a job of the source's items under a new key, and try everything that the target says it can do.

    The job costs what such a job costs; a target that can cancel gets a second one, which is cancelled at once.
    """
    target = work.target
    most = target.capabilities.max_items_per_job
    items = [item async for batch in work.source.read() for item in batch.items][:most]
    sent = await _sent(target, clock, items)
    broken = [
        *await _remembered(target, sent),
        *await _found(target, clock, sent),
        *await _stranger_found(target, clock, sent),
        *await _lost(target, sent),
    ]
    state = await _ended(target, clock, sent)
    if state is None:
        broken.append(_broken(f"job {sent.id} has not ended within {ENDS_WITHIN_S:.0f} s", "mend poll.states"))
    else:
        broken += await _brought(target, sent, state)
    if isinstance(target, Cancelling):
        broken += await _cancelled(target, clock, items)
    return broken


def _broken(what: str, mend: str) -> Discrepancy:
    return Discrepancy("broken-promise", what, ("promises",), mend)


async def _prepared(target: Target, clock: Clock, items: Sequence[Item]) -> Job:
    job = Job(token_hex(16), 1, items)
    kept = dict(await target.prepare(job)) if isinstance(target, Preparing) else {}
    return replace(job, kept=kept, sent_at=clock.now())


async def _sent(target: Target, clock: Clock, items: Sequence[Item]) -> Job:
    job = await _prepared(target, clock, items)
    submitted = await target.submit(job)
    return replace(job, id=submitted.id, kept={**job.kept, **submitted.kept}, accepted_at=clock.now())


async def _remembered(target: Target, job: Job) -> Sequence[Discrepancy]:
    """Send it again: a platform that knows keys gives the first job back."""
    if target.capabilities.find is not Find.KEY:
        return []
    mend = "send job.key where the platform looks for it; if it knows no keys, say another find"
    try:
        again = await target.submit(replace(job, id=None))
    except RunnerError as error:
        return [_broken(f"find: key, but the same key is refused: {error}", mend)]
    if again.id != job.id:
        return [_broken(f"find: key, but the same key made a second job: {job.id}, then {again.id}", mend)]
    return []


async def _found(target: Target, clock: Clock, job: Job) -> Sequence[Discrepancy]:
    if not isinstance(target, Finding):
        return []
    within_s = target.capabilities.visible_within_s
    until_s = clock.monotonic() + within_s + SHOWN_LATE_S
    found = await target.find(replace(job, id=None))
    while found is None and clock.monotonic() < until_s:
        await clock.sleep(ASKED_EVERY_S)
        found = await target.find(replace(job, id=None))
    if found is None:
        what = f"find: job {job.id} is not found within {within_s:g} s"
        return [_broken(what, "say a longer visible_within, or mend each and match of find")]
    if found.id != job.id and (_is_believed(target) or target.capabilities.find is Find.KEY):
        return [_broken(f"find: job {job.id} was taken for {found.id}", "mend match: it must know this job only")]
    return []


async def _stranger_found(target: Target, clock: Clock, job: Job) -> Sequence[Discrepancy]:
    """Look for a job that was never sent, of the same items."""
    if not _is_believed(target) or not isinstance(target, Finding):
        return []
    found = await target.find(await _prepared(target, clock, job.items))
    if found is None:
        return []
    return [_broken(f"find: a job that was never sent was taken for {found.id}", "mend match, or say find: probable")]


def _is_believed(target: Target) -> bool:
    """Whether what is found is taken for the job: a likely one is, where no other may be on its way."""
    said = target.capabilities
    return said.find is Find.EXACT or (said.find is Find.PROBABLE and said.jobs_at_once == 1)


async def _lost(target: Target, job: Job) -> Sequence[Discrepancy]:
    mend = "a reply to an unknown job must mean that it is lost: see lost in poll"
    try:
        state = await target.poll(_stranger(job))
    except JobLost:
        return []
    except RunnerError as error:
        return [_broken(f"poll: an unknown job is not said to be lost, but: {error}", mend)]
    return [_broken(f"poll: an unknown job is said to be {state.word or state.status}", mend)]


def _stranger(job: Job) -> Job:
    """Return the job with an id that nobody has, of the same form, in all that was kept of it too."""
    known, other = str(job.id), _unlike(str(job.id))

    def renamed(value: Json) -> Json:
        return value.replace(known, other) if isinstance(value, str) else value

    return replace(job, id=other, kept={name: renamed(value) for name, value in job.kept.items()})


def _unlike(known: str) -> str:
    try:
        UUID(known)
    except ValueError:
        pass
    else:
        return str(uuid4())
    if re.fullmatch("[0-9a-f]{16,}", known):
        return token_hex(len(known))[: len(known)]
    if tail := re.search("[0-9]{1,12}$", known):
        return f"{known[: tail.start()]}{int(tail[0]) + 1_000_000_007}"
    return f"{known}{token_hex(4)}"


async def _ended(target: Target, clock: Clock, job: Job) -> JobState | None:
    until_s = clock.monotonic() + ENDS_WITHIN_S
    while clock.monotonic() < until_s:
        state = await target.poll(job)
        job = replace(job, kept={**job.kept, **state.kept})
        if state.is_terminal:
            return replace(state, kept=job.kept)
        await clock.sleep(max(ASKED_EVERY_S, state.poll_after_s or 0.0))
    return None


async def _brought(target: Target, job: Job, state: JobState) -> Sequence[Discrepancy]:
    """Read the results as after a restart: without the items' bytes, and without poll's reply."""
    bare = replace(job, items=[replace(item, body=None) for item in job.items], kept={**job.kept, **state.kept})
    seen: Counter[str] = Counter()
    try:
        async for batch in target.results(bare, replace(state, reply=None)):
            seen.update(result.key for result in batch)
    except RunnerError as error:
        return [_broken(f"results: {error}", "results must be there when poll says that the job has ended")]
    return list(_judged({item.key for item in job.items}, seen, is_complete=state.status in _COMPLETE))


def _judged(wanted: set[str], seen: Counter[str], *, is_complete: bool) -> Iterator[Discrepancy]:
    mend = "mend item of results: it must be what was sent for the item"
    for key in sorted(wanted - seen.keys()) if is_complete else ():
        yield _broken(f"results: there is nothing for item {key!r}", mend)
    for key in sorted(seen.keys() - wanted):
        yield _broken(f"results: {key!r} is no item of the job", mend)
    for key in sorted(key for key, times in seen.items() if times > 1):
        yield _broken(f"results: item {key!r} comes {seen[key]} times", "mend pages or each of results")


async def _cancelled(target: Target, clock: Clock, items: Sequence[Item]) -> Sequence[Discrepancy]:
    """Cancel a second job; one that had ended before cannot show anything."""
    assert isinstance(target, Cancelling)
    job = await _sent(target, clock, items)
    mend = "mend the call of cancel; if jobs cannot be cancelled, say cancel: false"
    try:
        await target.cancel(job)
        is_running = not (await target.poll(job)).is_terminal
    except RunnerError as error:
        return [_broken(f"cancel: {error}", mend)]
    ended = await _ended(target, clock, job)
    if ended is None:
        return [_broken(f"cancel: job {job.id} still runs {ENDS_WITHIN_S:.0f} s later", mend)]
    if is_running and ended.status in _COMPLETE:
        return [_broken(f"cancel: job {job.id} went on all the same, and has {ended.status}", mend)]
    return []
