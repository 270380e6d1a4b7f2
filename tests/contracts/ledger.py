"""What every ledger must do. A test class inherits `LedgerContract` and says how to open one."""

from __future__ import annotations

import asyncio
import dataclasses
import functools
from hashlib import blake2b
from typing import Any

import pytest

from runner.model.errors import LeaseHeld, LeaseLost, LedgerError
from runner.model.event import (
    ItemsDone,
    JobAccepted,
    JobHeld,
    JobIntended,
    JobPolled,
    JobReleased,
    JobSent,
    JobSettled,
    JobUnknown,
    ManifestUnderstood,
    PlanUsed,
    Published,
    RunEnded,
)
from runner.model.item import Item, Result
from runner.model.job import DOUBTFUL, OPEN, TERMINAL, Adoption, JobStatus
from runner.model.ledger import Lease, PlanUse, Scope
from runner.model.work_hash import WorkHash

SCOPE = Scope("project", "", "recipe", "stage")
HOLDER = {"host": "here", "pid": 7}


class StillClock:
    """A clock that stands still."""

    def now(self) -> float:
        return 1_700_000_000.25

    def monotonic(self) -> float:
        return 5.0

    async def sleep(self, delay_s: float) -> None:
        await asyncio.sleep(0)


def item(key, content="", **value):
    """Make an item whose content follows from a text."""
    return Item(key, blake2b(f"{key} {content}".encode("utf-8", "replace"), digest_size=16).digest(), value or {"k": 1})


class Desk:
    """One ledger with a lease, and the short words of these tests."""

    def __init__(self, ledger, lease):
        self.ledger = ledger
        self.lease = lease

    async def select(self, *items, work="w1", batch=3, mark=None, scope=SCOPE):
        """Select items (or keys) in batches and finish; return the standings and whether the selection differs."""
        entries = [item(entry) if isinstance(entry, str) else entry for entry in items]
        standings, position = [], 0
        for start in range(0, len(entries), batch):
            given = entries[start : start + batch]
            found = await self.ledger.select(scope, self.lease, work, position, given)
            position += sum(standing.status != "duplicate" for standing in found)
            standings += found
        return standings, await self.ledger.finish_selection(scope, self.lease, position, mark or {})

    async def record(self, *events, scope=SCOPE):
        await self.ledger.record(scope, self.lease, events)

    async def job(self, job, ids, *, attempt=1, results=None, at=10.0, settle=True):
        """Take a job to its end; `results` are Results, None for no result at all."""
        await self.record(JobIntended(job, attempt, ids, at, sent=True), JobAccepted(job, f"id-{job}", at + 1))
        done = [ItemsDone(job, results, at + 3)] if results else []
        settled = [JobSettled(job, at + 4)] if settle else []
        await self.record(JobPolled(job, JobStatus.SUCCEEDED, at + 2), *done, *settled)

    async def held_job(self, key="a"):
        """Make a job that is held, with one item."""
        (standing,), _ = await self.select(key)
        await self.record(JobIntended("j", 1, [standing.id], 1.0, sent=True), JobHeld("j", 2.0, "strange"))

    async def rows(self, statuses=None, scope=SCOPE):
        return [row async for row in self.ledger.jobs(scope, statuses)]

    async def row(self, job="j"):
        return next(row for row in await self.rows() if row.job == job)

    async def outcomes(self, scope=SCOPE):
        return [outcome async for batch in self.ledger.outcomes(scope) for outcome in batch]

    async def selected(self, scope=SCOPE):
        return [entry async for batch in self.ledger.selected(scope) for entry in batch]

    async def keys(self):
        return [entry[0] for entry in await self.selected()]

    async def statuses(self):
        return {entry[0]: entry[3] for entry in await self.selected()}

    async def standing(self, *items, work="w1"):
        return list(await self.ledger.standings(SCOPE, work, items))


def with_desk(test):
    """Give a test method an opened ledger and a lease; the test is a coroutine."""

    @functools.wraps(test)
    def run(self, tmp_path):
        async def whole():
            ledger = self.opener(tmp_path)()
            try:
                await test(self, Desk(ledger, await ledger.acquire("recipe", HOLDER, 0.0, 60.0)))
            finally:
                await ledger.close()

        asyncio.run(whole())

    del run.__wrapped__  # or pytest takes the desk for a fixture
    return run


