"""A plan says what apply will do with the jobs that were sent earlier."""

import asyncio

import pytest

from runner.engine.survey import survey
from runner.ledger.memory import MemoryLedger
from runner.model.event import JobAccepted, JobIntended
from runner.model.job import Capabilities, Estimate, Find
from runner.model.recipe import RunOptions
from tests.engine.world import EXACT, FakeTarget, FindingTarget, Platform, applied, item, work_on

ITEMS = [item(f"i{number}") for number in range(3)]
BLIND = Capabilities(find=Find.NONE)
AGAIN = RunOptions(on_unknown_submit="find_then_resubmit")


async def killed(work):
    """Leave what a killed apply leaves: a job that runs, one whose reply was lost, one that was not sent."""
    work.target.platform.jobs["j1"] = ("runs", ["i0"])
    lease = await work.ledger.acquire("numbers", {"pid": 1}, 0.0, 1.0)
    standings = await work.ledger.select(work.scope, lease, work.work, 0, ITEMS)
    await work.ledger.finish_selection(work.scope, lease, len(ITEMS), {})
    for name, standing in zip(("runs", "lost", "unsent"), standings, strict=True):
        events = [JobIntended(name, 1, [standing.id], 1.0, sent=name != "unsent")]
        await work.ledger.record(work.scope, lease, events + ([JobAccepted(name, "j1", 1.0)] if name == "runs" else []))


@pytest.mark.parametrize(
    ("target", "run", "to_hold"),
    [
        (FakeTarget(Platform(), BLIND), RunOptions(), {"sent": 1}),
        (FakeTarget(Platform(), BLIND), AGAIN, {}),
        (FindingTarget(Platform(), EXACT), RunOptions(), {}),
    ],
)
def test_a_job_in_doubt_is_planned_to_be_held_if_apply_holds_it(target, run, to_hold):
    work = work_on(MemoryLedger(), ITEMS, target, run=run)
    asyncio.run(killed(work))
    plan = asyncio.run(survey(work))
    assert (plan.to_hold, sum(plan.open_jobs.values()), plan.has_work) == (to_hold, 3, True)
    assert applied(work).counts.get("held", 0) == sum(to_hold.values())


@pytest.mark.parametrize(
    ("cost", "how"),
    [
        ("none", "unknown (the platform reports none)"),
        ("job", "known afterwards, for each job"),
        ("item", "known afterwards, for each item"),
    ],
)
def test_a_price_that_is_told_afterwards_is_not_unknown(cost, how):
    work = work_on(MemoryLedger(), ITEMS, FakeTarget(Platform(), Capabilities(cost=cost)))
    assert asyncio.run(survey(work)).estimate == Estimate(how=how)
