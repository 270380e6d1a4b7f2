"""What became of a request whose reply was lost: found, surely not there, or held for a person.

A failure while looking (401, 404, a time-out) never means that the job is not there.
"""

from __future__ import annotations

from runner.engine.agenda import Action, Step
from runner.engine.apply import Apply
from runner.engine.outcome import accept, hold, later_or_park, release
from runner.engine.stop import Reason
from runner.model.contracts import Finding
from runner.model.errors import AuthError, RunnerError, StopRun
from runner.model.job import Find, Job


async def reconcile(apply: Apply, step: Step) -> Step | None:
    """Find out about one doubtful job."""
    job = step.job
    if job.sent_at is None:
        return await release(apply, job, "the paying request was never sent")
    target = apply.work.target
    early_s = job.sent_at + target.capabilities.visible_within_s - apply.now()
    if early_s > 0:
        # A clock that was set back must not make us wait for days: never longer than the platform's own delay.
        apply.agenda.later(step, min(early_s, target.capabilities.visible_within_s))
        return None
    if not isinstance(target, Finding):
        return await _not_found(apply, job, sure=False, why="the platform cannot be searched for the job")
    try:
        found = await target.find(job)
    except (AuthError, StopRun) as error:
        apply.stop.ask(Reason.ERROR, error)
        return None
    except RunnerError as error:
        later_or_park(apply, step, error)
        return None
    if found is not None:
        return await accept(apply, job, found, adopted=True)
    return await _not_found(
        apply,
        job,
        sure=target.capabilities.complete,
        why="the reply was lost and the platform's listing has no such job",
    )


async def _not_found(apply: Apply, job: Job, *, sure: bool, why: str) -> Step | None:
    """Send again only what surely does not exist, or what the recipe or the platform's own key makes safe."""
    capabilities = apply.work.target.capabilities
    if capabilities.find is Find.KEY and not (capabilities.sends_bodies and _lacks_bodies(job)):
        return Step(Action.SUBMIT, job, tries=1, doubtful=True)
    if sure or apply.work.run.on_unknown_submit == "find_then_resubmit":
        return await release(apply, job, why)
    return await hold(apply, job, why)


def _lacks_bodies(job: Job) -> bool:
    """Whether the very same request cannot be sent again: the ledger keeps values of items, not their bytes."""
    return any(item.body is None for item in job.items)