class SelectionContract:
    """Selecting, and what plan and publish read of it."""

    @with_desk
    async def test_a_new_ledger_knows_nothing(self, desk):
        ledger = desk.ledger
        assert (await ledger.version(SCOPE), await ledger.counts(SCOPE), await ledger.scopes()) == (0, {}, [])
        assert (await ledger.fingerprint(SCOPE), await ledger.publications(SCOPE)) == ({}, {})
        assert (await desk.selected(), await desk.outcomes(), await desk.rows()) == ([], [], [])
        assert (await ledger.runs(SCOPE), await ledger.job_items(SCOPE, "j")) == ([], [])
        assert await ledger.spent(SCOPE, 0.0) == {"items": 0, "jobs": 0, "money": 0}
        assert await ledger.regressed(SCOPE) == ""

    @with_desk
    async def test_a_selection_keeps_source_order_and_work(self, desk):
        keys = [f"k{n}" for n in (5, 3, 9, 1, 7, 2, 8)]
        standings, differs = await desk.select(*keys, mark={"digest": "d"})
        assert differs
        assert [standing.status for standing in standings] == ["new"] * 7
        assert len({standing.id for standing in standings}) == 7
        assert await desk.selected() == [(key, item(key).content, "w1", "new") for key in keys]
        assert await desk.ledger.counts(SCOPE) == {"new": 7}
        assert await desk.ledger.fingerprint(SCOPE) == {"digest": "d"}
        assert await desk.ledger.scopes() == [SCOPE]

    @with_desk
    async def test_standings_say_what_was_seen_and_write_nothing(self, desk):
        await desk.select(item("a"), item("b", "old"))
        version = await desk.ledger.version(SCOPE)
        asked = [item("a"), item("b", "new"), item("c")]
        assert [standing.seen for standing in await desk.standing(*asked)] == ["same", "content", "never"]
        assert [standing.seen for standing in await desk.standing(*asked, work="w2")] == ["work", "content", "never"]
        assert await desk.ledger.version(SCOPE) == version
        assert await desk.keys() == ["a", "b"]

    @with_desk
    async def test_work_under_the_first_version_of_its_hash_is_the_same_work(self, desk):
        (standing,), _ = await desk.select("a")
        await desk.job("j", [standing.id], results=[Result("a", {"r": 1})])
        work = WorkHash("w2", first="w1")
        known = (standing.id, "succeeded", "same")
        assert [(one.id, one.status, one.seen) for one in await desk.standing(item("a"), work=work)] == [known]
        assert (await desk.selected())[0][2] == "w1"
        (again,), differs = await desk.select("a", work=work)
        assert ((again.id, again.status, again.seen), differs) == (known, False)
        assert [(one.id, one.status, one.seen) for one in await desk.standing(item("a"), work="w2")] == [known]
        assert (await desk.selected())[0][2:] == ("w2", "succeeded")

    @with_desk
    async def test_what_is_done_under_the_hash_of_today_goes_before_its_first_version(self, desk):
        (old,), _ = await desk.select("a")
        (new,), _ = await desk.select("a", work="w2")
        await desk.job("j", [new.id], results=[Result("a", {"r": 1})])
        (standing,), _ = await desk.select("a", work=WorkHash("w2", first="w1"))
        assert (standing.id, standing.status) == (new.id, "succeeded") != (old.id, "new")

    @with_desk
    async def test_places_are_those_of_the_current_selection(self, desk):
        await desk.select("a", "b", item("c", "old"))
        await desk.select("b", item("c", "new"), "d")
        found = await desk.ledger.places(SCOPE, ["a", "b", "c", "x", "\udc80"])
        assert found == {"b": (0, item("b").content), "c": (1, item("c", "new").content)}
        assert await desk.ledger.places(SCOPE, []) == await desk.ledger.places(Scope("p", "", "r"), ["a"]) == {}

    @with_desk
    async def test_loose_items_are_those_that_did_not_succeed_under_the_work(self, desk):
        standings, _ = await desk.select("a", "b", "c")
        job = JobIntended("j", 1, [standings[1].id], 1.0, sent=True)
        await desk.record(job, ItemsDone("j", [Result("b", {"of": "b"})], 2.0))
        a, _, c = ((at, key, item(key).content) for at, key in enumerate("abc"))
        assert await desk.ledger.loose(SCOPE, "w1", 2) == [a, c]
        assert await desk.ledger.loose(SCOPE, "w1", 1) is await desk.ledger.loose(SCOPE, "w2", 9) is None
        await desk.select("b", work="w2")
        assert await desk.ledger.loose(SCOPE, "w1", 9) == [(0, "b", item("b").content)]

    @with_desk
    async def test_select_gives_what_was_seen_before_it(self, desk):
        await desk.select("a", "b")
        standings, _ = await desk.select(item("a"), item("b", "new"), item("c"), work="w1")
        assert [standing.seen for standing in standings] == ["same", "content", "never"]
        standings, _ = await desk.select("a", work="w2")
        assert (standings[0].seen, standings[0].status) == ("work", "new")

    @with_desk
    async def test_the_same_selection_again_differs_in_nothing(self, desk):
        first, _ = await desk.select(*"abcdefg")
        version = await desk.ledger.version(SCOPE)
        again, differs = await desk.select(*"abcdefg", mark={"digest": "2"})
        assert not differs
        assert [standing.id for standing in again] == [standing.id for standing in first]
        assert await desk.ledger.version(SCOPE) == version
        assert await desk.ledger.fingerprint(SCOPE) == {"digest": "2"}

    @pytest.mark.parametrize("keys", ["abcdefgX", "abcdef", "abXdefg", "Xabcdefg", "gfedcba", "", "acdefg", "X"])
    def test_any_difference_is_the_new_selection(self, tmp_path, keys):
        async def check(_, desk):
            await desk.select(*"abcdefg")
            version = await desk.ledger.version(SCOPE)
            _, differs = await desk.select(*keys)
            assert differs
            assert await desk.keys() == list(keys)
            assert await desk.ledger.version(SCOPE) > version
            assert (await desk.select(*keys))[1] is False

        with_desk(check)(self, tmp_path)

    @with_desk
    async def test_an_empty_selection_is_one(self, desk):
        assert (await desk.select())[1] is True
        assert (await desk.select())[1] is False
        assert await desk.selected() == []
        assert await desk.ledger.version(SCOPE) > 0

    @with_desk
    async def test_a_key_is_selected_once(self, desk):
        standings, _ = await desk.select("a", "b", "a", "c", "b", item("a", "other"), "d")
        statuses = [standing.status for standing in standings]
        assert statuses == ["new", "new", "duplicate", "new", "duplicate", "duplicate", "new"]
        assert await desk.keys() == list("abcd")
        assert (await desk.select("a", "b", "a", "c", "b", item("a", "other"), "d"))[1] is False

    @with_desk
    async def test_a_duplicate_of_changed_content_is_found(self, desk):
        await desk.select("x", "a", "b", "c")
        standings, _ = await desk.select("a", "b", "c", item("b", "new"), "x", item("x", "new"))
        assert [standing.status for standing in standings[3:]] == ["duplicate", "new", "duplicate"]
        assert await desk.keys() == ["a", "b", "c", "x"]

    @with_desk
    async def test_an_unfinished_selection_leaves_the_old_one(self, desk):
        await desk.select("a", "b")
        await desk.ledger.select(SCOPE, desk.lease, "w1", 0, [item("x"), item("y")])
        assert await desk.keys() == ["a", "b"]
        await desk.select("y", "b")
        assert await desk.keys() == ["y", "b"]

    @with_desk
    async def test_selected_items_may_be_sent_before_the_selection_ends(self, desk):
        for n in range(5):
            (a, b) = await desk.ledger.select(SCOPE, desk.lease, "w1", 2 * n, [item(f"a{n}"), item(f"b{n}")])
            await desk.record(JobIntended(f"j{n}", 1, [a.id, b.id], 1.0, sent=True))
        assert await desk.ledger.finish_selection(SCOPE, desk.lease, 10, {})
        assert await desk.ledger.counts(SCOPE) == {"in_job": 10}

    @with_desk
    async def test_a_selection_begun_anew_finds_what_the_last_batch_made(self, desk):
        (first,) = await desk.ledger.select(SCOPE, desk.lease, "w1", 0, [item("a")])
        (again,) = await desk.ledger.select(SCOPE, desk.lease, "w1", 0, [item("a")])
        assert (again.id, again.seen) == (first.id, "same")

    @with_desk
    async def test_a_wrong_count_is_refused(self, desk):
        await desk.select("a")
        await desk.ledger.select(SCOPE, desk.lease, "w1", 0, [item("x")])
        with pytest.raises(LedgerError, match="has 1 items, not 2"):
            await desk.ledger.finish_selection(SCOPE, desk.lease, 2, {})
        with pytest.raises(LedgerError, match=r"no selection|has 0 items"):
            await desk.ledger.finish_selection(SCOPE, desk.lease, 1, {})
        assert await desk.keys() == ["a"]

    @with_desk
    async def test_a_value_that_changed_beside_the_content_is_kept(self, desk):
        await desk.select(item("a", "c", size=1))
        version = await desk.ledger.version(SCOPE)
        standings, differs = await desk.select(item("a", "c", size=2))
        assert (standings[0].seen, differs) == ("same", False)
        assert (await desk.outcomes())[0].value == {"size": 2}
        assert await desk.ledger.version(SCOPE) > version

    @with_desk
    async def test_scopes_do_not_see_each_other(self, desk):
        other = Scope("project", "emulate", "recipe", "stage")
        await desk.select("a", "b")
        await desk.select("b", "c", scope=other)
        assert [entry[0] for entry in await desk.selected(other)] == ["b", "c"]
        assert await desk.keys() == ["a", "b"]
        assert set(await desk.ledger.scopes()) == {SCOPE, other}

    @with_desk
    async def test_a_reverted_item_finds_its_result_again(self, desk):
        (standing,), _ = await desk.select(item("a", "one"))
        await desk.job("j", [standing.id], results=[Result("a", {"x": 1})])
        (changed,), _ = await desk.select(item("a", "two"))
        assert (changed.status, changed.seen) == ("new", "content")
        (back,), _ = await desk.select(item("a", "one"))
        assert (back.status, back.id) == ("succeeded", standing.id)
        assert (await desk.outcomes())[0].result == {"x": 1}

    @with_desk
    async def test_pages_of_many_items_are_whole(self, desk):
        keys = [f"k{n:05}" for n in range(2503)]
        await desk.select(*keys, batch=1000)
        assert await desk.keys() == keys
        assert [outcome.key for outcome in await desk.outcomes()] == keys
        standings = await desk.standing(*(item(key) for key in keys))
        assert [standing.seen for standing in standings] == ["same"] * 2503

    @pytest.mark.parametrize(
        "key", ["", "größe", "a\0b", "caf\udce9.pdf", "x" * 5000, "a/../b", "'; --"], ids=lambda key: ascii(key)[:12]
    )
    def test_any_key_survives(self, tmp_path, key):
        async def check(_, desk):
            (standing,), _ = await desk.select(key)
            await desk.job("j", [standing.id], results=[Result(key, 1)])
            assert await desk.statuses() == {key: "succeeded"}
            assert (await desk.ledger.job_items(SCOPE, "j"))[0][1].key == key

        with_desk(check)(self, tmp_path)

    @with_desk
    async def test_reset_makes_selected_items_new(self, desk):
        standings, _ = await desk.select("a", "b", "c")
        results = [Result("a", 1), Result("b", error="bad"), Result("c", error="bad")]
        await desk.job("j", [standing.id for standing in standings], results=results)
        version = await desk.ledger.version(SCOPE)
        assert await desk.ledger.reset(SCOPE, desk.lease, ["failed"], ["a", "b", "z"]) == 1
        assert await desk.statuses() == {"a": "succeeded", "b": "new", "c": "failed"}
        assert await desk.ledger.reset(SCOPE, desk.lease, ["failed", "held"], None) == 1
        assert (await desk.standing(item("b")))[0].attempt == 1
        assert await desk.ledger.version(SCOPE) >= version + 2

    @with_desk
    async def test_reset_spares_what_is_not_selected_or_in_a_job(self, desk):
        (standing,), _ = await desk.select("a")
        await desk.job("j", [standing.id], results=[Result("a", error="bad")])
        await desk.select("b")
        assert await desk.ledger.reset(SCOPE, desk.lease, ["failed"], None) == 0
        with pytest.raises(LedgerError, match="in a job"):
            await desk.ledger.reset(SCOPE, desk.lease, ["in_job"], None)


