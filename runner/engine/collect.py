"""The end of a job: its results, item by item, into the ledger.

Whatever the platform sends, every item of the job ends in exactly one state: the first result of an item counts, a
second one is dropped and told, a result for a foreign item is dropped and told, an item without one has failed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from runner.engine.agenda import Action, Step
from runner.engine.apply import Apply
from runner.engine.outcome import hold, later_or_park
from runner.engine.stop import Reason
from runner.model.errors import ConfigError, JobLost, Refused, RunnerError, StopRun
from runner.model.event import Event, ItemsDone, JobPolled, JobSettled
from runner.model.item import Result
from runner.model.job import Job, JobState, JobStatus

COMMITTED_TOGETHER = 1000


@dataclass(slots=True)
class _Harvest:
    """Results of one job as they arrive."""

    job: Job
    waiting: set[str]
    ready: list[Result] = field(default_factory=list)
    cost: float | None = None
    doubles: int = 0
    foreign: int = 0
    has_failures: bool = False

    def take(self, results: Sequence[Result]) -> None:
        known = None
        for result in results:
            if result.key in self.waiting:
                self.waiting.discard(result.key)
                self.ready.append(result)
                self.has_failures |= bool(result.error)
                if result.cost is not None:
                    self.cost = (self.cost or 0.0) + result.cost
                continue
            known = {item.key for item in self.job.items} if known is None else known
            if result.key in known:
                self.doubles += 1
            else:
                self.foreign += 1


async def collect(apply: Apply, step: Step) -> Step | None:
    """Commit the results of a terminal job and settle it."""
    job, state = step.job, step.state
    if state is None:
        return Step(Action.POLL, job)
    harvest = _Harvest(job, {item.key for item in job.items})
    try:
        await _gather(apply, harvest, state)
    except (ConfigError, StopRun) as error:
        apply.stop.ask(Reason.ERROR, error)
        return None
    except JobLost as error:
        return await hold(apply, job, f"the job is over, but its results are gone: {error}")
    except Refused as error:
        if state.status in (JobStatus.SUCCEEDED, JobStatus.PARTIAL):
            return await hold(apply, job, f"the job is over, but its results are refused: {error}")
    except RunnerError as error:
        later_or_park(apply, step, error)
        return None
    await _settle(apply, harvest, state)
    return None


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
    missing = _why_missing(state)
    cost = state.cost if state.cost is not None else harvest.cost
    events = [*_polled(job, state, at)]
    if harvest.ready:
        events.append(_done(apply, harvest))
    await apply.record(*events, JobSettled(job.key, at, cost, missing if harvest.waiting else ""))
    apply.counted.pop(job.key, None)
    if harvest.has_failures or harvest.waiting:
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


def _why_missing(state: JobState) -> str:
    if state.status in (JobStatus.SUCCEEDED, JobStatus.PARTIAL):
        return "no result: the job ended without one for this item"
    return state.error or f"the job ended as {state.word or state.status}"


def _report(apply: Apply, harvest: _Harvest, state: JobState, cost: float | None) -> None:
    apply.progress.jobs["finished"] += 1
    if harvest.doubles:
        apply.progress.note("results that came twice for one item; the first one counts", harvest.doubles)
    if harvest.foreign:
        apply.progress.note("results for items that were not in the job; dropped", harvest.foreign)
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
