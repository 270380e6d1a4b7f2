"""What became of a request whose reply was lost: found, surely not there, or held for a person.

A failure while looking (401, 404, a time-out) never means that the job is not there. Absence is believed only after
`visible_within` has passed on a clock that nobody can set, and after a look far enough back that a clock which was
wrong when the job was sent cannot hide it.
"""

from __future__ import annotations

from dataclasses import replace

from runner.engine.adoption import adopt, awaits_senders, search
from runner.engine.agenda import Action, Step
from runner.engine.apply import Apply
from runner.engine.key import job_key
from runner.engine.outcome import hold, later_or_park, park, release
from runner.engine.stop import Reason
from runner.model.contracts import Finding
from runner.model.errors import ConfigError, Indeterminate, RunnerError, StopRun, UnexpectedReply, UnreadableReply
from runner.model.job import Find, Job
from runner.model.work_hash import WorkHash

CLOCK_DOUBT_S = 172_800.0
"""How wrong the clock may have been when a job was sent: the last look goes so much further back."""

UNREADABLE_SEARCHES = 3


async def reconcile(apply: Apply, step: Step) -> Step | None:
    """Find out about one doubtful job."""
    job = step.job
    if job.sent_at is None:
        return await release(apply, job, "the paying request was never sent")
    target = apply.work.target
    if not isinstance(target, Finding):
        return await _not_found(apply, step, sure=False, why="the platform cannot be searched for the job")
    left_s = step.doubted_at + target.capabilities.visible_within_s - apply.work.clock.monotonic()
    try:
        found = await search(apply, target, step)
        if not found and left_s <= 0 and target.capabilities.complete:
            found = await search(apply, target, _sent_before(step, CLOCK_DOUBT_S))
    except (ConfigError, StopRun) as error:
        apply.stop.ask(Reason.ERROR, error)
        return None
    except RunnerError as error:
        _unsearched(apply, step, error)
        return None
    if found and awaits_senders(apply, step, found):
        return None
    if found:
        return await adopt(apply, step, found)
    if left_s > 0:
        apply.agenda.later(step, left_s)
        return None
    why = "the reply was lost and the platform's listing has no such job"
    sure = target.capabilities.complete and not step.is_accepted
    return await _not_found(apply, step, sure=sure, why=why)


def _unsearched(apply: Apply, step: Step, error: RunnerError) -> None:
    """Search again later; a listing that does not fit the manifest waits for an apply with a corrected one."""
    if isinstance(error, UnreadableReply) and step.tries + 1 >= UNREADABLE_SEARCHES:
        park(apply, step.job, error)
        apply.misfits(UnexpectedReply(str(error), status=error.status, mend=error.mend))
    else:
        later_or_park(apply, step, error)


def _sent_before(step: Step, doubt_s: float) -> Step:
    """Return the step of a job, with its send time moved back by so many seconds."""
    job = step.job
    return replace(step, job=replace(job, sent_at=None if job.sent_at is None else job.sent_at - doubt_s), found=())


async def _not_found(apply: Apply, step: Step, *, sure: bool, why: str) -> Step | None:
    """Send again only what surely does not exist, or what the recipe or the platform's own key makes safe."""
    job, capabilities = step.job, apply.work.target.capabilities
    why = f"{step.why}; {why}" if step.why else why
    if apply.cancels and not sure:
        park(apply, job, Indeterminate(f"cannot be cancelled, nobody knows whether it exists: {why}"))
        return None
    if step.losses >= apply.work.run.same_failure_limit:
        why = f"sent {step.losses} times, and its outcome stayed unknown each time: {why}"
        return await (release(apply, job, why, failed=True, unproven=True) if sure else hold(apply, job, why))
    has_key = capabilities.find is Find.KEY and not apply.cancels and _is_same_work(apply, job)
    if has_key and _is_forgotten(apply, job):
        has_key, why = False, f"{why}, and by now it has forgotten the job's key"
    if has_key and not (capabilities.sends_bodies and _lacks_bodies(job)):
        return Step(Action.SUBMIT, job, tries=1, doubtful=True, losses=step.losses, is_accepted=step.is_accepted)
    # A job of one item is formed anew with the same key, this time with the item's bytes.
    same_key = has_key and len(job.items) == 1
    resubmits = apply.work.run.on_unknown_submit == "find_then_resubmit" and not step.is_accepted
    if sure or same_key or resubmits:
        return await release(apply, job, why, unproven=True)
    return await hold(apply, job, why)


def _is_same_work(apply: Apply, job: Job) -> bool:
    """Whether the recipe still asks for what this job was sent for: under one key goes one request only."""
    hashes = (apply.work.work, WorkHash.first_of(apply.work.work))
    return job.key in [job_key(apply.work.scope, work, job.attempt, job.items) for work in hashes if work]


def _is_forgotten(apply: Apply, job: Job) -> bool:
    lifetime_s = apply.work.target.capabilities.key_lifetime_s
    return lifetime_s is not None and job.sent_at is not None and apply.now() - job.sent_at > lifetime_s


def _lacks_bodies(job: Job) -> bool:
    """Whether the very same request cannot be sent again: the ledger keeps values of items, not their bytes."""
    return any(item.body is None for item in job.items)