class ProtocolContract:
    """Events, jobs and their items."""

    @with_desk
    async def test_a_job_from_intent_to_its_end(self, desk):
        standings, _ = await desk.select("a", "b")
        ids = [standing.id for standing in standings]
        await desk.record(JobIntended("j", 1, ids, 1.5, "req", 2.0))
        assert (await desk.row()).status is JobStatus.INTENDED
        await desk.record(JobSent("j", 2.5, {"batch": 7}))
        await desk.record(JobAccepted("j", "r-1", 3.5, {"url": "u"}))
        await desk.record(JobPolled("j", JobStatus.RUNNING, 4.5, "RUN"))
        row = await desk.row()
        assert (row.status, row.id, row.word, row.kept) == (JobStatus.RUNNING, "r-1", "RUN", {"batch": 7, "url": "u"})
        assert (row.intended_at, row.sent_at, row.accepted_at, row.ended_at) == (1.5, 2.5, 3.5, None)
        assert (row.items, row.settled, row.adopted, row.stage) == (2, False, Adoption.NO, "stage")
        await desk.record(
            JobPolled("j", JobStatus.PARTIAL, 5.5, "DONE", "half"), ItemsDone("j", [Result("a", [1])], 6.0)
        )
        await desk.record(JobSettled("j", 7.0, 0.25))
        row = await desk.row()
        assert (row.status, row.settled, row.cost, row.ended_at, row.error) == ("partial", True, 0.25, 5.5, "half")
        assert await desk.statuses() == {"a": "succeeded", "b": "failed"}

    @with_desk
    async def test_intended_and_sent_may_be_one_write(self, desk):
        (standing,), _ = await desk.select("a")
        await desk.record(JobIntended("j", 1, [standing.id], 1.5, sent=True))
        row = await desk.row()
        assert (row.status, row.sent_at) == (JobStatus.SENT, 1.5)
        assert (await desk.standing(item("a")))[0].job == "j"

    @with_desk
    async def test_the_first_sending_counts(self, desk):
        (standing,), _ = await desk.select("a")
        await desk.record(JobIntended("j", 1, [standing.id], 1.0), JobSent("j", 2.0), JobUnknown("j", 3.0, "lost"))
        assert ((await desk.row()).status, (await desk.row()).error) == (JobStatus.UNKNOWN, "lost")
        await desk.record(JobSent("j", 9.0))
        assert ((await desk.row()).status, (await desk.row()).sent_at) == (JobStatus.SENT, 2.0)
        await desk.record(JobAccepted("j", "r", 10.0, adopted=Adoption.FOUND))
        assert ((await desk.row()).adopted, (await desk.row()).error) == (Adoption.FOUND, "")

    @with_desk
    async def test_a_remote_job_is_known_by_its_connection(self, desk):
        other = dataclasses.replace(SCOPE, recipe="other")
        await desk.record(JobIntended("j", 1, [], 1.0, sent=True, connection="shop"), JobAccepted("j", "r", 2.0))
        await desk.record(JobIntended("lost", 1, [], 1.0, sent=True, connection="shop"), JobUnknown("lost", 2.0, "?"))
        await desk.record(JobIntended("held", 1, [], 1.0, sent=True, connection="bank"), JobHeld("held", 2.0, "?"))
        await desk.record(JobIntended("waits", 1, [], 1.0, connection="shop"))
        events = [JobIntended("k", 1, [], 1.0, sent=True, connection="bank"), JobAccepted("k", "r", 2.0)]
        await desk.ledger.record(other, desk.lease, [*events, JobReleased("k", 3.0, "marked failed", "bad")])
        known = desk.ledger.jobs_with_ids
        assert await known("shop", ["r", "x"]) == {"r": [(SCOPE, "j")]}
        assert await known("bank", ["r"]) == {"r": [(other, "k")]}
        assert sorted((await known(None, ["r"]))["r"], key=lambda each: each[1]) == [(SCOPE, "j"), (other, "k")]
        assert await known("shop", []) == {}
        assert await desk.ledger.jobs_without_id("shop") == [(SCOPE, "lost", JobStatus.UNKNOWN)]
        assert [each[1] for each in await desk.ledger.jobs_without_id(None)] == ["lost", "held"]
        assert (await desk.row("waits")).connection == "shop"

    @with_desk
    async def test_a_cost_told_for_a_job_is_shared_by_its_items(self, desk):
        standings, _ = await desk.select(item("a", n=1), item("b", n=2), item("c", n=3), item("d", n=4))
        ids = [standing.id for standing in standings]
        results = [Result("a", 1, cost=0.1), Result("b", 2), Result("c", error="bad")]
        await desk.record(JobIntended("j", 1, ids, 1.0, sent=True), JobAccepted("j", "r", 2.0))
        await desk.record(ItemsDone("j", results, 3.0), JobSettled("j", 4.0, 0.8))
        assert [outcome.cost for outcome in await desk.outcomes()] == [0.1, 0.2, 0.2, 0.2]

    @with_desk
    async def test_outcomes_carry_all_that_records_need(self, desk):
        standings, _ = await desk.select(item("b", n=2), item("a", n=1), item("c"))
        ids = [standing.id for standing in standings[:2]]
        await desk.job("j", ids, results=[Result("a", {"r": None}, cost=0.1), Result("b", error="bad")], at=10.0)
        b, a, c = await desk.outcomes()
        assert (a.key, a.value, a.status, a.result, a.error) == ("a", {"n": 1}, "succeeded", {"r": None}, "")
        assert (a.job, a.attempt, a.cost, a.at) == ("j", 1, 0.1, 13.0)
        assert (b.key, b.status, b.result, b.error, b.cost) == ("b", "failed", None, "bad", None)
        assert (c.status, c.job, c.attempt, c.at) == ("new", None, 0, None)
        assert [(one.id, one.kept) for one in (a, c)] == [("id-j", {}), (None, {})]

    @with_desk
    async def test_outcomes_carry_what_the_job_kept_when_asked(self, desk):
        standings, _ = await desk.select("a", "b")
        await desk.record(JobIntended("j", 1, [standings[0].id], 1.0), JobSent("j", 2.0, {"batch": 7}))
        await desk.record(JobAccepted("j", "r", 3.0, {"page": "p"}))
        found = [one async for batch in desk.ledger.outcomes(SCOPE, with_kept=True) for one in batch]
        assert [(one.id, one.kept) for one in found] == [("r", {"batch": 7, "page": "p"}), (None, {})]

    @with_desk
    async def test_items_without_a_result_fail_with_the_reason(self, desk):
        standings, _ = await desk.select("a", "b")
        await desk.record(JobIntended("j", 1, [standing.id for standing in standings], 1.0, sent=True))
        await desk.record(ItemsDone("j", [Result("a", 1)], 2.0), JobSettled("j", 3.0, missing="expired"))
        assert [outcome.error for outcome in await desk.outcomes()] == ["", "expired"]

    @with_desk
    async def test_results_of_a_job_reach_its_own_items_only(self, desk):
        (a, _), _ = await desk.select("a", "b")
        await desk.record(JobIntended("j", 1, [a.id], 1.0, sent=True))
        await desk.record(ItemsDone("j", [Result("b", 1), Result("zzz", 1), Result("a", 2)], 2.0))
        assert await desk.statuses() == {"a": "succeeded", "b": "new"}

    @with_desk
    async def test_a_success_stands(self, desk):
        (a,), _ = await desk.select("a")
        await desk.record(JobIntended("j", 1, [a.id], 1.0, sent=True))
        await desk.record(ItemsDone("j", [Result("a", error="no"), Result("a", 1), Result("a", 2)], 2.0))
        version = await desk.ledger.version(SCOPE)
        await desk.record(ItemsDone("j", [Result("a", 3)], 3.0))
        await desk.record(ItemsDone("j", [Result("a", error="late")], 3.0), JobSettled("j", 4.0))
        assert [(row.status, row.result) for row in await desk.outcomes()] == [("succeeded", 1)]
        assert await desk.ledger.version(SCOPE) == version

    @with_desk
    async def test_a_released_job_frees_its_items(self, desk):
        (a,), _ = await desk.select("a")
        await desk.record(JobIntended("j", 1, [a.id], 1.0, sent=True), JobReleased("j", 2.0, "refused"))
        assert await desk.statuses() == {"a": "new"}
        assert ((await desk.row()).status, (await desk.row()).error) == (JobStatus.RELEASED, "refused")
        await desk.record(JobIntended("j", 1, [a.id], 5.0))
        row = await desk.row()
        assert (row.status, row.sent_at, row.ended_at, row.error, row.items) == (JobStatus.INTENDED, None, None, "", 1)
        assert await desk.statuses() == {"a": "in_job"}
        assert len(await desk.ledger.job_items(SCOPE, "j")) == 1

    @with_desk
    async def test_a_job_that_never_was_counts_as_no_attempt(self, desk):
        (a,), _ = await desk.select("a")
        await desk.job("j1", [a.id], results=[Result("a", error="first")])
        await desk.ledger.reset(SCOPE, desk.lease, ["failed"], None)
        assert (await desk.standing(item("a")))[0].attempt == 1
        await desk.record(JobIntended("j2", 2, [a.id], 20.0, sent=True), JobReleased("j2", 21.0, "connection refused"))
        assert (await desk.standing(item("a")))[0].attempt == 1

    @with_desk
    async def test_a_saved_plan_is_used_once(self, desk):
        await desk.select("a")
        assert await desk.ledger.plan_use(SCOPE, "p") is None
        await desk.record(PlanUsed("p", 5.0))
        await desk.record(PlanUsed("p", 6.0))
        assert await desk.ledger.plan_use(SCOPE, "p") == PlanUse(5.0, None)
        await desk.record(PlanUsed("p", 7.0, is_over=True), PlanUsed("p", 8.0, is_over=True))
        assert await desk.ledger.plan_use(SCOPE, "p") == PlanUse(5.0, 7.0)
        assert await desk.ledger.plan_use(SCOPE, "q") is None

    @with_desk
    async def test_a_job_tells_what_it_reserves(self, desk):
        (a,), _ = await desk.select("a")
        await desk.record(JobIntended("j", 1, [a.id], 1.0, reserved=2.5))
        assert (await desk.row()).reserved == 2.5

    @with_desk
    async def test_a_refused_job_fails_its_items(self, desk):
        (a,), _ = await desk.select("a")
        await desk.record(JobIntended("j", 1, [a.id], 1.0, sent=True), JobReleased("j", 2.0, "400", error="bad input"))
        (standing,) = await desk.standing(item("a"))
        assert (standing.status, standing.error, standing.attempt) == ("failed", "bad input", 1)

    @with_desk
    async def test_a_held_job_holds_its_unfinished_items(self, desk):
        (a, b), _ = await desk.select("a", "b")
        await desk.record(JobIntended("j", 1, [a.id, b.id], 1.0, sent=True), ItemsDone("j", [Result("a", 1)], 1.5))
        await desk.record(JobHeld("j", 2.0, "nobody knows"))
        assert await desk.statuses() == {"a": "succeeded", "b": "held"}
        assert ((await desk.row()).status, (await desk.row()).error) == (JobStatus.HELD, "nobody knows")
        assert (await desk.standing(item("b")))[0].error == "nobody knows"

    @pytest.mark.parametrize(
        "event",
        [JobAccepted("j", "r", 3.0, adopted=Adoption.FOUND), JobPolled("j", JobStatus.RUNNING, 3.0), JobSent("j", 3.0)],
    )
    def test_a_held_job_that_goes_on_takes_its_items_along(self, tmp_path, event):
        async def check(_, desk):
            await desk.held_job()
            await desk.record(event)
            assert await desk.statuses() == {"a": "in_job"}

        with_desk(check)(self, tmp_path)

    @with_desk
    async def test_an_unnamed_status_holds(self, desk):
        (a,), _ = await desk.select("a")
        await desk.record(JobIntended("j", 1, [a.id], 1.0, sent=True), JobPolled("j", JobStatus.HELD, 2.0, "ODD"))
        assert await desk.statuses() == {"a": "held"}
        assert ((await desk.row()).status, (await desk.row()).word) == (JobStatus.HELD, "ODD")

    @with_desk
    async def test_a_second_attempt(self, desk):
        (a,), _ = await desk.select("a")
        await desk.job("j1", [a.id], results=[Result("a", error="first")])
        await desk.ledger.reset(SCOPE, desk.lease, ["failed"], None)
        await desk.job("j2", [a.id], attempt=2, results=[Result("a", "ok")], at=20.0)
        (outcome,) = await desk.outcomes()
        assert (outcome.attempt, outcome.job, outcome.result, outcome.error) == (2, "j2", "ok", "")

    @with_desk
    async def test_a_late_result_of_an_earlier_attempt_changes_nothing(self, desk):
        (a,), _ = await desk.select("a")
        await desk.job("j1", [a.id])
        await desk.record(JobIntended("j2", 2, [a.id], 9.0, sent=True), ItemsDone("j1", [Result("a", 1)], 9.5))
        await desk.record(JobSettled("j1", 9.6), JobHeld("j1", 9.7, "x"), JobReleased("j1", 9.8, "y"))
        assert await desk.statuses() == {"a": "in_job"}

    @with_desk
    async def test_a_late_success_saves_an_item_that_was_freed(self, desk):
        await desk.held_job()
        await desk.ledger.reset(SCOPE, desk.lease, ["held"], None)
        await desk.record(ItemsDone("j", [Result("a", error="no")], 5.0))
        assert await desk.statuses() == {"a": "new"}
        await desk.record(ItemsDone("j", [Result("a", 1)], 5.0))
        assert await desk.statuses() == {"a": "succeeded"}

    @with_desk
    async def test_an_item_is_never_in_two_jobs(self, desk):
        (a, b), _ = await desk.select("a", "b")
        await desk.record(JobIntended("j1", 1, [a.id], 1.0, sent=True))
        with pytest.raises(LedgerError, match="must not be submitted by job j2"):
            await desk.record(JobIntended("j2", 1, [b.id, a.id], 1.0, sent=True))
        assert await desk.statuses() == {"a": "in_job", "b": "new"}
        assert [row.job for row in await desk.rows()] == ["j1"]

    @with_desk
    async def test_a_job_that_may_exist_is_not_intended_anew(self, desk):
        (a,), _ = await desk.select("a")
        await desk.record(JobIntended("j", 1, [a.id], 1.0), JobIntended("j", 1, [a.id], 2.0), JobSent("j", 3.0))
        with pytest.raises(LedgerError, match="may already have job j"):
            await desk.record(JobIntended("j", 1, [a.id], 4.0))
        assert (await desk.row()).status is JobStatus.SENT

    @with_desk
    async def test_an_event_of_a_strange_job_is_refused_whole(self, desk):
        (a,), _ = await desk.select("a")
        with pytest.raises(LedgerError, match="no job zz"):
            await desk.record(JobIntended("j", 1, [a.id], 1.0), JobSent("zz", 2.0))
        assert (await desk.rows(), await desk.statuses()) == ([], {"a": "new"})

    @with_desk
    async def test_a_strange_event_fails_alone_among_many(self, desk):
        standings, _ = await desk.select(*"abcdef", batch=6)
        good = [desk.record(JobIntended(f"j{row.id}", 1, [row.id], 1.0)) for row in standings]
        done = await asyncio.gather(*good[:3], desk.record(JobSent("zz", 2.0)), *good[3:], return_exceptions=True)
        assert [type(entry).__name__ for entry in done] == ["NoneType"] * 3 + ["LedgerError"] + ["NoneType"] * 3
        assert await desk.ledger.counts(SCOPE) == {"in_job": 6}

    @with_desk
    async def test_items_freed_and_taken_in_one_write(self, desk):
        (a,), _ = await desk.select("a")
        await desk.record(JobIntended("j1", 1, [a.id], 1.0, sent=True))
        await desk.record(JobReleased("j1", 2.0, "no"), JobIntended("j2", 2, [a.id], 3.0), JobReleased("j2", 4.0, "no"))
        assert await desk.statuses() == {"a": "new"}
        await desk.record(JobIntended("j1", 1, [a.id], 5.0), JobSent("j1", 6.0), JobIntended("k", 1, [], 6.0))
        assert [row.status for row in await desk.rows()] == ["sent", "released", "intended"]

    @with_desk
    async def test_events_of_one_job_apply_in_call_order(self, desk):
        (a,), _ = await desk.select("a")
        await desk.record(JobIntended("j", 1, [a.id], 1.0), JobSent("j", 2.0), JobAccepted("j", "r", 3.0))
        polled = [JobPolled("j", JobStatus.RUNNING, 4.0 + n, f"w{n}", kept={"n": n, f"k{n}": n}) for n in range(4)]
        await desk.record(*polled, JobHeld("j", 9.0, "hm"), JobPolled("j", JobStatus.RUNNING, 10.0, "back"))
        row = await desk.row()
        assert (row.status, row.word, row.kept) == ("running", "back", {"n": 3, "k0": 0, "k1": 1, "k2": 2, "k3": 3})
        assert await desk.statuses() == {"a": "in_job"}

    @with_desk
    async def test_many_writers_at_once(self, desk):
        standings, _ = await desk.select(*(f"k{n}" for n in range(300)), batch=300)
        await asyncio.gather(*(desk.job(f"j{row.id}", [row.id], results=[Result("?", 0)]) for row in standings))
        assert await desk.ledger.counts(SCOPE) == {"failed": 300}
        assert len(await desk.rows()) == 300

    @with_desk
    async def test_jobs_by_status(self, desk):
        standings, _ = await desk.select(*"abcde", batch=5)
        ids = [[row.id] for row in standings]
        await desk.record(*(JobIntended(f"j{n}", 1, ids[n], n, sent=True) for n in range(5)))
        await desk.record(JobPolled("j0", JobStatus.SUCCEEDED, 9.0), JobSettled("j0", 9.0))
        await desk.record(JobPolled("j1", JobStatus.FAILED, 9.0), JobHeld("j2", 9.0, "?"), JobReleased("j3", 9.0, "no"))
        assert [row.job for row in await desk.rows()] == ["j0", "j1", "j2", "j3", "j4"]
        assert [row.job for row in await desk.rows([*DOUBTFUL, *OPEN, *TERMINAL])] == ["j1", "j4"]
        assert [row.job for row in await desk.rows([JobStatus.HELD])] == ["j2"]
        assert [row.job for row in await desk.rows([JobStatus.RELEASED, JobStatus.SUCCEEDED])] == ["j3"]

    @with_desk
    async def test_jobs_are_given_oldest_first_across_pages(self, desk):
        await desk.record(*(JobIntended(f"j{n}", 1, [], float(n)) for n in range(2100)))
        assert [row.job for row in await desk.rows([JobStatus.INTENDED])] == [f"j{n}" for n in range(2100)]
        assert len(await desk.rows()) == 2100

    @with_desk
    async def test_the_items_of_a_job_stand_in_its_order(self, desk):
        (a, b, c), _ = await desk.select(item("a", n=1), item("b", n=2), item("c", n=3))
        await desk.record(JobIntended("j", 1, [c.id, a.id, b.id], 1.0))
        found = await desk.ledger.job_items(SCOPE, "j")
        assert [number for number, _ in found] == [c.id, a.id, b.id]
        assert found[0][1] == Item("c", item("c").content, {"n": 3})

    @with_desk
    async def test_spent_counts_reserved_or_real(self, desk):
        standings, _ = await desk.select(*"abcd", batch=4)
        for n, row in enumerate(standings):
            await desk.record(JobIntended(f"j{n}", 1, [row.id], 10.0 + n, reserved=2.0, sent=True))
        await desk.record(JobSettled("j1", 20.0, 0.5), JobSettled("j2", 20.0), JobReleased("j3", 20.0, "no"))
        assert await desk.ledger.spent(SCOPE, 0.0) == {"items": 3, "jobs": 3, "money": 4.5}
        assert await desk.ledger.spent(SCOPE, 11.0) == {"items": 2, "jobs": 2, "money": 2.5}

    @with_desk
    async def test_the_version_grows_with_selection_and_outcomes_only(self, desk):
        versions = []
        (a,), _ = await desk.select("a")
        versions.append(await desk.ledger.version(SCOPE))
        await desk.job("j", [a.id], results=[Result("a", 1)])
        versions.append(await desk.ledger.version(SCOPE))
        await desk.record(Published("s", "p", versions[-1], 1, 5.0))
        run = await desk.ledger.begin_run(SCOPE, desk.lease, 1.0, HOLDER)
        await desk.record(RunEnded(run, "done", 2.0), JobIntended("j2", 1, [], 3.0), JobSent("j2", 4.0))
        assert await desk.ledger.version(SCOPE) == versions[-1]
        await desk.select("a", "b")
        assert [0, *versions, await desk.ledger.version(SCOPE)] == sorted(
            {0, *versions, await desk.ledger.version(SCOPE)}
        )

    @pytest.mark.parametrize(
        "value",
        [None, 0, "", {}, 2**64 + 1, -(2**200), {"t": "\ud800", "n": 2**70}, "a\0b", 0.1, 1e308, ["ü", True, {"": []}]],
        ids=lambda value: ascii(value)[:14],
    )
    def test_results_come_back_as_they_were(self, tmp_path, value):
        async def check(_, desk):
            (a,), _ = await desk.select(item("a", value=value))
            await desk.job("j", [a.id], results=[Result("a", value)])
            (outcome,) = await desk.outcomes()
            assert (outcome.result, outcome.value) == (value, {"value": value})
            assert type(outcome.result) is type(value)

        with_desk(check)(self, tmp_path)

    @with_desk
    async def test_what_is_no_json_is_refused_by_name(self, desk):
        (a,), _ = await desk.select("a")
        await desk.record(JobIntended("j", 1, [a.id], 1.0, sent=True))
        with pytest.raises(LedgerError, match="value of item 'a' cannot be stored"):
            await desk.record(ItemsDone("j", [Result("a", {1, 2})], 2.0))
        with pytest.raises(LedgerError, match="value of item 'b' cannot be stored"):
            nothing: Any = 0
            await desk.select(item("b", deep=functools.reduce(lambda inner, _: [inner], range(100_000), nothing)))
        await desk.record(ItemsDone("j", [Result("a", 1)], 2.0))
        assert await desk.statuses() == {"a": "succeeded"}

    @with_desk
    async def test_strange_texts_are_kept_readable(self, desk):
        (a,), _ = await desk.select("a")
        await desk.record(JobIntended("j", 1, [a.id], 1.0, sent=True), JobAccepted("j", "id-\udc80\0", 2.0))
        await desk.record(ItemsDone("j", [Result("a", error="bad \0 \udcff ü")], 3.0))
        assert (await desk.outcomes())[0].error == "bad \\x00 \\udcff ü"
        assert (await desk.row()).id == "id-\udc80\0"

    @with_desk
    async def test_publications_keep_the_last(self, desk):
        await desk.record(Published("s1", "p1", 3, 10, 5.0, {"path": "x"}), Published("s2", "p1", 3, 10, 5.5))
        await desk.record(Published("s1", "p2", 4, 11, 6.0, {"path": "y", "size": 2**70}))
        found = await desk.ledger.publications(SCOPE)
        assert (found["s1"].publish, found["s1"].version, found["s1"].rows, found["s1"].at) == ("p2", 4, 11, 6.0)
        assert (found["s1"].receipt, found["s2"].receipt) == ({"path": "y", "size": 2**70}, {})

    @with_desk
    async def test_runs_are_numbered_and_ended(self, desk):
        first = await desk.ledger.begin_run(SCOPE, desk.lease, 1.0, HOLDER)
        second = await desk.ledger.begin_run(SCOPE, desk.lease, 2.0, HOLDER)
        await desk.record(RunEnded(first, "done", 3.0, {"items": 2}))
        late, early = await desk.ledger.runs(SCOPE)
        assert (late.run, late.ended_at, late.outcome, late.holder) == (second, None, None, HOLDER)
        assert (early.run, early.ended_at, early.outcome, early.summary) == (first, 3.0, "done", {"items": 2})
        assert [row.run for row in await desk.ledger.runs(SCOPE, 1)] == [second]
        with pytest.raises(LedgerError, match="no run 77"):
            await desk.record(RunEnded(77, "done", 3.0))


