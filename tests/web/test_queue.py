import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from runner.conformance.place import GivenClock
from runner.model.errors import LedgerError
from runner.web.entry import Entry, Order, Status
from runner.web.queue import KEPT, Queue, QueueFull


def order(key: str = "k", *, once: bool = True, **trigger: Any) -> Order:
    return Order("r", "webhook", key, trigger, once)


def run(folder: Path, work: Callable[[Queue], Awaitable[Any]], most: int = 10) -> Any:
    """Open the queue of a folder, work on it, close it."""

    async def done() -> Any:
        queue = Queue(folder, GivenClock(), most)
        queue.open()
        try:
            return await work(queue)
        finally:
            await queue.close()

    return asyncio.run(done())


def test_an_order_is_there_after_a_restart(tmp_path: Path) -> None:
    entry, is_new = run(tmp_path, lambda queue: queue.accept(order(n=2**70, lone="\ud800")))
    (again,) = run(tmp_path, lambda queue: asyncio.sleep(0, queue.unended()))
    assert is_new
    assert again == entry
    assert (again.status, again.trigger) == (Status.WAITING, {"n": 2**70, "lone": "\ud800"})


def test_the_same_order_at_once_is_one(tmp_path: Path) -> None:
    async def many(queue: Queue) -> list[tuple[Entry, bool]]:
        return await asyncio.gather(*[queue.accept(order()) for _ in range(20)])

    told = run(tmp_path, many)
    assert len({entry.id for entry, _ in told}) == 1
    assert [is_new for _, is_new in told].count(True) == 1


@pytest.mark.parametrize(
    ("outcome", "once", "is_new", "again"),
    [
        ("done", True, False, False),
        ("failed_items", True, True, True),
        ("cancelled", True, True, True),
        ("done", False, True, False),
        ("error", False, True, False),
    ],
)
def test_after_its_end(tmp_path: Path, outcome: str, once: bool, is_new: bool, again: bool) -> None:
    async def ended(queue: Queue) -> tuple[Entry, bool]:
        entry, _ = await queue.accept(order(once=once))
        await queue.change(entry.id, ended_at=1.0, outcome=outcome)
        return await queue.accept(order(once=once))

    entry, told = run(tmp_path, ended)
    assert (told, entry.again) == (is_new, again)


@pytest.mark.parametrize(("once", "is_new"), [(True, False), (False, True)])
def test_while_it_runs(tmp_path: Path, once: bool, is_new: bool) -> None:
    async def running(queue: Queue) -> bool:
        entry, _ = await queue.accept(order(once=once))
        await queue.change(entry.id, started_at=1.0)
        return (await queue.accept(order(once=once)))[1]

    assert run(tmp_path, running) == is_new


def test_a_full_queue_takes_what_it_knows_and_nothing_else(tmp_path: Path) -> None:
    async def full(queue: Queue) -> int:
        for number in range(3):
            await queue.accept(order(f"k{number}"))
        with pytest.raises(QueueFull, match="3 runs wait or run already"):
            await queue.accept(order("new"))
        entry, is_new = await queue.accept(order("k1"))
        await queue.change(entry.id, ended_at=1.0, outcome="done")
        await queue.accept(order("new"))
        return queue.open_count + is_new

    assert run(tmp_path, full, most=3) == 3


def test_what_could_not_be_written_was_not_taken(tmp_path: Path) -> None:
    async def broken(queue: Queue) -> int:
        queue._journal.fault = "no disk"
        told = await asyncio.gather(*[queue.accept(order()) for _ in range(3)], return_exceptions=True)
        assert [type(one) for one in told] == [LedgerError] * 3
        return len(queue.entries()) + queue.open_count

    assert run(tmp_path, broken) == 0


def test_entries_come_newest_first_and_change_in_place(tmp_path: Path) -> None:
    async def some(queue: Queue) -> list[str]:
        entries = [(await queue.accept(order(f"k{number}")))[0] for number in range(3)]
        await queue.change(entries[0].id, started_at=1.0)
        return [entry.key for entry in queue.entries()]

    assert run(tmp_path, some) == ["k2", "k1", "k0"]
    assert run(tmp_path, lambda queue: asyncio.sleep(0, [one.key for one in queue.entries()])) == ["k2", "k1", "k0"]


def test_old_ends_are_forgotten_and_large_triggers_dropped(tmp_path: Path) -> None:
    async def many(queue: Queue) -> list[Entry]:
        for number in range(KEPT + 5):
            queue._put(Entry(f"{number:016x}", "r", "webhook", f"k{number}", {}, 1.0, ended_at=2.0, outcome="done"))
        entry, _ = await queue.accept(order("large", text="x" * 5000))
        await queue.change(entry.id, ended_at=3.0, outcome="done")
        return list(queue.entries())

    entries = run(tmp_path, many)
    assert len(entries) == KEPT
    assert (entries[0].key, entries[0].trigger, entries[-1].key) == ("large", {}, "k6")


def test_times_of_schedules_are_kept(tmp_path: Path) -> None:
    run(tmp_path, lambda queue: queue.tick("nightly", 5.0))
    assert run(tmp_path, lambda queue: asyncio.sleep(0, queue.last_tick("nightly"))) == 5.0
    assert run(tmp_path, lambda queue: asyncio.sleep(0, queue.last_tick("other"))) is None
