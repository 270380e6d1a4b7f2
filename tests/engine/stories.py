"""Whole lives of a project in random order, told to the engine and to a plain model of what may be paid."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections import Counter
from dataclasses import replace
from pathlib import Path

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from runner.engine.lease import HeldLease
from runner.engine.progress import Progress
from runner.engine.run import ApplyOptions, StageReport, apply_stage
from runner.engine.select import select_all
from runner.engine.stop import Stop
from runner.ledger import open_ledger
from runner.ledger.memory import MemoryLedger
from runner.model.errors import Indeterminate, Refused, Unavailable
from runner.model.job import Job, JobState, JobStatus
from runner.model.ledger import ItemStatus
from runner.model.recipe import PollRhythm, RunOptions
from tests.engine.mortal import Death, Fate, MortalLedger, MortalSink, mortal_target
from tests.engine.world import EXACT, SCOPE, FakeTarget, FastClock, FindingTarget, Platform, Rows, item, work_on

KEYS = st.sampled_from("abcdefgh")
MOMENTS = st.lists(st.sampled_from(["", "", "", "", "before", "after", "refuse", "down"]), max_size=12)
FAST = RunOptions(items_per_job=2, max_in_flight=3, poll=PollRhythm(1.0, 2.0, 10.0))
FOLDERS = "/dev/shm" if Path("/dev/shm").is_dir() else None


class Audited(Platform):
    """Counts what was accepted by item, content and work."""

    def __init__(self) -> None:
        super().__init__()
        self.paid: Counter[tuple[str, bytes, str]] = Counter()
        self.left: dict[str, int] = {}
        self.cancelled: set[str] = set()


class Moody:
    """What both targets share: replies get lost, requests are refused, jobs take their time and can be cancelled."""

    def mood(self, platform: Audited, work: str, moments: list[str], failing: set[str], polls: int) -> None:
        self.audit, self.work, self.moments, self.polls = platform, work, list(moments), polls
        self._fault, self._state = self.moment, self.stands
        self._fails = lambda key: "it fails" if key in failing else ""

    def moment(self, when: str, job: Job) -> None:
        if when == "after":
            self.audit.paid.update((each.key, each.content, self.work) for each in job.items)
            self.audit.left[f"r{len(self.audit.jobs)}"] = self.polls
        due = self.moments.pop(0) if self.moments else ""
        if when == "find" and due:
            raise Unavailable("the listing is down")
        if due == when:
            raise Indeterminate("the reply was lost")
        if when == "before" and due == "refuse":
            raise Unavailable("connection refused")
        if when == "before" and due == "down":
            raise Indeterminate("no reply")

    def stands(self, job: Job) -> JobState:
        remote = job.id or ""
        if remote in self.audit.cancelled:
            return JobState(JobStatus.CANCELLED, "CANCELLED")
        self.audit.left[remote] -= 1
        over = self.audit.left[remote] < 0
        return JobState(JobStatus.SUCCEEDED if over else JobStatus.RUNNING, "DONE" if over else "RUNNING")

    async def cancel(self, job: Job) -> None:
        if self.audit.left[job.id or ""] < 0:
            raise Refused("it has ended")
        self.audit.cancelled.add(job.id or "")


class Searchable(Moody, FindingTarget):
    """A platform with a complete listing."""


class Blind(Moody, FakeTarget):
    """A platform that cannot be searched."""


class Stories(RuleBasedStateMachine):
    """One project. `target_kind` and `ledger_kind` are set by the tests."""

    target_kind: type = Searchable
    ledger_kind = "memory"

    @initialize()
    def begin(self) -> None:
        self.platform, self.stores, self.clock = Audited(), {}, FastClock()
        self.source = dict.fromkeys("abc", 0)
        self.work, self.failing, self.lives = "w" * 32, set(), 0
        self.allowed: Counter[tuple[str, bytes, str]] = Counter()
        self.folder = Path(tempfile.mkdtemp(dir=FOLDERS))
        self.memory = MemoryLedger()

    def teardown(self) -> None:
        if hasattr(self, "folder"):
            self.ends_well()
            shutil.rmtree(self.folder)

    # -- what people do
    @rule(key=KEYS)
    def add_or_change(self, key: str) -> None:
        self.source[key] = self.source.get(key, -1) + 1

    @rule(key=KEYS)
    def remove(self, key: str) -> None:
        self.source.pop(key, None)

    @rule(work=st.sampled_from("wv"))
    def change_work(self, work: str) -> None:
        self.work = work * 32

    @rule(key=KEYS)
    def fail_or_mend(self, key: str) -> None:
        self.failing ^= {key}

    @rule(jump_s=st.sampled_from([-86_400.0, 3600.0, 86_400.0]))
    def wait_or_set_the_clock(self, jump_s: float) -> None:
        self.clock.time += abs(jump_s)

    # -- what the command does
    @rule(moments=MOMENTS, die_at=st.integers(1, 60), polls=st.integers(0, 3), cancels=st.booleans())
    def die(self, moments: list[str], die_at: int, polls: int, cancels: bool) -> None:
        self.live(moments, polls, Fate(die_at), cancels=cancels)

    @rule(moments=MOMENTS, polls=st.integers(0, 9), wait_s=st.sampled_from([None, 3.0, 20.0]))
    def apply(self, moments: list[str], polls: int, wait_s: float | None) -> None:
        self.live(moments, polls, wait_s=wait_s)

    @rule(moments=MOMENTS)
    def cancel(self, moments: list[str]) -> None:
        self.live(moments, 0, cancels=True)

    @rule(held=st.booleans(), moments=MOMENTS)
    def retry(self, held: bool, moments: list[str]) -> None:
        self.live(moments, 1, free=[ItemStatus.FAILED, *([ItemStatus.HELD] if held else [])])

    @invariant()
    def nothing_is_paid_twice(self) -> None:
        if hasattr(self, "platform"):
            over = {what: n for what, n in self.platform.paid.items() if n > 1 + self.allowed[what]}
            assert over == {}

    def ends_well(self) -> None:
        """Left alone, everything comes to an end, and the sink shows what has succeeded, in order."""
        for _ in range(5):
            report = self.live([], 0)
            assert report is not None
            if report.outcome != "pending":
                break
        assert report.outcome in ("done", "failed_items", "held"), (
            report.outcome,
            report.counts,
            report.progress,
            report.error,
        )
        if self.target_kind is Searchable:
            assert report.outcome != "held"
        counts = dict(report.counts)
        assert sum(counts.values()) == len(self.source)
        assert set(counts) <= {"succeeded", "failed", "held"}
        rows = [record.key for record in self.stores.get("rows", [])]
        assert len(rows) == counts.get("succeeded", 0)
        assert rows == [key for key in self.source if key in set(rows)]
        self.nothing_is_paid_twice()

    def live(self, moments: list[str], polls: int, fate: Fate | None = None, **wishes) -> StageReport | None:
        """Live one process; None when it died."""
        try:
            return asyncio.run(self._live(moments, polls, fate or Fate(10**9), **wishes))
        except Death:
            return None

    async def _live(self, moments, polls, fate, *, cancels=False, wait_s=None, free=None):
        self.lives += 1
        self.clock.time += 10_000.0
        ledger = (
            self.memory if self.ledger_kind == "memory" else open_ledger(str(self.folder / "l.db"), clock=self.clock)
        )
        target = self.target_kind(self.platform, EXACT if self.target_kind is Searchable else None)
        target.mood(self.platform, self.work, moments, set(self.failing), polls)
        items = [item(key, f"version {version}") for key, version in self.source.items()]
        target = mortal_target(target, fate)
        work = work_on(ledger, items, target, self.stores, self.clock, run=FAST, work=self.work, allow_empty=True)
        work = replace(work, ledger=MortalLedger(ledger, fate), sinks=lambda: [MortalSink(Rows(self.stores), fate)])
        work = replace(work, allow_empty=True)
        lease = await ledger.acquire("numbers", {"pid": self.lives}, self.clock.now(), 5_000.0)
        try:
            if free:
                await self._free(work, lease, items, free)
            options = ApplyOptions(chance=lambda: 0.5, wait_s=wait_s, cancels=cancels, retries_only=bool(free))
            return await apply_stage(work, HeldLease(ledger, lease, self.clock, 5_000.0), options, Progress(), Stop())
        finally:
            await ledger.close()

    async def _free(self, work, lease, items, statuses) -> None:
        await select_all(work, lambda: lease)
        standings = await work.ledger.standings(SCOPE, self.work, items)
        for one, standing in zip(items, standings, strict=True):
            if standing.status in statuses:
                self.allowed[one.key, one.content, self.work] += 1
        await work.ledger.reset(SCOPE, lease, statuses, None)
