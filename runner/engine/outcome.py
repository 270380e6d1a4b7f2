"""What is written down when it is known what became of a job's request: accepted, released or held."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import inf

from runner.engine.agenda import GRAIN_S, Action, Step
from runner.engine.apply import Acceptance, Apply
from runner.engine.retry import backoff_s
from runner.engine.stop import Reason
from runner.model.errors import RunnerError, StopRun, Unavailable, UnexpectedReply
from runner.model.event import Event, JobAccepted, JobHeld, JobPolled, JobReleased, JobSettled, ManifestUnderstood
from runner.model.item import Json
from runner.model.job import Adoption, Job, JobStatus, Submitted


async def accept(apply: Apply, job: Job, submitted: Submitted, adopted: Adoption = Adoption.NO) -> Step | None:
    """Write down that the platform has the job, and go on with it."""
    at = apply.now()
    state = submitted.state
    has_answer = state is not None and state.is_terminal
    if not has_answer and (owner := apply.claim(submitted.id, job)) is not None:
        return await _taken(apply, job, submitted.id, owner, is_reply=not adopted)
    kept = {**job.kept, **submitted.kept, **(state.kept if state is not None else {})}
    job = Job(job.key, job.attempt, job.items, kept, submitted.id, job.sent_at, at)
    accepted = JobAccepted(job.key, submitted.id, at, job.kept, adopted=adopted)
    first = [] if adopted else _understood(apply, submitted, at)
    if submitted.reply:
        apply.unwritten[job.key] = Acceptance(accepted, submitted.reply, first)
    else:
        await apply.record(accepted, *first)
    apply.flight.born(job, apply.work.clock.monotonic())
    apply.progress.jobs["adopted" if adopted else "accepted"] += 1
    if adopted:
        apply.progress.tell("job_adopted", job=job.key, id=submitted.id, at=at, adoption=str(adopted))
    else:
        apply.progress.tell("job_accepted", job=job.key, id=submitted.id, at=at)
    if has_answer:
        return Step(Action.COLLECT, job, state=state)
    if apply.cancels:
        return Step(Action.CANCEL, job)
    return ask_later(apply, Step(Action.POLL, job), state.poll_after_s if state is not None else None)


async def _taken(apply: Apply, job: Job, id_: str, owner: str, *, is_reply: bool) -> Step | None:
    """Hold a job whose id another one has: its results would be published for the wrong items."""
    where = "submit.id" if is_reply else "find.match"
    what = f"job {owner[:8]} has the id {id_!r} on the platform already"
    way_out = f"look at {where} of the manifest; if both are one job there: runner state adopt --force"
    await hold(apply, job, f"{what}: {way_out}")
    if is_reply:
        apply.misfits(UnexpectedReply(what, mend=way_out), job)
    return None


def _understood(apply: Apply, submitted: Submitted, at: float) -> Sequence[Event]:
    """Learn from a reply that names its job; return what to write when it is the first one of its manifest."""
    if submitted.misfit:
        apply.progress.note(submitted.misfit)
        return ()
    is_first = not apply.replies.is_understood
    apply.replies.fits()
    return (ManifestUnderstood(apply.manifest, at),) if is_first else ()


def ask_later(apply: Apply, step: Step, hint_s: float | None) -> Step | None:
    """Put a question on the agenda in the rhythm of the stage, never sooner than the platform asked for.

    What the platform asks for is bounded, and no question sleeps beyond the time limit of its job.

    Returns:
        The step itself when it is due already, None when it sleeps.
    """
    age_s = apply.flight.age_s(step.job, apply.work.clock.monotonic())
    delay_s = apply.rhythm.delay(step.polls, age_s, step.running_s, len(apply.flight))
    if hint_s is not None:
        hint_s = min(hint_s, max(apply.work.run.max_pause_s, apply.work.run.poll.max_s))
    if hint_s is not None and hint_s > delay_s:
        step, delay_s = replace(step, is_put_off=True), hint_s
    delay_s = min(delay_s, _left_s(apply, step))
    if not step.polls and delay_s < GRAIN_S / 2:
        return step
    apply.agenda.later(step, delay_s)
    return None


def _left_s(apply: Apply, step: Step) -> float:
    """Return the seconds until the time limit of a job is reached; infinite when it was, or there is none."""
    now, timeout_s = apply.work.clock.monotonic(), apply.work.run.timeout_s
    limits = [step.ends_at - now] if step.ends_at is not None else []
    if timeout_s is not None:
        limits.append(timeout_s - apply.flight.age_s(step.job, now))
    return min((left for left in limits if left > 0), default=inf)


async def release(apply: Apply, job: Job, why: str, *, failed: bool = False, unproven: bool = False) -> Step | None:
    """Write down that the job was never accepted; its items are free again, or failed for good.

    Args:
        apply: in which it happens.
        job: to be released.
        why: human-readable reason.
        failed: whether its items fail.
        unproven: whether only a listing says so, and no reply: then the budget does not get its share back.
    """
    await apply.record(JobReleased(job.key, apply.now(), why, error=why if failed else "", unproven=unproven))
    if failed:
        apply.reread.add(job.key)
        for item in job.items:
            apply.progress.fail(item.key, why)
    else:
        apply.released += len(job.items)
    apply.progress.jobs["refused" if failed else "released"] += 1
    apply.progress.tell("job_refused" if failed else "job_released", job=job.key, why=why, at=apply.now())
    reserved = apply.flight.land(job)
    if not unproven:
        apply.purse.give_back(len(job.items), reserved)
    return None


async def fail(apply: Apply, job: Job, why: str) -> Step | None:
    """Write down that the platform answered the paying request with an error; nothing proves that it was not paid."""
    at = apply.now()
    await apply.record(JobPolled(job.key, JobStatus.FAILED, at, error=why), JobSettled(job.key, at, missing=why))
    apply.reread.add(job.key)
    for item in job.items:
        apply.progress.fail(item.key, why)
    apply.progress.jobs["refused"] += 1
    apply.progress.tell("job_refused", job=job.key, why=why, at=at)
    apply.flight.land(job)
    return None


async def hold(apply: Apply, job: Job, why: str, kept: Mapping[str, Json] | None = None) -> Step | None:
    """Hold a job for a person: nothing is sent again automatically; `kept` is stored with the job."""
    at = apply.now()
    event = JobPolled(job.key, JobStatus.HELD, at, error=why, kept=kept) if kept else JobHeld(job.key, at, why)
    await apply.record(event)
    apply.progress.items["held"] += len(job.items)
    apply.progress.jobs["held"] += 1
    apply.progress.tell("job_held", job=job.key, id=job.id, why=why, at=apply.now())
    apply.progress.note(f"held: {why}")
    apply.flight.land(job)
    return None


async def stop(apply: Apply, job: Job, error: RunnerError) -> None:
    """Stop the run; hold a job whose own reply (a page in place of data) stops it, or every apply would stop at it.

    A job that was already held does not stop the others.
    """
    status = error.status if isinstance(error, StopRun) else None
    is_own = status is not None and 200 <= status < 300
    if is_own:
        await hold(apply, job, f"{error}; the next apply polls it again")
    if not is_own or job.key not in apply.reread:
        apply.stop.ask(Reason.ERROR, error)


def park(apply: Apply, job: Job, error: Exception) -> None:
    """Give a job up for this apply: it is in the ledger as it stands, and the next apply goes on with it."""
    apply.parked += 1
    apply.progress.jobs["parked"] += 1
    apply.progress.note(f"left for the next apply: {error}")
    apply.progress.tell("job_parked", job=job.key, id=job.id, why=str(error), at=apply.now())
    apply.flight.land(job)


def later_or_park(apply: Apply, step: Step, error: Exception) -> None:
    """Try the same step again after a growing delay; after many failures leave the job for the next apply."""
    asked_s = error.retry_after_s if isinstance(error, Unavailable) else None
    delay_s = backoff_s(step.tries + 1, apply.chance(), asked_s)
    if delay_s is None:
        park(apply, step.job, error)
        return
    apply.progress.repeat(step.job.key, str(error))
    if step.action is Action.POLL:
        delay_s = min(delay_s, _left_s(apply, step))
    apply.agenda.later(replace(step, tries=step.tries + 1), delay_s)
