"""The second half of a job: ask how it stands until it is over, or until a person must look."""

from __future__ import annotations

from dataclasses import replace

from runner.engine.agenda import Action, Step
from runner.engine.apply import Apply
from runner.engine.outcome import hold, later_or_park
from runner.engine.stop import Reason
from runner.model.contracts import Cancelling, PollingMany
from runner.model.errors import AuthError, JobLost, RunnerError, StopRun
from runner.model.event import JobPolled
from runner.model.job import Job, JobState, JobStatus

POLLED_TOGETHER = 100


async def poll(apply: Apply, step: Step) -> Step | None:
    """Ask about one job, or about all that are due when the platform can tell about many at once."""
    target = apply.work.target
    if isinstance(target, PollingMany):
        return await _poll_many(apply, target, [step, *apply.agenda.take_due(Action.POLL, POLLED_TOGETHER - 1)])
    return await _poll_one(apply, step)


async def _poll_one(apply: Apply, step: Step) -> Step | None:
    try:
        state = await apply.work.target.poll(step.job)
    except (AuthError, StopRun) as error:
        apply.stop.ask(Reason.ERROR, error)
        return None
    except JobLost as error:
        return await hold(apply, step.job, f"the platform no longer knows the job: {error}")
    except RunnerError as error:
        later_or_park(apply, step, error)
        return None
    return await _judge(apply, step, state)


async def _poll_many(apply: Apply, target: PollingMany, steps: list[Step]) -> Step | None:
    try:
        states = await target.poll_many([step.job for step in steps])
    except (AuthError, StopRun) as error:
        apply.stop.ask(Reason.ERROR, error)
        return None
    except RunnerError as error:
        for step in steps:
            later_or_park(apply, step, error)
        return None
    for step in steps:
        state = states.get(step.job.key)
        following = await (_poll_one(apply, step) if state is None else _judge(apply, step, state))
        if following is not None:
            apply.agenda.now(following)
    return None


def _pass_on(apply: Apply, job: Job, state: JobState) -> None:
    """Tell whoever watches what the job prints and how far it says it is."""
    if state.log:
        apply.progress.tell("log", job=job.key, lines=list(state.log), at=apply.now())
    if state.progress is not None or state.counters:
        facts = {"progress": state.progress, "metadata": dict(state.counters)}
        apply.progress.tell("progress", job=job.key, at=apply.now(), **facts)


async def _judge(apply: Apply, step: Step, state: JobState) -> Step | None:
    job = replace(step.job, kept={**step.job.kept, **state.kept}) if state.kept else step.job
    _pass_on(apply, job, state)
    if state.status is JobStatus.HELD:
        return await hold(apply, job, f"the platform says {state.word!r}, which its manifest does not know")
    if state.is_terminal:
        apply.rhythm.learn(apply.now() - (job.accepted_at or apply.now()))
        return Step(Action.COLLECT, job, state=state)
    age_s = max(0.0, apply.now() - (job.accepted_at or apply.now()))
    is_human = state.status is JobStatus.WAITING_HUMAN
    apply.flight.human(job, waits=is_human)
    if step.polls == 0 or state.kept or is_human:
        await apply.record(JobPolled(job.key, state.status, apply.now(), state.word, state.error, state.kept))
    timeout_s = apply.work.run.timeout_s
    if timeout_s is not None and age_s > timeout_s and not is_human:
        return await _expire(apply, job, timeout_s)
    delay_s = apply.rhythm.delay(step.polls + 1, age_s, state.poll_after_s)
    apply.agenda.later(Step(Action.POLL, job, polls=step.polls + 1), delay_s)
    return None


async def _expire(apply: Apply, job: Job, timeout_s: float) -> Step | None:
    """End a job that took too long: cancel it where that can be done; its results so far are still collected."""
    error = f"not finished within {timeout_s:g} s"
    if isinstance(apply.work.target, Cancelling):
        try:
            await apply.work.target.cancel(job)
        except RunnerError as refused:
            error += f"; cancelling failed: {refused}"
    else:
        error += "; the platform cannot cancel it, so it may still cost money there"
    apply.progress.tell("job_expired", job=job.key, id=job.id, at=apply.now())
    return Step(Action.COLLECT, job, state=JobState(JobStatus.EXPIRED, "expired", error=error))
