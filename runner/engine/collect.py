"""The end of a job: its results, item by item, into the ledger.

Whatever the platform sends, every item of the job ends in exactly one state: a success outweighs an error of the same
item, else the first result counts; a second one is dropped and reported, a result for a foreign item is dropped and
reported, an item without one has failed. One piece that cannot be read fails its own item alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from runner.engine.agenda import Action, Step
from runner.engine.apply import Apply
from runner.engine.outcome import hold, later_or_park, stop
from runner.engine.split import drop_items, spoils
from runner.model.errors import ConfigError, JobLost, Refused, RunnerError, StopRun, UnexpectedReply, UnreadableReply
from runner.model.event import Event, ItemsDone, JobPolled, JobSettled
from runner.model.item import Result
from runner.model.job import Job, JobState, JobStatus

COMMITTED_TOGETHER = 1000
LOOK_AGAIN_S = (1.0, 2.0, 4.0, 8.0, 15.0)
"""Delays before reading a job again that succeeded but whose results are incomplete."""

KEYS_SHOWN = 3
_GOOD = frozenset({JobStatus.SUCCEEDED, JobStatus.PARTIAL})


@dataclass(slots=True)
class _Harvest:
    """Results of one job as they arrive.

    Attributes:
        waiting: keys of the items without a success so far.
        failed: the first error of items that may still turn out to have succeeded.
        unreadable: where pieces that cannot be read are, and what they look like.
        foreign: the first key that is not one of the job's items; `strangers` counts the results for such keys.
        came: how many items have a result that can be read.
        outweighed: items with an error and a success.
    """

    job: Job
    waiting: set[str]
    ready: list[Result] = field(default_factory=list)
    failed: dict[str, Result] = field(default_factory=dict)
    unreadable: list[str] = field(default_factory=list)
    cost: float | None = None
    doubles: list[str] = field(default_factory=list)
    outweighed: list[str] = field(default_factory=list)
    foreign: str = ""
    strangers: int = 0
    came: int = 0

    def take(self, results: Sequence[Result]) -> None:
        known = None
        for result in results:
            if result.is_unreadable:
                self.unreadable.append(result.error)
            if result.key in self.waiting:
                self._take(result)
                continue
            if result.is_unreadable:
                continue
            known = {item.key for item in self.job.items} if known is None else known
            if result.key not in known:
                self.foreign = self.foreign or result.key
                self.strangers += 1
            elif result.error:
                self.outweighed.append(result.key)
            else:
                self.doubles.append(result.key)

    def _take(self, result: Result) -> None:
        before = self.failed.get(result.key)
        if not result.is_unreadable:
            self.came += before is None or before.is_unreadable
            if result.cost is not None:
                self.cost = (self.cost or 0.0) + result.cost
        if not result.error:
            self.waiting.discard(result.key)
            self.ready.append(result)
            if self.failed.pop(result.key, None) is not None:
                self.outweighed.append(result.key)
        elif before is None or before.is_unreadable:
            self.failed[result.key] = result
        elif not result.is_unreadable:
            self.doubles.append(result.key)

    def finish(self) -> None:
        """Count the errors: no later result can outweigh them."""
        self.ready += self.failed.values()
        self.waiting -= self.failed.keys()

    @property
    def misfit(self) -> str:
        """Return why no result fits: none can be read, or none is for an item of the job; empty when none came."""
        if self.unreadable:
            return self.unreadable[0]
        if not self.strangers:
            return ""
        return f"none of {self.strangers} results is for an item of the job, the first is for {self.foreign[:80]!r}"

    def is_incomplete(self, state: JobState) -> bool:
        """Whether the platform itself says that more results are to come, or gave nothing at all."""
        if not self.waiting - self.failed.keys():
            return False
        size = len(self.job.items)
        counts = [one for one in state.counters.values() if isinstance(one, int) and not isinstance(one, bool)]
        return not self.came or self.came < max((one for one in counts if one <= size), default=0)


async def collect(apply: Apply, step: Step) -> Step | None:
    """Commit the results of a terminal job and settle it."""
    job, state = step.job, step.state
    if state is None:
        return Step(Action.POLL, job)
    harvest = _Harvest(job, {item.key for item in job.items})
    is_good = state.status in _GOOD
    try:
        await _gather(apply, harvest, state)
    except RunnerError as error:
        needs_none = not is_good and (isinstance(error, Refused) or _is_unreadable(error, step))
        if not needs_none:
            return await _ungathered(apply, step, error)
    if is_good and await _looks_again(apply, step, harvest, state):
        return None
    if is_good and not harvest.came and (misfit := harvest.misfit):
        return await _unreadable(apply, job, UnreadableReply(misfit))
    if not harvest.came and spoils(job, state.bad_items):
        await drop_items(apply, job, state.bad_items, _why_missing(state, harvest))
        return None
    harvest.finish()
    await _settle(apply, harvest, state)
    return None


def _is_unreadable(error: RunnerError, step: Step) -> bool:
    """Whether results could not be read for the second time."""
    return isinstance(error, UnreadableReply) and step.tries > 0


async def _ungathered(apply: Apply, step: Step, error: RunnerError) -> Step | None:
    """Hold a job whose results cannot be fetched, or fetch them again later."""
    if isinstance(error, ConfigError | StopRun):
        await stop(apply, step.job, error)
        return None
    if isinstance(error, JobLost | Refused):
        what = "are gone" if isinstance(error, JobLost) else "are refused"
        return await hold(apply, step.job, f"the job is over, but its results {what}: {error}")
    if isinstance(error, UnreadableReply) and _is_unreadable(error, step):
        return await _unreadable(apply, step.job, error)
    later_or_park(apply, step, error)
    return None


async def _unreadable(apply: Apply, job: Job, error: UnreadableReply) -> Step | None:
    """Hold a job whose results cannot be read, and count a reply that does not fit the manifest."""
    await hold(apply, job, f"the job is over, but its results cannot be read: {error}")
    if job.key not in apply.reread:
        apply.misfits(UnexpectedReply(str(error), status=error.status, mend=error.mend))
    return None


async def _looks_again(apply: Apply, step: Step, harvest: _Harvest, state: JobState) -> bool:
    """Look at the job again later when its results are not all there, or not all readable; keep what has come."""
    most = len(LOOK_AGAIN_S) if harvest.is_incomplete(state) else 0
    if harvest.unreadable and harvest.waiting:
        most = max(1, most if harvest.came else 1)
    if step.looks >= most:
        return False
    if harvest.ready:
        await apply.record(*_polled(harvest.job, state, apply.now()), _done(apply, harvest, is_part=True))
    following = Step(Action.POLL, step.job, looks=step.looks + 1, ended=state, is_put_off=True)
    apply.agenda.later(following, LOOK_AGAIN_S[step.looks])
    return True


async def _gather(apply: Apply, harvest: _Harvest, state: JobState) -> None:
    """Fetch all results; large jobs are committed in pieces, so that memory stays flat and nothing is fetched twice."""
    async for batch in apply.work.target.results(harvest.job, state):
        harvest.take(batch)
        if len(harvest.ready) >= COMMITTED_TOGETHER:
            await apply.record(*_polled(harvest.job, state, apply.now()), _done(apply, harvest, is_part=True))


def _polled(job: Job, state: JobState, at: float) -> Sequence[Event]:
    return [JobPolled(job.key, state.status, at, state.word, state.error, state.kept)]


def _done(apply: Apply, harvest: _Harvest, *, is_part: bool = False) -> ItemsDone:
    """Return the event of what is ready, and count it; after a failure in the middle all pieces come once more."""
    results, harvest.ready = harvest.ready, []
    counted = apply.counted.get(harvest.job.key)
    fresh = results if counted is None else [result for result in results if result.key not in counted]
    for result in fresh:
        if result.error:
            apply.progress.fail(result.key, result.error)
    apply.progress.items["succeeded"] += sum(not result.error for result in fresh)
    if is_part:
        apply.counted.setdefault(harvest.job.key, set()).update(result.key for result in results)
    return ItemsDone(harvest.job.key, results, apply.now())


async def _settle(apply: Apply, harvest: _Harvest, state: JobState) -> None:
    job, at = harvest.job, apply.now()
    harvest.waiting -= apply.counted.get(job.key, set())
    missing = _why_missing(state, harvest)
    cost = state.cost if state.cost is not None else harvest.cost
    events = [*_polled(job, state, at)]
    if harvest.ready:
        events.append(_done(apply, harvest))
    await apply.record(*events, JobSettled(job.key, at, cost, missing if harvest.waiting else ""))
    apply.counted.pop(job.key, None)
    if harvest.failed or harvest.waiting:
        apply.reread.add(job.key)
    for item in job.items if harvest.waiting else ():
        if item.key in harvest.waiting:
            apply.progress.fail(item.key, missing)
    _report(apply, harvest, state, cost)
    await _clean_up(apply, job)
    reserved = apply.flight.land(job)
    apply.purse.settle(reserved, cost)
    apply.progress.spend(cost)


async def _clean_up(apply: Apply, job: Job) -> None:
    """Remove what the job left on the platform, now that its results are durable; failing to changes nothing."""
    if apply.powers.cleaning is not None:
        try:
            await apply.powers.cleaning.clean_up(job)
        except RunnerError as error:
            apply.progress.note(f"not cleaned up: {error}")


def _why_missing(state: JobState, harvest: _Harvest) -> str:
    if state.status in _GOOD:
        why = "no result: the job ended without one for this item"
        return f"{why}; {'; '.join(harvest.unreadable[:KEYS_SHOWN])}" if harvest.unreadable else why
    return state.error or f"the job ended as {state.word or state.status}"


def _report(apply: Apply, harvest: _Harvest, state: JobState, cost: float | None) -> None:
    apply.progress.jobs["finished"] += 1
    if harvest.doubles:
        which = _names(harvest.doubles)
        apply.progress.note(f"items with two results; the first one counts: {which}", len(harvest.doubles))
    if harvest.outweighed:
        note = "items with an error and a result in one job; the result counts"
        apply.progress.note(f"{note}: {_names(harvest.outweighed)}")
    if harvest.strangers:
        apply.progress.note("results for items that were not in the job; dropped", harvest.strangers)
    apply.progress.count(harvest.job.id or harvest.job.key, state.counters)
    apply.progress.tell(
        "job_finished",
        job=harvest.job.key,
        id=harvest.job.id,
        status=str(state.status),
        items=len(harvest.job.items),
        cost=cost,
        at=apply.now(),
    )


def _names(keys: Sequence[str]) -> str:
    """Return the first of some item keys, for a message."""
    shown = list(dict.fromkeys(keys))
    more = f" and {len(shown) - KEYS_SHOWN} more" if len(shown) > KEYS_SHOWN else ""
    return ", ".join(map(repr, shown[:KEYS_SHOWN])) + more
