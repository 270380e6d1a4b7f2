"""Stages of one recipe that send the same work: nothing is paid twice."""

import asyncio
from dataclasses import replace

from runner.engine.decide import Decision
from runner.engine.survey import survey
from runner.ledger.memory import MemoryLedger
from tests.engine.test_apply import ITEMS, run
from tests.engine.world import SCOPE, FakeTarget, Platform, item, work_on

PILOT, ALL = replace(SCOPE, stage="pilot"), replace(SCOPE, stage="all")


def stage(ledger, items, target, scope, stores, **changes):
    work = work_on(ledger, items, target, stores, **changes)
    return replace(work, scope=scope, siblings=[ALL if scope == PILOT else PILOT])


def test_what_the_pilot_paid_for_is_taken_over():
    platform, stores, ledger = Platform(), {}, MemoryLedger()
    run(stage(ledger, ITEMS[2:5], FakeTarget(platform), PILOT, {}))
    report = run(stage(ledger, ITEMS, FakeTarget(platform), ALL, stores))
    assert (report.outcome, report.counts) == ("done", {"succeeded": 10})
    assert platform.accepted == dict.fromkeys([each.key for each in ITEMS], 1)
    assert [record.row["upper"] for record in stores["rows"]] == [each.key.upper() for each in ITEMS]


def test_a_second_apply_of_both_asks_for_nothing():
    platform, ledger = Platform(), MemoryLedger()
    for _ in range(2):
        run(stage(ledger, ITEMS[:3], FakeTarget(platform), PILOT, {}))
        run(stage(ledger, ITEMS, FakeTarget(platform), ALL, {}))
    assert (platform.asked["submit"], max(platform.accepted.values())) == (4, 1)


def test_other_work_is_not_shared():
    platform, ledger = Platform(), MemoryLedger()
    run(stage(ledger, ITEMS[:3], FakeTarget(platform), PILOT, {}))
    run(stage(ledger, ITEMS, FakeTarget(platform), ALL, {}, work="x" * 32))
    assert platform.accepted["i0"] == 2


def test_an_item_that_failed_in_the_pilot_is_new_here():
    platform, ledger = Platform(), MemoryLedger()
    run(stage(ledger, ITEMS[:3], FakeTarget(platform, fails=lambda key: "no" if key == "i1" else ""), PILOT, {}))
    run(stage(ledger, ITEMS, FakeTarget(platform), ALL, {}))
    assert (platform.accepted["i1"], platform.accepted["i0"]) == (2, 1)


def test_changed_content_is_not_shared():
    platform, ledger = Platform(), MemoryLedger()
    run(stage(ledger, ITEMS[:3], FakeTarget(platform), PILOT, {}))
    run(stage(ledger, [item("i0", "other"), *ITEMS[1:]], FakeTarget(platform), ALL, {}))
    assert platform.accepted["i0"] == 2


def test_a_result_that_left_the_pilots_selection_is_paid_for_here():
    platform, ledger = Platform(), MemoryLedger()
    run(stage(ledger, ITEMS[:3], FakeTarget(platform), PILOT, {}))
    run(stage(ledger, ITEMS[1:3], FakeTarget(platform), PILOT, {}))
    report = run(stage(ledger, ITEMS, FakeTarget(platform), ALL, {}))
    assert (report.outcome, platform.accepted["i0"], platform.accepted["i1"]) == ("done", 2, 1)


def test_a_plan_counts_shared_items_apart():
    platform, ledger = Platform(), MemoryLedger()
    run(stage(ledger, ITEMS[:3], FakeTarget(platform), PILOT, {}))
    plan = asyncio.run(survey(stage(ledger, ITEMS, FakeTarget(platform), ALL, {})))
    assert plan.counts == {Decision.NEW: 7, Decision.SHARED: 3}


def test_a_plan_counts_what_an_earlier_stage_will_have_done():
    platform, ledger, promises = Platform(), MemoryLedger(), set()
    asyncio.run(survey(stage(ledger, ITEMS[:4], FakeTarget(platform), PILOT, {}), promises=promises))
    plan = asyncio.run(survey(stage(ledger, ITEMS, FakeTarget(platform), ALL, {}), promised=promises))
    assert (plan.to_submit, plan.counts[Decision.SHARED]) == (6, 4)