class LeaseContract:
    """Who may write."""

    @with_desk
    async def test_a_lease_keeps_others_out_and_says_who(self, desk):
        with pytest.raises(LeaseHeld, match="process 7 on here, since 1970-01-01") as error:
            await desk.ledger.acquire("recipe", {"host": "there"}, 59.0, 60.0)
        assert error.value.holder == {**HOLDER, "since": 0.0, "until": 60.0, "epoch": desk.lease.epoch}
        assert await desk.ledger.holder("recipe", 59.0) == error.value.holder
        assert await desk.ledger.holder("recipe", 60.0) is None
        assert (await desk.ledger.acquire("other", HOLDER, 0.0, 60.0)).name == "other"

    @with_desk
    async def test_a_renewed_lease_lasts(self, desk):
        lease = await desk.ledger.renew(desk.lease, 50.0, 60.0)
        assert (lease.until, lease.epoch) == (110.0, desk.lease.epoch)
        with pytest.raises(LeaseHeld):
            await desk.ledger.acquire("recipe", HOLDER, 100.0, 60.0)
        await desk.record(JobIntended("j", 1, [], 1.0))

    @with_desk
    async def test_a_released_lease_is_free_and_useless(self, desk):
        await desk.ledger.release(desk.lease)
        assert await desk.ledger.holder("recipe", 1.0) is None
        with pytest.raises(LeaseLost):
            await desk.record(JobIntended("j", 1, [], 1.0))
        lease = await desk.ledger.acquire("recipe", HOLDER, 1.0, 60.0)
        await desk.ledger.release(desk.lease)
        await desk.ledger.record(SCOPE, lease, [JobIntended("j", 1, [], 1.0)])

    @with_desk
    async def test_a_dead_holder_is_followed_at_once(self, desk):
        with pytest.raises(LeaseHeld):
            await desk.ledger.acquire("recipe", HOLDER, 1.0, 60.0, dead_epoch=desk.lease.epoch + 1)
        lease = await desk.ledger.acquire("recipe", HOLDER, 1.0, 60.0, dead_epoch=desk.lease.epoch)
        assert lease.epoch > desk.lease.epoch

    @with_desk
    async def test_an_expired_lease_writes_until_it_is_taken_over(self, desk):
        await desk.record(JobIntended("j", 1, [], 500.0))
        assert (await desk.ledger.renew(desk.lease, 500.0, 60.0)).until == 560.0
        assert (await desk.ledger.acquire("recipe", HOLDER, 560.0, 60.0)).epoch > desk.lease.epoch

    @with_desk
    async def test_a_holder_that_was_overtaken_writes_nothing(self, desk):
        ledger, old = desk.ledger, desk.lease
        await desk.select("a")
        new = await ledger.acquire("recipe", HOLDER, 61.0, 60.0)
        for attempt in (
            ledger.renew(old, 62.0, 60.0),
            ledger.record(SCOPE, old, [JobIntended("j", 1, [], 1.0)]),
            ledger.select(SCOPE, old, "w1", 0, [item("a")]),
            ledger.select(SCOPE, old, "w1", 0, [item("b")]),
            ledger.finish_selection(SCOPE, old, 0, {}),
            ledger.begin_run(SCOPE, old, 1.0, {}),
            ledger.reset(SCOPE, old, ["failed"], None),
            ledger.reconciled(SCOPE, old),
        ):
            with pytest.raises(LeaseLost):
                await attempt
        assert (await desk.rows(), await desk.keys()) == ([], ["a"])
        await ledger.record(SCOPE, new, [JobIntended("j", 1, [], 1.0)])

    @with_desk
    async def test_an_overtaken_writer_does_not_stop_others(self, desk):
        other = Lease("never", 3, 99.0)
        mine = [desk.record(JobIntended(f"j{n}", 1, [], 1.0)) for n in range(4)]
        lost = desk.ledger.record(SCOPE, other, [JobIntended("x", 1, [], 1.0)])
        done = await asyncio.gather(*mine[:2], lost, *mine[2:], return_exceptions=True)
        assert [type(entry) for entry in done] == [type(None)] * 2 + [LeaseLost] + [type(None)] * 2
        assert [row.job for row in await desk.rows()] == ["j0", "j1", "j2", "j3"]


