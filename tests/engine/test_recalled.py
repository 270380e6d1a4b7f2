"""A plan over what has changed is the plan over everything."""

import asyncio
import json
import random
from collections import Counter
from dataclasses import asdict, replace

import pytest

from runner.conformance.place import given_place
from runner.engine.decide import Decision
from runner.engine.recalled import recalled
from runner.engine.select import LINES
from runner.engine.survey import survey
from runner.ledger import open_ledger
from runner.ledger.memory import MemoryLedger
from runner.sources.jsonl import Jsonl
from tests.engine.world import SCOPE, FakeTarget, FastClock, Platform, applied, work_on

LINES_AT_FIRST = 2500


class Whole:
    """The same source without its memory."""

    def __init__(self, source):
        self.read, self.fingerprint = source.read, source.fingerprint


def line(number, version=1):
    return json.dumps({"id": f"k{number}", "version": version, "text": "x" * 50})


def write(root, lines):
    (root / "a.jsonl").write_text("\n".join(lines) + "\n")


def done(root, ledger, fails=lambda key: ""):
    """Apply a file; return its lines and the stage."""
    lines = [line(number) for number in range(LINES_AT_FIRST)]
    write(root, lines)
    source = Jsonl(Jsonl.Config("a.jsonl", "id"), given_place(root))
    work = replace(work_on(ledger, [], FakeTarget(Platform(), fails=fails)), source=source)
    applied(work)
    return lines, work


def both(work):
    """Return the plan as it is made, the plan over everything, and whether the first walk was a short one."""

    async def plans():
        short = await recalled(work, with_items=True)
        plan = await survey(work, with_items=True)
        whole = await survey(replace(work, source=Whole(work.source)), with_items=True)
        return plan, whole, short is not None

    return asyncio.run(plans())


def edited(lines, rng):
    """Change, insert, delete, move and double some lines."""
    lines, fresh = list(lines), iter(range(10_000, 99_999))
    for _ in range(rng.choice([1, 5, 60])):
        at, to = rng.randrange(len(lines)), rng.randrange(len(lines))
        number = json.loads(lines[at])["id"][1:]
        lines[at : at + 1] = rng.choice(
            [[line(number, 2)], [lines[at].replace('": ', '":')], [], [line(next(fresh)), lines[at]], [lines[at]]]
        )
        if rng.random() < 0.2:
            lines.insert(to, lines.pop(min(at, len(lines) - 1)))
        if rng.random() < 0.02:
            lines.insert(to, rng.choice([lines[min(at, len(lines) - 1)], "", "{", line(number, 3)]))
    return lines


@pytest.mark.parametrize("seed", range(25))
def test_random_edits_give_the_same_plan(tmp_path, seed):
    rng = random.Random(seed)
    lines, work = done(tmp_path, MemoryLedger(), lambda key: "broken" if key.endswith("7") and seed % 2 else "")
    new = edited(lines, rng)
    write(tmp_path, new)
    work = replace(work, run=replace(work.run, attempts=rng.choice([1, 2])))
    plan, whole, _ = both(work)
    assert asdict(plan) == asdict(whole)


def test_the_walk_is_short_and_a_store_on_disk_says_the_same(tmp_path):
    ledger = open_ledger(str(tmp_path / "ledger.db"), clock=FastClock())
    lines, work = done(tmp_path, ledger, lambda key: "broken" if key == "k7" else "")
    write(tmp_path, [line("new"), *lines[:30], *lines[31:50], line(50, 2), *lines[51:]])
    plan, whole, is_short = both(work)
    asyncio.run(ledger.close())
    assert is_short
    assert asdict(plan) == asdict(whole)
    assert plan.counts == {Decision.NEW: 1, Decision.CHANGED: 1, Decision.DONE: LINES_AT_FIRST - 3, Decision.FAILED: 1}


def test_white_space_alone_changes_nothing(tmp_path):
    lines, work = done(tmp_path, MemoryLedger())
    write(tmp_path, [*lines[:40], lines[40].replace('": ', '":'), *lines[41:]])
    plan, whole, is_short = both(work)
    assert is_short
    assert [sink.why for sink in plan.sinks] == [sink.why for sink in whole.sinks] == [""]


@pytest.mark.parametrize("doubled", [line(900), line(900, 2)])
@pytest.mark.parametrize("at", [3, 2000])
def test_a_key_that_comes_twice_is_seen(tmp_path, doubled, at):
    lines, work = done(tmp_path, MemoryLedger())
    write(tmp_path, [*lines[:at], doubled, *lines[at:]])
    plan, whole, is_short = both(work)
    assert not is_short
    assert (plan.rejected, asdict(plan)) == (1, asdict(whole))


@pytest.mark.parametrize("changes", [{"work": "x" * 32}, {"selector": "t"}, {"skip": "nothing"}, {"siblings": [SCOPE]}])
def test_another_recipe_is_walked_in_full(tmp_path, changes):
    _, work = done(tmp_path, MemoryLedger())
    assert not both(replace(work, **changes))[2]


def test_a_selection_with_rejected_lines_is_not_remembered(tmp_path):
    lines, work = done(tmp_path, MemoryLedger())
    write(tmp_path, [*lines, "{"])
    applied(work)
    assert LINES not in asyncio.run(work.ledger.fingerprint(SCOPE))
    assert not both(work)[2]


def test_a_lost_memory_is_no_loss(tmp_path):
    _, work = done(tmp_path, MemoryLedger())
    (kept,) = (given_place(tmp_path).state / "lines").iterdir()
    kept.write_bytes(b"")
    write(tmp_path, [line(1, 2)])
    plan, whole, is_short = both(work)
    assert not is_short
    assert asdict(plan) == asdict(whole)
    assert Counter(plan.counts) == {Decision.CHANGED: 1}


class Vanishing(Jsonl):
    """A file that is taken away as soon as it was read to its end, by whoever rotates it."""

    async def read(self):
        async for batch in super().read():
            yield batch
        (self._place.root / "a.jsonl").unlink()


def test_a_source_that_is_gone_when_it_is_to_be_remembered_fails_nothing(tmp_path):
    write(tmp_path, [line(number) for number in range(LINES_AT_FIRST)])
    source, stores = Vanishing(Jsonl.Config("a.jsonl", "id"), given_place(tmp_path)), {}
    report = applied(replace(work_on(MemoryLedger(), [], FakeTarget(Platform()), stores), source=source))
    assert (report.outcome, len(stores["rows"])) == ("done", LINES_AT_FIRST)
