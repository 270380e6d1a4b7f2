"""Cancel jobs: ask the platform to end a job, wait for its end, and collect its results all the same.

Only the platform's own word frees the items of a job that took too long. A job that may still run is held, and the
next apply asks it again before anything is paid.
"""

from __future__ import annotations

from runner.engine.agenda import Action, Step
from runner.engine.apply import Apply
from runner.engine.outcome import hold, later_or_park
from runner.engine.stop import Reason
from runner.model.contracts import Cancelling
from runner.model.errors import ConfigError, RunnerError, StopRun, Unavailable
from runner.model.job import Job

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
        return await hold_running(apply, job, f"{why}; {CANNOT}, so it may still cost money there")
    try:
        await target.cancel(job)
    except RunnerError as refused:
        return await hold_running(apply, job, f"{why}; cancelling failed: {refused}")
    ends_at = apply.work.clock.monotonic() + CONFIRMED_WITHIN_S
    return Step(Action.POLL, job, ends_at=ends_at, why=f"{why}; cancelled")


async def hold_running(apply: Apply, job: Job, why: str) -> Step | None:
    """Hold a job that may still run and end well; it stays known, and is asked again by the next apply or retry."""
    end = f"the next apply polls it again (or give it up: runner retry --abandon {job.key[:8]})"
    return await hold(apply, job, f"{why}; {end}")
