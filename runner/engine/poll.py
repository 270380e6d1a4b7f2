"""The second half of a job: ask how it stands until it is over, or until a person must look."""

from __future__ import annotations

from dataclasses import replace

from runner.engine.agenda import Action, Step
from runner.engine.apply import Apply
from runner.engine.cancel import expire, hold_running
from runner.engine.collect import LOOK_AGAIN_S
from runner.engine.outcome import ask_later, hold, later_or_park, park, stop
from runner.engine.stop import Reason
from runner.model.contracts import PollingMany
from runner.model.errors import (
    ConfigError,
    JobLost,
    Refused,
    RunnerError,
    StopRun,
    Unavailable,
    UnexpectedReply,
    UnreadableReply,
)
from runner.model.event import JobPolled
from runner.model.job import Job, JobState, JobStatus

POLLED_TOGETHER = 100
UNREADABLE_POLLS = 5
"""Unreadable replies in a row after which a job is held."""
REFUSED_POLLS = 5
"""Refused polls in a row after which a job is held; the next apply polls it again."""


async def poll(apply: Apply, step: Step) -> Step | None:
    """Ask about one job, or about all that are due when the platform can tell about many at once."""
    if apply.powers.polling_many is not None:
        return await _poll_many(
            apply, apply.powers.polling_many, [step, *apply.agenda.take_due(Action.POLL, POLLED_TOGETHER - 1)]
        )
    return await _poll_one(apply, step)


async def judge(apply: Apply, step: Step) -> Step | None:
    """Go on with what a question about many jobs told about this one; ask alone when it told nothing."""
    if step.state is None:
        return await _poll_one(apply, step)
    return await _judge(apply, step, step.state, _age_s(apply, step.job))


async def _poll_one(apply: Apply, step: Step) -> Step | None:
    asked_s = _age_s(apply, step.job)
    try:
        state = await apply.work.target.poll(step.job)
    except (ConfigError, StopRun) as error:
        await stop(apply, step.job, error)
        return None
    except JobLost as error:
        if step.ended is not None:
            return _last_look(step, step.ended)
        if _is_young(apply, step.job):
            later_or_park(apply, step, error)
            return None
        return await hold(apply, step.job, f"the platform no longer knows the job: {error}")
    except RunnerError as error:
        return await _unanswered(apply, step, error)
    return await _judge(apply, step, state, asked_s)


async def _unanswered(apply: Apply, step: Step, error: RunnerError) -> Step | None:
    """Ask again later; the time limit of a job ends it even when no question is answered."""
    if step.ends_at is not None and apply.work.clock.monotonic() >= step.ends_at:
        return await _unconfirmed(apply, step)
    timeout_s = apply.work.run.timeout_s
    if step.ended is None and timeout_s is not None and _is_over_time(apply, step, step.job):
        return await expire(apply, step.job, timeout_s)
    if isinstance(error, Refused) and step.ended is not None:
        return _last_look(step, step.ended)
    if isinstance(error, Refused) and step.tries + 1 >= REFUSED_POLLS:
        return await hold_running(apply, step.job, f"the platform does not report the state of the job: {error}")
    if isinstance(error, UnreadableReply) and step.tries + 1 >= UNREADABLE_POLLS:
        await hold(apply, step.job, f"the platform's answers about the job cannot be read: {error}")
        apply.misfits(UnexpectedReply(str(error), status=error.status, mend=error.mend))
        return None
    later_or_park(apply, step, error)
    return None


def _last_look(step: Step, ended: JobState) -> Step:
    """Settle an ended job with the results it gave: it cannot be polled any more."""
    return Step(Action.COLLECT, step.job, state=ended, looks=len(LOOK_AGAIN_S))


def _is_over_time(apply: Apply, step: Step, job: Job) -> bool:
    timeout_s = apply.work.run.timeout_s
    is_waiting = step.is_human or step.ends_at is not None
    return timeout_s is not None and not is_waiting and _age_s(apply, job) >= timeout_s


def _age_s(apply: Apply, job: Job) -> float:
    return apply.flight.age_s(job, apply.work.clock.monotonic())


