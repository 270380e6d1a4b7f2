import asyncio
from threading import Event
from typing import Any

import pytest

from runner.ledger.database import StoreBroken
from runner.ledger.group import Writer
from runner.model.errors import LeaseLost, LedgerError
from runner.model.event import JobSent
from runner.model.ledger import Lease

LEASE = Lease("recipe", 1, 9.0)


class Store:
    """A store that notes what is done to it; a job called `bad` breaks it, `gone` is not in it."""

    def __init__(self):
        self.place = "store"
        self.commits = []
        self.rows = []

    def write(self):
        return self

    def fetch(self, name, given=None, /, **values):
        return [(1,)] if name == "fence" else []

    def change(self, name, given=None, /, **values):
        rows = [row[1] for row in given or ()]
        if "bad" in rows:
            raise StoreBroken("the disk is gone")
        self.rows += rows
        return len(rows) - ("gone" in rows)

    def begin(self, *, durable=True):
        self.rows = []

    def commit(self):
        self.commits.append(self.rows)

    def rollback(self):
        self.rows = []

    def close(self):
        self.commits.append("closed")


def story(work):
    """Run some work with a writer and its store; return what was committed."""

    async def whole():
        store: Any = Store()
        writer = Writer(store)
        await work(writer)
        await writer.close()
        return store.commits

    return asyncio.run(whole())


def sent(writer, *jobs, lease=LEASE):
    return writer.record(7, lease, [JobSent(job, 1.0) for job in jobs])


def test_what_waits_becomes_one_commit_in_call_order():
    async def work(writer):
        gate = Event()
        holding = writer.call(lambda store: gate.wait())
        waiting = [sent(writer, f"j{n}") for n in range(50)]
        gate.set()
        await asyncio.gather(holding, *waiting)

    assert story(work) == [[f"j{n}" for n in range(50)], "closed"]


def test_nothing_overtakes_another_piece_of_work():
    async def work(writer):
        seen = []
        calls = [sent(writer, "a"), writer.call(lambda store: seen.extend(store.commits)), sent(writer, "b")]
        await asyncio.gather(*calls)
        assert [job for rows in seen for job in rows] == ["a"]

    assert story(work)[-2:] == [["b"], "closed"]


def test_closing_writes_what_waits():
    async def work(writer):
        for n in range(9):
            sent(writer, f"j{n}")

    assert sorted(job for rows in story(work)[:-1] for job in rows) == [f"j{n}" for n in range(9)]


def test_an_event_that_does_not_fit_fails_alone():
    async def work(writer):
        done = await asyncio.gather(*(sent(writer, job) for job in ("a", "gone", "b")), return_exceptions=True)
        assert [type(entry) for entry in done] == [type(None), LedgerError, type(None)]

    assert sorted(job for rows in story(work)[:-1] for job in rows) == ["a", "b"]


def test_a_lost_lease_fails_alone():
    async def work(writer):
        lost = sent(writer, "x", lease=Lease("recipe", 2, 9.0))
        done = await asyncio.gather(sent(writer, "a"), lost, return_exceptions=True)
        assert [type(entry) for entry in done] == [type(None), LeaseLost]

    assert [job for rows in story(work)[:-1] for job in rows] == ["a"]


def test_a_broken_store_is_never_written_again():
    async def work(writer):
        with pytest.raises(LedgerError, match="the disk is gone"):
            await sent(writer, "bad")
        for attempt in (sent(writer, "good"), writer.call(lambda store: store.commit())):
            with pytest.raises(LedgerError, match="the disk is gone"):
                await attempt

    assert story(work) == ["closed"]


def test_a_fault_of_the_program_reaches_its_caller_only():
    async def work(writer):
        with pytest.raises(ZeroDivisionError):
            await writer.call(lambda store: 1 / 0)
        await sent(writer, "a")

    assert story(work) == [["a"], "closed"]


def test_whoever_stops_waiting_disturbs_nobody():
    async def work(writer):
        impatient = sent(writer, "a")
        impatient.cancel()
        await sent(writer, "b")

    assert sorted(job for rows in story(work)[:-1] for job in rows) == ["a", "b"]
