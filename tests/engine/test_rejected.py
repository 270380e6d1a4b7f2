"""Rows that hold no usable item are failures that everybody sees: checks, sinks, the plan, and apply before it pays."""

import asyncio
from dataclasses import replace

import pytest

from runner.checks.items_failed import ItemsFailed
from runner.checks.row_count import RowCount
from runner.engine.survey import survey
from runner.filters.where import Where
from runner.ledger.memory import MemoryLedger
from runner.model.item import Batch, Rejected
from runner.model.job import JobState, JobStatus
from tests.engine.world import FakeTarget, Platform, applied, item, work_on

ITEMS = [item(f"i{number}") for number in range(4)]


class Given:
    """A source of given batches."""

    def __init__(self, *batches):
        self.batches = batches

    async def read(self):
        for batch in self.batches:
            yield batch


def bad(count, start=0):
    return [Rejected(f"a:{number}", "no JSON") for number in range(start, start + count)]


def work(ledger, stores, *batches, platform=None, checks=(), filters=(), **changes):
    made = work_on(ledger, (), FakeTarget(platform or Platform()), stores, **changes)
    given = Given(*(one if isinstance(one, Batch) else Batch(one) for one in batches))
    return replace(made, source=given, checks=lambda: checks_of(checks), filters=lambda: filters)


def checks_of(configs):
    kinds = {ItemsFailed.Config: ItemsFailed, RowCount.Config: RowCount}
    return [kinds[type(config)](config, None) for config in configs]


def rows(stores):
    return [record.key for record in stores["rows"]]


def published(ledger, stores):
    assert applied(work(ledger, stores, ITEMS)).outcome == "done"


def test_rejected_rows_fail_the_check_on_failed_items():
    ledger, stores = MemoryLedger(), {}
    checks = [ItemsFailed.Config(max_ratio=0.1)]
    assert applied(work(ledger, stores, ITEMS, checks=checks)).outcome == "done"
    report = applied(work(ledger, stores, Batch(ITEMS[:3], bad(1)), checks=checks))
    assert (report.outcome, rows(stores)) == ("check_failed", ["i0", "i1", "i2", "i3"])


def test_one_more_rejected_row_is_judged_though_no_row_changes():
    ledger, stores = MemoryLedger(), {}
    checks = [ItemsFailed.Config(max=1)]
    assert applied(work(ledger, stores, Batch(ITEMS, bad(1)), checks=checks)).outcome == "failed_items"
    assert applied(work(ledger, stores, Batch(ITEMS, bad(1)), checks=checks)).published.verdicts == ()
    assert applied(work(ledger, stores, Batch(ITEMS, bad(2)), checks=checks)).outcome == "check_failed"


def test_rows_are_not_replaced_by_none():
    ledger, stores = MemoryLedger(), {}
    published(ledger, stores)
    emptied = work(ledger, stores)
    plan = asyncio.run(survey(emptied))
    assert (plan.rows_before, plan.rows_gone, plan.empties) == (4, 4, True)
    report = applied(emptied)
    assert (report.outcome, len(rows(stores))) == ("check_failed", 4)
    assert asyncio.run(survey(emptied)).rows_gone == 4
    assert "4 rows would be replaced by no rows" in report.published.verdicts[-1].what
    assert applied(work(ledger, stores, ITEMS)).outcome == "done"


def test_rows_are_replaced_by_none_when_the_recipe_allows_it():
    ledger, stores = MemoryLedger(), {}
    published(ledger, stores)
    assert (applied(work(ledger, stores, allow_empty=True)).outcome, rows(stores)) == ("done", [])


def test_a_first_publication_may_be_empty():
    stores = {}
    assert (applied(work(MemoryLedger(), stores)).outcome, rows(stores)) == ("done", [])


@pytest.mark.parametrize(("kept", "outcome"), [(3, "done"), (2, "check_failed")])
def test_rows_are_compared_with_those_before(kept, outcome):
    ledger, stores = MemoryLedger(), {}
    published(ledger, stores)
    less = work(ledger, stores, ITEMS[:kept], checks=[RowCount.Config(min_ratio_of_last=0.75)])
    assert asyncio.run(survey(less)).rows_gone == 4 - kept
    assert applied(less).outcome == outcome


def test_nothing_is_paid_when_the_first_1000_rows_are_rejected():
    platform, ledger, stores = Platform(), MemoryLedger(), {}
    published(ledger, stores)
    spoilt = work(ledger, stores, Batch((), bad(600)), Batch((), bad(600, 600)), [item("late")], platform=platform)
    report = applied(spoilt)
    assert (report.outcome, dict(platform.accepted), len(rows(stores))) == ("stopped", {}, 4)
    assert str(report.error).startswith("not one of the first 1,000 rows of the source is usable; the first: a:0: no")


def test_nothing_is_published_when_not_one_row_is_usable():
    ledger, stores = MemoryLedger(), {}
    published(ledger, stores)
    spoilt = work(ledger, stores, Batch((), bad(3)), allow_empty=True)
    plan = asyncio.run(survey(spoilt))
    assert (plan.rejected, plan.refusal) == (3, "not one row of the source is usable; the first: a:0: no JSON")
    assert (applied(spoilt).outcome, len(rows(stores))) == ("stopped", 4)


def test_rows_that_a_filter_leaves_out_are_usable():
    nothing = Where(Where.Config(where=False), None)
    made = work(MemoryLedger(), {}, Batch(ITEMS, bad(1200)), filters=[nothing])
    assert asyncio.run(survey(made)).refusal == ""


def test_jobs_that_were_paid_earlier_are_taken_before_the_apply_stops():
    ledger, platform, states = MemoryLedger(), Platform(), [JobState(JobStatus.RUNNING, "RUNNING")]
    target = FakeTarget(platform, state=lambda job: states[0])
    assert applied(work_on(ledger, ITEMS, target), wait_s=5.0).outcome == "pending"
    states[0] = JobState(JobStatus.SUCCEEDED, "DONE")
    report = applied(replace(work(ledger, {}, Batch((), bad(3))), target=target))
    assert (report.outcome, dict(report.counts)) == ("stopped", {"succeeded": 4})
