"""Which remote job is ours: the candidates of a search, without those that another job of ours has already."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from runner.engine.agenda import Step
from runner.engine.apply import Apply
from runner.engine.outcome import accept, hold
from runner.model.contracts import Finding, FindingAll
from runner.model.job import Adoption, Find, Job, JobStatus, Submitted
from runner.model.ledger import Scope

SHOWN = 5
"""So many candidates are named to a person."""
RIVALS = 20
"""Of so many other doubtful jobs it is asked whether a candidate fits them too; with more nothing is adopted."""
SENDERS_AWAITED_S = 1.0

ADOPTS = "find_then_adopt"


async def search(apply: Apply, target: Finding, step: Step) -> Sequence[Submitted]:
    """Return the remote jobs that may be this one; merely probable ones only if no other job of ours has them.

    Raises:
        RunnerError: nothing is known; see `Finding.find`.
    """
    job = step.job
    if apply.work.target.capabilities.find is not Find.PROBABLE:
        found = await target.find(job)
        return [] if found is None else [found]
    candidates = step.found or await _candidates(target, job)
    owners = await owners_of(apply, job, candidates)
    return [one for one in candidates if one.id not in owners]


def awaits_senders(apply: Apply, step: Step, found: Sequence[Submitted]) -> bool:
    """Put a job off whose candidates may be those of jobs that are just being sent: their replies name them soon.

    What is sent after the search was made is no matter: it was not listed yet.
    """
    if apply.work.target.capabilities.find is not Find.PROBABLE:
        return False
    senders = (step.waits_for if step.found else frozenset(apply.sending)) & apply.sending - {step.job.key}
    if senders:
        apply.agenda.later(replace(step, found=tuple(found), waits_for=frozenset(senders)), SENDERS_AWAITED_S)
    return bool(senders)


async def adopt(apply: Apply, step: Step, found: Sequence[Submitted]) -> Step | None:
    """Go on with a job that was found again; a merely likely one is held, unless the recipe adopts it."""
    job, first = step.job, found[0]
    if apply.work.target.capabilities.find is Find.PROBABLE:
        if apply.work.run.on_unknown_submit == ADOPTS:
            return await _adopt_sole(apply, step, found)
        return await hold(apply, job, f"the reply was lost; {_named(found)} (runner state adopt)")
    owner = (await owners_of(apply, job, found)).get(first.id)
    if owner is not None:
        why = f"the reply was lost; the search found {first.id!r}, but {_said(apply, owner)} has it"
        return await hold(apply, job, f"{why}: the manifest's `match` fits more than one job")
    return await accept(apply, job, first, Adoption.FOUND)


async def _adopt_sole(apply: Apply, step: Step, found: Sequence[Submitted]) -> Step | None:
    """Adopt the only candidate for the only doubtful job; whatever is less than that is held."""
    job = step.job
    left_s = step.doubted_at + apply.work.target.capabilities.visible_within_s - apply.work.clock.monotonic()
    if left_s > 0:  # another candidate may still appear
        apply.agenda.later(step, left_s)
        return None
    if len(found) > 1:
        return await hold(apply, job, f"the reply was lost; {_named(found)}: none is adopted (runner state adopt)")
    rival = await _rival(apply, job, found[0])
    if rival is None:
        apply.progress.note(f"adopted as probable: {found[0].id!r} for job {job.key}")
        return await accept(apply, job, found[0], Adoption.PROBABLE)
    why = f"the reply was lost; the platform has {found[0].id!r}, which may be this job or {_said(apply, rival)}"
    return await hold(apply, job, f"{why}, whose reply was lost too (runner state adopt)")


async def _rival(apply: Apply, job: Job, found: Submitted) -> tuple[Scope, str] | None:
    """Return another job of ours without an id that the candidate fits too."""
    ours = apply.work.scope
    lost = await apply.work.ledger.jobs_without_id(apply.work.connection)
    rivals = [(scope, key) for scope, key, _ in lost if (scope, key) != (ours, job.key) and key not in apply.sending]
    for scope, key in rivals:
        # What a job of another recipe would be searched by is not known here: it is taken for one that fits.
        if scope != ours or len(rivals) > RIVALS or await _fits(apply, key, found):
            return scope, key
    return None


async def _fits(apply: Apply, key: str, found: Submitted) -> bool:
    work, target = apply.work, apply.work.target
    async for row in work.ledger.jobs(work.scope, [JobStatus.SENT, JobStatus.UNKNOWN, JobStatus.HELD]):
        if row.job == key and isinstance(target, Finding):
            items = [item for _, item in await work.ledger.job_items(work.scope, key)]
            job = Job(key, row.attempt, items, row.kept, row.id, row.sent_at, row.accepted_at)
            return any(one.id == found.id for one in await _candidates(target, job))
    return False


async def _candidates(target: Finding, job: Job) -> Sequence[Submitted]:
    if isinstance(target, FindingAll):
        return await target.find_all(job)
    found = await target.find(job)
    return [] if found is None else [found]


async def owners_of(apply: Apply, job: Job, found: Sequence[Submitted]) -> dict[str, tuple[Scope, str]]:
    """Return remote id to another job of ours that has it; a target without a connection has only ids of our making."""
    if not apply.work.connection:
        return {}
    own = (apply.work.scope, job.key)
    known = await apply.work.ledger.jobs_with_ids(apply.work.connection, [one.id for one in found])
    return {id_: owner for id_, owners in known.items() for owner in owners if owner != own}


def _named(found: Sequence[Submitted]) -> str:
    names = " or ".join(repr(one.id) for one in found[:SHOWN])
    more = f" or {len(found) - SHOWN} others" if len(found) > SHOWN else ""
    return f"the platform has {names}{more}, which may be this job"


def _said(apply: Apply, owner: tuple[Scope, str]) -> str:
    scope, key = owner
    return f"job {key}" if scope == apply.work.scope else f"job {key} of {scope.recipe}"
