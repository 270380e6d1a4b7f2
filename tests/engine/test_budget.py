"""What one apply may spend, also when it is killed in between."""

import asyncio

import pytest

from runner.engine.survey import survey
from runner.ledger.memory import MemoryLedger
from runner.model.errors import ConfigError
from runner.model.job import Estimate, JobState, JobStatus
from runner.model.recipe import Budget, PollRhythm, RunOptions
from tests.engine.mortal import Death, Fate, mortal_target
from tests.engine.world import SCOPE, FakeTarget, NoneFailed, Platform, applied, item, work_on

ITEMS = [item(f"i{number}") for number in range(10)]


def limited(**limits):
    return RunOptions(items_per_job=2, max_in_flight=1, poll=PollRhythm(1.0, 2.0, 10.0), budget=Budget(**limits))


class Priced(FakeTarget):
    """A platform that tells 0.1 an item beforehand, and what a job really cost."""

    def __init__(self, platform, *, real=0.1, currency="USD", money=0.1):
        super().__init__(platform, state=lambda job: JobState(JobStatus.SUCCEEDED, cost=real * len(job.items)))
        self.estimated = Estimate(money, currency)

    async def estimate(self, items):
        return self.estimated


def test_money_is_settled_with_what_jobs_really_cost():
    platform = Platform()
    report = applied(work_on(MemoryLedger(), ITEMS, Priced(platform, real=0.05), run=limited(money=0.45)))
    assert (report.outcome, len(platform.accepted)) == ("budget", 7)


def test_the_ledger_keeps_what_is_reserved_in_money():
    ledger = MemoryLedger()
    applied(work_on(ledger, ITEMS[:4], Priced(Platform()), run=limited(money=9.0)))
    assert asyncio.run(ledger.spent(SCOPE, 0.0))["money"] == pytest.approx(0.4)


@pytest.mark.parametrize("limits", [{"items": 5}, {"money": 0.5}])
def test_an_apply_that_was_killed_goes_on_with_what_is_left(limits):
    platform, ledger = Platform(), MemoryLedger()
    for at in (4, 5):
        work = work_on(ledger, ITEMS, mortal_target(Priced(platform), Fate(at)), run=limited(**limits))
        with pytest.raises(Death):
            applied(work)
    assert applied(work_on(ledger, ITEMS, Priced(platform), run=limited(**limits))).outcome in ("budget", "held")
    assert sum(platform.accepted.values()) == 5


def test_the_next_apply_has_its_own_budget():
    platform, ledger = Platform(), MemoryLedger()
    for _ in range(2):
        assert applied(work_on(ledger, ITEMS, FakeTarget(platform), run=limited(items=4))).outcome == "budget"
    assert len(platform.accepted) == 8


@pytest.mark.parametrize(
    ("target", "limits", "what"),
    [
        (FakeTarget(Platform()), {"money": 1.0}, "no price"),
        (Priced(Platform(), money=None), {"units": 1.0}, "no price"),
        (Priced(Platform(), currency="pages"), {"money": 1.0}, "counts in pages"),
        (Priced(Platform()), {"units": 1.0}, "counts in USD"),
        (Priced(Platform()), {"units": 1.0, "money": 1.0}, "units, but|units and|and units"),
    ],
)
def test_a_limit_that_cannot_be_kept_is_refused_in_the_plan(target, limits, what):
    with pytest.raises(ConfigError, match=what):
        asyncio.run(survey(work_on(MemoryLedger(), ITEMS, target, run=limited(**limits))))


def test_units_of_the_platform_are_a_limit_too():
    platform = Platform()
    report = applied(work_on(MemoryLedger(), ITEMS, Priced(platform, currency="pages"), run=limited(units=0.6)))
    assert (report.outcome, len(platform.accepted)) == ("budget", 6)


def test_a_stop_by_the_budget_is_told_before_what_the_rows_so_far_are_judged_to_be():
    target = FakeTarget(Platform(), fails=lambda key: "no")
    report = applied(work_on(MemoryLedger(), ITEMS, target, checks=[NoneFailed], run=limited(items=4)))
    assert (report.outcome, report.published.passed) == ("budget", False)
