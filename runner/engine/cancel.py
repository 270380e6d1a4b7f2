"""The early end of a job: ask the platform to cancel it, then wait for its end; what it brought is still collected."""

from __future__ import annotations

from runner.engine.agenda import Action, Step
from runner.engine.apply import Apply
from runner.engine.outcome import later_or_park
from runner.engine.stop import Reason
from runner.model.contracts import Cancelling
from runner.model.errors import ConfigError, RunnerError, StopRun, Unavailable
from runner.model.job import Job, JobState, JobStatus

CONFIRMED_WITHIN_S = 60.0
"""How long the end of a cancelled job is waited for."""

CANNOT = "the platform cannot cancel jobs"


async def cancel(apply: Apply, step: Step) -> Step | None:
    """Cancel one running job because a person asked for it.

    Where that cannot be done the job is asked once how it stands: it may have ended meanwhile.
    """
    job, target = step.job, apply.work.target
    if not isinstance(target, Cancelling):
        apply.progress.note(f"{CANNOT}: those that run go on, and may cost money")
        return Step(Action.POLL, job, ends_at=apply.work.clock.monotonic())
    try:
        await target.cancel(job)
    except (ConfigError, StopRun) as error:
        apply.stop.ask(Reason.ERROR, error)
        return None
    except Unavailable as error:
        later_or_park(apply, step, error)
        return None
    except RunnerError as error:
        apply.progress.note(f"not cancelled: {error}")
        return Step(Action.POLL, job, ends_at=apply.work.clock.monotonic())
    apply.progress.jobs["cancelled"] += 1
    apply.progress.tell("job_cancelled", job=job.key, id=job.id, at=apply.now())
    return Step(Action.POLL, job, ends_at=apply.work.clock.monotonic() + CONFIRMED_WITHIN_S, why="cancelled by hand")


async def expire(apply: Apply, job: Job, timeout_s: float) -> Step | None:
    """End a job that took too long."""
    why = f"not finished within {timeout_s:g} s"
    apply.progress.tell("job_expired", job=job.key, id=job.id, at=apply.now())
    target = apply.work.target
    if not isinstance(target, Cancelling):
        why += f"; {CANNOT}, so it may still cost money there"
        return _collected(job, why)
    try:
        await target.cancel(job)
    except RunnerError as refused:
        return _collected(job, f"{why}; cancelling failed: {refused}")
    ends_at = apply.work.clock.monotonic() + CONFIRMED_WITHIN_S
    return Step(Action.POLL, job, ends_at=ends_at, why=f"{why}; cancelled")


def _collected(job: Job, why: str) -> Step:
    return Step(Action.COLLECT, job, state=JobState(JobStatus.EXPIRED, "expired", error=why))
