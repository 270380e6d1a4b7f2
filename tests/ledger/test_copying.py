import asyncio
from itertools import pairwise

import pytest

from runner.ledger import copy_ledger, open_ledger
from runner.model.errors import ConfigError, LeaseHeld, LedgerError
from runner.model.event import JobIntended, PlanUsed, Published, RunEnded
from runner.model.item import Result
from tests.contracts.ledger import HOLDER, SCOPE, Desk, StillClock, item

LATER = StillClock().now() + 1.0


async def fill(url):
    """Make a ledger with something in every table."""
    ledger = open_ledger(url, clock=StillClock())
    desk = Desk(ledger, await ledger.acquire("recipe", HOLDER, 1.0, 60.0))
    keys = [f"k{n}" for n in range(450)]
    standings, _ = await desk.select(*(item(key, n=2**70) for key in keys), batch=450, mark={"digest": "d"})
    await desk.job(
        "j1", [row.id for row in standings], results=[Result(key, {"t": "\ud800"}, cost=0.1) for key in keys]
    )
    run = await ledger.begin_run(SCOPE, desk.lease, 1.0, HOLDER)
    await desk.record(JobIntended("j2", 1, [], 9.0), Published("s", "p", 1, 450, 3.0, {"size": 7}))
    await desk.record(PlanUsed("plan", 4.0), RunEnded(run, "done", 5.0))
    await ledger.close()


async def everything(url):
    """Return all that a ledger tells."""
    ledger = open_ledger(url, clock=StillClock())
    desk = Desk(ledger, None)
    told = [await desk.outcomes(), await desk.selected(), await desk.rows(), await ledger.publications(SCOPE)]
    told += [await ledger.runs(SCOPE), await ledger.version(SCOPE), await ledger.fingerprint(SCOPE)]
    told += [await ledger.job_items(SCOPE, "j1"), await ledger.plan_use(SCOPE, "plan"), await ledger.scopes()]
    await ledger.close()
    return told


async def go_on(url):
    """Work with a copy: its numbers must not meet those of the copied rows."""
    ledger = open_ledger(url, clock=StillClock())
    desk = Desk(ledger, await ledger.acquire("recipe", HOLDER, LATER, 60.0))
    (_, new), _ = await desk.select("k1", "new", work="w2")
    await desk.job("j3", [new.id], results=[Result("new", 1)])
    await ledger.close()
    return await desk_rows(url)


async def desk_rows(url):
    ledger = open_ledger(url, clock=StillClock())
    rows = [row.job async for row in ledger.jobs(SCOPE)]
    await ledger.close()
    return rows


def round_trip(*urls):
    """Copy from the first to the second ledger and so on; all must tell the same."""

    async def whole():
        await fill(urls[0])
        for source, target in pairwise(urls):
            counts = await copy_ledger(source, target, clock=StillClock())
            assert (counts["item"], counts["result"], counts["job"], counts["selection"]) == (450, 450, 2, 450)
        told = [await everything(url) for url in urls]
        assert all(other == told[0] for other in told[1:])
        assert await go_on(urls[-1]) == ["j1", "j2", "j3"]

    asyncio.run(whole())


def test_sqlite_to_sqlite(tmp_path):
    round_trip(f"{tmp_path}/a.db", f"sqlite:{tmp_path}/deep/b.db")


def test_what_is_there_is_not_overwritten(tmp_path):
    async def whole():
        await fill(f"{tmp_path}/a.db")
        await fill(f"{tmp_path}/b.db")
        with pytest.raises(LedgerError, match=r"b\.db is not empty"):
            await copy_ledger(f"{tmp_path}/a.db", f"{tmp_path}/b.db", clock=StillClock())

    asyncio.run(whole())


def test_a_ledger_at_work_is_not_copied(tmp_path):
    async def whole():
        ledger = open_ledger(f"{tmp_path}/a.db", clock=StillClock())
        await ledger.acquire("invoices", HOLDER, StillClock().now(), 60.0)
        with pytest.raises(LeaseHeld, match="an apply works on invoices"):
            await copy_ledger(f"{tmp_path}/a.db", f"{tmp_path}/b.db", clock=StillClock())
        await ledger.close()

    asyncio.run(whole())
    assert not (tmp_path / "b.db").exists()


def test_a_ledger_that_is_not_there(tmp_path):
    with pytest.raises(LedgerError, match=r"there is nothing to copy: .*a\.db"):
        asyncio.run(copy_ledger(f"{tmp_path}/a.db", f"{tmp_path}/b.db", clock=StillClock()))
    assert not (tmp_path / "b.db").exists()


def test_memory_cannot_be_copied(tmp_path):
    with pytest.raises(ConfigError, match="memory: is not known"):
        asyncio.run(copy_ledger("memory:", f"{tmp_path}/b.db", clock=StillClock()))


def test_a_copy_knows_that_its_source_has_forgotten_something(tmp_path):
    async def whole():
        await fill(f"{tmp_path}/a.db")
        (tmp_path / "old.db").write_bytes((tmp_path / "a.db").read_bytes())
        await go_on(f"{tmp_path}/a.db")
        (tmp_path / "old.db").replace(tmp_path / "a.db")
        await copy_ledger(f"{tmp_path}/a.db", f"{tmp_path}/b.db", clock=StillClock())
        told = []
        for name in "ab":
            ledger = open_ledger(f"{tmp_path}/{name}.db", clock=StillClock())
            told.append(await ledger.regressed(SCOPE))
            await ledger.close()
        assert told[1]
        assert told[0] == told[1]

    asyncio.run(whole())
