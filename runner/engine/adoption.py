"""Adoption: decide which remote job is ours among the candidates of a search that no other job of ours has."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from runner.engine.agenda import Step
from runner.engine.apply import Apply
from runner.engine.outcome import accept, hold
from runner.model.contracts import Finding, SupportsFindAll
from runner.model.job import Adoption, Find, Job, JobStatus, Submitted
from runner.model.ledger import Scope

SHOWN = 5
"""Most candidates that a message names."""
RIVALS = 20
"""Most other doubtful jobs that a candidate is compared with; with more of them nothing is adopted."""
SENDERS_AWAITED_S = 1.0

ADOPTS = "find_then_adopt"


async def search(apply: Apply, target: Finding, step: Step) -> Sequence[Submitted]:
    """Return the remote jobs that may be this one; merely probable ones only if no other job of ours has them.

    Raises:
        RunnerError: the search failed; see `Finding.find`.
    """
    job = step.job
    if apply.work.target.capabilities.find is not Find.PROBABLE:
        found = await target.find(job)
        return [] if found is None else [found]
    candidates = step.found or await _candidates(target, job)
    owners = await owners_of(apply, job, candidates)
    return [one for one in candidates if one.id not in owners]


def awaits_senders(apply: Apply, step: Step, found: Sequence[Submitted]) -> bool:
    """Postpone a job whose candidates may belong to jobs in the act of being sent: their replies name them soon.

    Jobs sent after the search do not count: they were not listed yet.
    """
    if apply.work.target.capabilities.find is not Find.PROBABLE:
        return False
    senders = (step.waits_for if step.found else frozenset(apply.sending)) & apply.sending - {step.job.key}
    if senders:
        apply.agenda.later(replace(step, found=tuple(found), waits_for=frozenset(senders)), SENDERS_AWAITED_S)
    return bool(senders)


async def adopt(apply: Apply, step: Step, found: Sequence[Submitted]) -> Step | None:
    """Continue a job that was found again; hold a merely likely one, unless the recipe adopts it."""
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
    """Adopt the only candidate for the only doubtful job; hold the job in every other case."""
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
        # The search terms of another recipe's job are unknown here, so that job counts as one that fits.
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
    if isinstance(target, SupportsFindAll):
        return await target.find_all(job)
    found = await target.find(job)
    return [] if found is None else [found]


async def owners_of(apply: Apply, job: Job, found: Sequence[Submitted]) -> dict[str, tuple[Scope, str]]:
    """Map remote ids to other jobs of ours that have them; without a connection all ids are made by this runner."""
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