def _is_young(apply: Apply, job: Job) -> bool:
    """Whether the platform may not show the job yet, although it accepted it."""
    return _age_s(apply, job) < apply.work.target.capabilities.visible_within_s


async def _poll_many(apply: Apply, target: PollingMany, steps: list[Step]) -> Step | None:
    first, *others = steps
    try:
        states = await target.poll_many([step.job for step in steps])
    except (ConfigError, StopRun) as error:
        apply.stop.ask(Reason.ERROR, error)
        return None
    except (Refused, UnreadableReply):
        states = {}  # the listing cannot be read: each job is polled alone
    except RunnerError as error:
        for step in others:
            if (following := await _unanswered(apply, step, error)) is not None:
                apply.agenda.now(following)
        return await _unanswered(apply, first, error)
    except BaseException:
        for step in others:  # whoever catches this knows of the first one only
            apply.agenda.now(replace(step, action=Action.JUDGE))
        raise
    for step in others:
        apply.agenda.now(replace(step, action=Action.JUDGE, state=states.get(step.job.key)))
    return replace(first, action=Action.JUDGE, state=states.get(first.job.key))


def _pass_on(apply: Apply, job: Job, state: JobState) -> None:
    """Tell whoever watches what the job prints and how far it says it is."""
    if state.log:
        apply.progress.tell("log", job=job.key, lines=list(state.log), at=apply.now())
    if state.progress is not None or state.counters:
        facts = {"progress": state.progress, "metadata": dict(state.counters)}
        apply.progress.tell("progress", job=job.key, at=apply.now(), **facts)


async def _judge(apply: Apply, step: Step, state: JobState, asked_s: float) -> Step | None:
    """Go on with a job by its state, which was asked for at this age."""
    job = replace(step.job, kept={**step.job.kept, **state.kept}) if state.kept else step.job
    _pass_on(apply, job, state)
    if state.status is JobStatus.HELD:
        return await hold(apply, job, f"the platform says {state.word!r}, which its manifest does not know")
    if state.is_terminal:
        if _teaches(apply, step) and apply.rhythm.learn(step.running_s, asked_s):
            apply.agenda.sooner(Action.POLL, lambda each: _delay_s(apply, each))
        return Step(Action.COLLECT, job, state=_ended(step, state), looks=step.looks)
    apply.rhythm.runs(asked_s)
    is_human = state.status is JobStatus.WAITING_HUMAN
    apply.flight.human(job, waits=is_human)
    if step.polls == 0 or state.kept or is_human:
        await apply.record(JobPolled(job.key, state.status, apply.now(), state.word, state.error, state.kept))
    step = replace(step, job=job, is_human=is_human)
    if step.ends_at is not None and apply.work.clock.monotonic() >= step.ends_at:
        return await _unconfirmed(apply, step)
    timeout_s = apply.work.run.timeout_s
    if timeout_s is not None and _is_over_time(apply, step, job):
        return await expire(apply, job, timeout_s)
    following = Step(
        Action.POLL,
        job,
        polls=step.polls + 1,
        ends_at=step.ends_at,
        why=step.why,
        running_s=asked_s,
        is_human=is_human,
    )
    return ask_later(apply, following, state.poll_after_s)


def _teaches(apply: Apply, step: Step) -> bool:
    """Whether the end of a job says how long jobs take: only of one that was seen running in this process, or begun."""
    return step.ended is None and (step.running_s > 0 or step.job.key not in apply.flight.resumed)


def _delay_s(apply: Apply, step: Step) -> float:
    return apply.rhythm.delay(step.polls, _age_s(apply, step.job), step.running_s, len(apply.flight))


def _ended(step: Step, state: JobState) -> JobState:
    """Say why a job was cancelled, when that was by us."""
    return replace(state, error=step.why) if step.why and state.status is JobStatus.CANCELLED else state


async def _unconfirmed(apply: Apply, step: Step) -> Step | None:
    """Hold a job that was cancelled by its time limit but still runs; an explicit cancel leaves it in flight."""
    if apply.cancels:
        park(apply, step.job, Unavailable(f"job {step.job.id} still runs"))
        return None
    return await hold_running(apply, step.job, f"{step.why}, but the platform has not confirmed it")
