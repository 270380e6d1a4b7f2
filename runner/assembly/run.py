"""Plan and apply whole recipes: stages in their order, each behind the gate of what it needs."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from runner.assembly.deciding import free
from runner.assembly.freezing import refuse_when_frozen
from runner.assembly.saving import SavedPlan, refuse_plan
from runner.assembly.session import Session
from runner.assembly.telling import Teller, telling
from runner.engine.decide import Decision
from runner.engine.lease import HeldLease, holder_now, holding, this_process
from runner.engine.plan import StagePlan
from runner.engine.progress import Progress
from runner.engine.publish import preflight
from runner.engine.retry_request import RetryRequest
from runner.engine.run import ApplyOptions, StageReport, apply_stage
from runner.engine.stop import Stop
from runner.engine.survey import survey
from runner.engine.work import Work
from runner.model.contracts import Checked
from runner.model.event import PlanUsed
from runner.model.item import Json
from runner.model.recipe import Recipe, Stage

PASSED = frozenset({"done", "failed_items"})
"""Outcomes that open the gate for the stages that need this one: checks passed, all items at an end."""

GOING_ON = frozenset({"pending", "interrupted", "stopped"})
"""Outcomes after which a saved plan is not used up: applying it again goes on."""


@dataclass(frozen=True, slots=True)
class Planned:
    """One stage with its work and plan."""

    recipe: Recipe
    stage: Stage
    work: Work
    plan: StagePlan


@dataclass(frozen=True, slots=True)
class Applied:
    """One stage with what came of it; `report` is None when its gate stayed shut, and `why` says so."""

    planned: Planned
    report: StageReport | None
    seconds: float = 0.0
    why: str = ""


async def plan_recipe(session: Session, recipe: Recipe, *, with_items: bool = False) -> Sequence[Planned]:
    """Plan every stage of a recipe; writes nothing."""
    ledger = await session.ledger()
    holder = await holder_now(ledger, session.lease_name(recipe), session.clock.now())
    found = await _plan(session, recipe, with_items=with_items)
    return [replace(planned, plan=replace(planned.plan, holder=holder)) for planned in found]


async def _plan(session: Session, recipe: Recipe, *, with_items: bool = False) -> Sequence[Planned]:
    """Plan the stages in their order: what an earlier one will have done is shared, not paid again."""
    planned: list[Planned] = []
    promises: dict[str, set[int]] = {}
    for stage, work in zip(recipe.stages, await session.work(recipe), strict=True):
        promised = frozenset(promises.get(work.work, ()))
        mine = promises.setdefault(work.work, set()) if len(recipe.stages) > 1 else None
        plan = await survey(work, with_items=with_items, promised=promised, promises=mine)
        planned.append(Planned(recipe, stage, work, plan))
    return planned


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the caller of an apply wants.

    Attributes:
        saved: the plan to apply, and nothing else; None to submit everything that is new.
        again: what to try again, and nothing else is submitted; None for what is new.
        replaced: keys of items that are paid for again although they have succeeded.
        look_first: look for every job on the platform before it is sent.
        wait_s: end with `pending` after this time.
        begin: called with each stage before it starts.
        origin: facts that the ledger keeps with the run, beside host and pid: the Git commit, the trigger.
        teller: of the run that this apply is a part of; None lets the apply be the run and tell its begin and end.
    """

    saved: SavedPlan | None = None
    again: RetryRequest | None = None
    replaced: Sequence[str] = ()
    look_first: bool = False
    wait_s: float | None = None
    begin: Callable[[Planned, Progress], Awaitable[None]] | None = None
    origin: Mapping[str, Json] = field(default_factory=dict)
    teller: Teller | None = None


async def apply_recipe(session: Session, recipe: Recipe, stop: Stop, wishes: Wishes) -> AsyncIterator[Applied]:
    """Apply the stages one after the other under one lease, and give each as it ends.

    Raises:
        LeaseHeld: another apply works on the recipe.
        PlanRefused: the saved plan is stale, was used, or has expired, or a freeze window is on; nothing was submitted.
        ConfigError: a sink could not be written, or a login was refused, before anything was submitted.
        Interrupted: it was asked to stop while it still planned.
    """
    refuse_when_frozen(session.project, session.clock.now(), wishes.origin)
    ledger = await session.ledger()
    who = this_process(session.environ)
    outcomes: dict[str, str] = {}
    async with (
        holding(ledger, session.lease_name(recipe), who, session.clock, stop) as lease,
        telling(session, recipe, wishes.teller) as teller,
    ):
        if wishes.again is not None:
            await free(session, recipe, lease, wishes.again)
        stages = await stop.unless(_plan(session, recipe))
        if wishes.saved is not None:
            await refuse_plan(wishes.saved, ledger, [each.plan for each in stages], session.clock.now())
        teller.read(sum(each.plan.total for each in stages), sum(each.plan.to_submit for each in stages))
        for planned in stages:
            applied = await _gated(session, planned, lease, stop, replace(wishes, teller=teller), outcomes)
            teller.stage_ended(planned.stage.name, applied.report, applied.why)
            if planned is stages[-1] and wishes.teller is None:
                await teller.finish()
            yield applied


async def _gated(
    session: Session, planned: Planned, lease: HeldLease, stop: Stop, wishes: Wishes, outcomes: dict[str, str]
) -> Applied:
    """Apply a stage when those that it needs have passed, and write down its outcome."""
    shut = [name for name in planned.stage.needs if outcomes.get(name) not in PASSED]
    if shut or stop.everything:
        why = f"stage {shut[0]} has not passed" if shut else "the apply was stopped"
        return Applied(planned, None, why=why)
    applied = await _apply_stage(session, planned, lease, stop, wishes)
    outcomes[planned.stage.name] = applied.report.outcome if applied.report is not None else ""
    return applied


async def _apply_stage(session: Session, planned: Planned, lease: HeldLease, stop: Stop, wishes: Wishes) -> Applied:
    work, plan = planned.work, planned.plan
    await preflight(work)
    held = wishes.again is not None and plan.counts.get(Decision.HELD)
    may_submit = plan.to_submit or plan.to_take or wishes.replaced or held
    if may_submit and isinstance(work.target, Checked):
        await work.target.check()
    progress = Progress(expected=plan.to_submit + plan.to_take + sum(plan.open_jobs.values()), rejected=plan.rejected)
    if wishes.begin is not None:
        await wishes.begin(planned, progress)
    if wishes.teller is not None:
        wishes.teller.watch(planned.stage.name, progress)
    options = ApplyOptions(
        only=None if wishes.saved is None else wishes.saved.items(work.scope),
        again=wishes.again,
        look_first=wishes.look_first,
        replaced=wishes.replaced,
        walk=not plan.unchanged or bool(wishes.replaced),
        wait_s=wishes.wait_s,
        holder={**this_process(session.environ), **wishes.origin},
    )
    started = session.clock.monotonic()
    await _use(wishes.saved, work, lease)
    report = await apply_stage(work, lease, options, progress, stop)
    if report.outcome not in GOING_ON:
        await _use(wishes.saved, work, lease, is_over=True)
    return Applied(planned, report, session.clock.monotonic() - started)


async def _use(saved: SavedPlan | None, work: Work, lease: HeldLease, *, is_over: bool = False) -> None:
    """Write down that a plan is used before anything of it is sent, and when all that it allowed is done."""
    if saved is not None:
        await work.ledger.record(work.scope, lease(), [PlanUsed(saved.id, work.clock.now(), is_over)])
