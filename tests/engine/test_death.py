"""A process that dies at any moment of the protocol and is started again: nothing lost, nothing paid twice."""

import asyncio
from dataclasses import replace

import pytest

from runner.engine.lease import HeldLease
from runner.engine.progress import Progress
from runner.engine.run import ApplyOptions, StageReport, apply_stage
from runner.engine.stop import Stop
from runner.engine.work import Work
from runner.ledger.memory import MemoryLedger
from runner.model.job import Capabilities, Find
from tests.engine.mortal import Death, Fate, MortalLedger, MortalSink, mortal_target
from tests.engine.world import (
    EXACT,
    FakeTarget,
    FindingTarget,
    Platform,
    PreparingTarget,
    Rows,
    item,
    lose_reply,
    work_on,
)

ITEMS = [item(f"i{number}") for number in range(7)]
NEVER = 10**9


async def life(work: Work) -> StageReport:
    lease = await work.ledger.acquire("numbers", {"pid": 1}, work.clock.now(), 1e9)
    held = HeldLease(work.ledger, lease, work.clock, 1e9)
    try:
        return await apply_stage(work, held, ApplyOptions(chance=lambda: 0.5), Progress(), Stop())
    finally:
        await work.ledger.release(lease)


def live(ledger, target, stores, fate: Fate) -> StageReport | None:
    """Apply once under a fate; None when the process died."""
    work = work_on(ledger, ITEMS, mortal_target(target, fate), stores)
    work = replace(work, ledger=MortalLedger(ledger, fate), sinks=lambda: [MortalSink(Rows(stores), fate)])
    try:
        return asyncio.run(life(work))
    except Death:
        return None


def moments(make_target) -> int:
    fate = Fate(NEVER)
    live(MemoryLedger(), make_target(Platform()), {}, fate)
    return fate.moments


def finding(platform):
    return FindingTarget(platform, EXACT, lose_reply("after", 1))


def preparing(platform):
    return PreparingTarget(platform, EXACT)


def blind(platform):
    return FakeTarget(platform, Capabilities(find=Find.NONE, max_items_per_job=10))


DEATHS = [(make, at) for make in (finding, preparing) for at in range(1, moments(make) + 1)]


@pytest.mark.parametrize(("make_target", "at"), DEATHS)
def test_death_at_every_moment_where_the_platform_can_be_searched(make_target, at):
    platform, ledger, stores = Platform(), MemoryLedger(), {}
    assert live(ledger, make_target(platform), stores, Fate(at)) is None
    report = live(ledger, make_target(platform), stores, Fate(NEVER))
    assert report is not None and report.outcome == "done"
    assert platform.accepted == dict.fromkeys([each.key for each in ITEMS], 1)
    assert [record.key for record in stores["rows"]] == [each.key for each in ITEMS]


@pytest.mark.parametrize("at", range(1, moments(blind) + 1))
def test_death_at_every_moment_where_it_cannot(at):
    platform, ledger, stores = Platform(), MemoryLedger(), {}
    assert live(ledger, blind(platform), stores, Fate(at)) is None
    report = live(ledger, blind(platform), stores, Fate(NEVER))
    assert report is not None and report.outcome in ("done", "held")
    assert max(platform.accepted.values()) == 1
    assert report.counts.get("succeeded", 0) + report.counts.get("held", 0) == len(ITEMS)


@pytest.mark.parametrize("seed", range(25))
def test_many_deaths_in_a_row(seed):
    platform, ledger, stores = Platform(), MemoryLedger(), {}
    for at in range(3 + seed, 60, 7):
        if live(ledger, finding(platform), stores, Fate(at)) is not None:
            break
    report = live(ledger, FindingTarget(platform, EXACT), stores, Fate(NEVER))
    assert report is not None and report.outcome == "done"
    assert max(platform.accepted.values()) == 1
    assert len(stores["rows"]) == len(ITEMS)