class PaidRequestContract:
    """What is counted of paying requests, over all applies."""

    @with_desk
    async def test_lost_replies_are_counted_until_the_end_of_the_attempt(self, desk):
        (a,), _ = await desk.select("a")
        assert await desk.ledger.lost(SCOPE, "j") == 0
        for at in (1.0, 2.0):
            await desk.record(JobIntended("j", 1, [a.id], at, sent=True), JobUnknown("j", at, "no reply"))
            await desk.record(JobReleased("j", at, "not found", unproven=True))
        await desk.record(JobIntended("j", 1, [a.id], 3.0, sent=True), JobUnknown("j", 3.0, "torn", word="201"))
        row = await desk.row()
        assert (row.lost, row.word, await desk.ledger.lost(SCOPE, "j")) == (3, "201", 3)

    @with_desk
    async def test_a_request_that_was_not_proven_unpaid_stays_spent(self, desk):
        (a, b), _ = await desk.select("a", "b")
        for at in (1.0, 2.0):
            await desk.record(JobIntended("j", 1, [a.id, b.id], at, reserved=2.0, sent=True))
            await desk.record(JobReleased("j", at, "not found", unproven=at == 1.0))
        assert await desk.ledger.spent(SCOPE, 0.0) == {"items": 2, "jobs": 1, "money": 2.0}
        await desk.record(JobIntended("j", 1, [a.id, b.id], 3.0, reserved=2.0, sent=True))
        await desk.record(JobAccepted("j", "r", 3.5), JobPolled("j", JobStatus.SUCCEEDED, 4.0))
        await desk.record(JobSettled("j", 5.0, 0.5))
        assert await desk.ledger.spent(SCOPE, 0.0) == {"items": 4, "jobs": 2, "money": 2.5}

    @with_desk
    async def test_a_manifest_that_was_understood_stays_known(self, desk):
        assert not await desk.ledger.understands("m1")
        await desk.record(ManifestUnderstood("m1", 1.0), ManifestUnderstood("m2", 1.0), ManifestUnderstood("m1", 2.0))
        known = [await desk.ledger.understands(each) for each in ("m1", "m2", "m3")]
        assert known == [True, True, False]


