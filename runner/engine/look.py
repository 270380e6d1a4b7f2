"""Before a job is sent while the ledger may have forgotten some: is it on the platform already?

A ledger that was deleted, damaged or set back in time knows less than the platform. The key of a job is a function of
its work alone, so a forgotten job is found by the key that it is about to get.
"""

from __future__ import annotations

from dataclasses import replace

from runner.engine.adoption import adopt, search
from runner.engine.agenda import Action, Step
from runner.engine.apply import Apply
from runner.engine.key import job_key
from runner.engine.outcome import hold, later_or_park
from runner.engine.stop import Reason
from runner.model.contracts import Finding
from runner.model.errors import ConfigError, RunnerError, StopRun
from runner.model.event import JobIntended
from runner.model.job import Capabilities, Find, Job
from runner.model.work_hash import WorkHash

KEY_MARGIN_S = 3600.0
"""Seconds by which the platform's key lifetime is shortened here: clocks differ, and requests wait."""


async def look(apply: Apply, step: Step) -> Step | None:
    """Look for a job that was not sent by all that the ledger knows; send it when it surely is not there."""
    target = apply.work.target
    capabilities = target.capabilities
    if isinstance(target, Finding) and capabilities.find is not Find.PROBABLE:
        try:
            found = await search(apply, target, step)
            if not found and (earlier := _earlier(apply, step)) is not None:
                found = await search(apply, target, earlier)
        except (ConfigError, StopRun) as error:
            apply.stop.ask(Reason.ERROR, error)
            return None
        except RunnerError as error:
            later_or_park(apply, step, error)
            return None
        if found:
            apply.progress.jobs["remembered"] += 1
            return await adopt(apply, replace(step, job=await _written_down(apply, step)), found)
        left_s = apply.began_at + capabilities.visible_within_s - apply.work.clock.monotonic()
        if left_s > 0:
            apply.agenda.later(step, left_s)
            return None
        if capabilities.complete:
            return replace(step, action=Action.SUBMIT, tries=0)
    if _keeps_keys(apply, capabilities):
        return replace(step, action=Action.SUBMIT, tries=0)
    why = f"{apply.missing}; this job may have been sent before, and the platform cannot be searched for it"
    return await hold(apply, await _written_down(apply, step), why)


def _earlier(apply: Apply, step: Step) -> Step | None:
    """Return the step with the key that its job had under the first version of the work hash; None without one."""
    first, job = WorkHash.first_of(apply.work.work), step.job
    if not first:
        return None
    return replace(step, job=replace(job, key=job_key(apply.work.scope, first, job.attempt, job.items)))


def _keeps_keys(apply: Apply, capabilities: Capabilities) -> bool:
    """Whether the platform still remembers the key of every job that the ledger may have forgotten.

    A key is a function of what is sent, so that the platform takes a forgotten job's second request for its first. It
    remembers for a time; the forgotten jobs were all sent after the last write that is still in the ledger.
    """
    if capabilities.find is not Find.KEY:
        return False
    lifetime_s = capabilities.key_lifetime_s
    if lifetime_s is None:
        return True
    margin_s = min(KEY_MARGIN_S, lifetime_s / 4)
    return apply.complete_until is not None and -margin_s < apply.now() - apply.complete_until < lifetime_s - margin_s


async def _written_down(apply: Apply, step: Step) -> Job:
    at = apply.now()
    money = apply.flight.reserved(step.job)
    intended = JobIntended(step.job.key, step.job.attempt, step.ids, at, reserved=money, sent=True)
    await apply.record(replace(intended, connection=apply.work.connection))
    return replace(step.job, sent_at=at)