class LedgerContract(PaidRequestContract, SelectionContract, ProtocolContract, LeaseContract):
    """Inherit, and define `opener`: what opens the ledger of a folder, again and again."""

    def opener(self, tmp_path):
        raise NotImplementedError


class DurableContract:
    """What a ledger must do that outlives its process; inherit beside `LedgerContract`."""

    folder: Any
    opener: Any

    @with_desk
    async def test_it_is_all_there_after_reopening(self, desk):
        standings, _ = await desk.select("a", "b", mark={"digest": "d"})
        await desk.job("j", [standings[0].id], results=[Result("a", {"x": 1})])
        await desk.record(Published("s", "p", 2, 1, 5.0), JobIntended("k", 1, [standings[1].id], 9.0, sent=True))
        again = Desk(self.opener(self.folder)(), desk.lease)  # nothing was closed: the process may have died here
        assert await again.statuses() == {"a": "succeeded", "b": "in_job"}
        assert [row.job for row in await again.rows(list(DOUBTFUL))] == ["k"]
        assert await again.ledger.version(SCOPE) == await desk.ledger.version(SCOPE)
        assert (await again.outcomes())[0].result == {"x": 1}
        await again.record(JobAccepted("k", "r", 10.0))
        assert (await desk.row("k")).status is JobStatus.ACCEPTED
        await again.ledger.close()

    @with_desk
    async def test_a_selection_that_a_crash_cut_off_is_forgotten(self, desk):
        await desk.select("a", "b")
        await desk.ledger.select(SCOPE, desk.lease, "w1", 0, [item("x"), item("b")])
        again = Desk(self.opener(self.folder)(), desk.lease)
        assert await again.keys() == ["a", "b"]
        with pytest.raises(LedgerError, match="no selection is being built"):
            await again.ledger.finish_selection(SCOPE, desk.lease, 2, {})
        assert (await again.select("x", "c"))[1] is True
        assert await desk.keys() == ["x", "c"]
        await again.ledger.close()

    @with_desk
    async def test_two_processes_one_lease(self, desk):
        other = self.opener(self.folder)()
        with pytest.raises(LeaseHeld):
            await other.acquire("recipe", HOLDER, 1.0, 60.0)
        lease = await other.acquire("recipe", HOLDER, 100.0, 60.0)
        await other.record(SCOPE, lease, [JobIntended("j", 1, [], 1.0)])
        with pytest.raises(LeaseLost):
            await desk.record(JobSent("j", 2.0))
        assert (await desk.row()).status is JobStatus.INTENDED
        await other.close()
