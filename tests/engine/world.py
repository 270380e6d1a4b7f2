"""A platform that lives in memory and cannot be fooled, a source of numbers, a clock that nobody waits for."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b

from runner.engine.lease import HeldLease
from runner.engine.progress import Progress
from runner.engine.run import ApplyOptions, StageReport, apply_stage
from runner.engine.stop import Stop
from runner.engine.work import Work
from runner.model.contracts import Verdict
from runner.model.errors import ConfigError, Indeterminate, JobLost, Unavailable
from runner.model.item import Batch, Item, Json, Record, Result
from runner.model.job import Capabilities, Find, Job, JobState, JobStatus, Submitted
from runner.model.ledger import Lease, Ledger, Scope
from runner.model.recipe import PollRhythm, RunOptions


class FastClock:
    """Time that jumps to the next sleeper when everybody sleeps."""

    def __init__(self, start: float = 1_000_000.0) -> None:
        self.time = start

    def now(self) -> float:
        return self.time

    def monotonic(self) -> float:
        return self.time

    async def sleep(self, delay_s: float) -> None:
        until = self.time + delay_s
        for _ in range(20):
            await asyncio.sleep(0)
        self.time = max(self.time, until)


def item(key: str, text: str = "") -> Item:
    value = {"id": key, "text": text or key}
    return Item(key, blake2b(f"{key} {text}".encode(), digest_size=16).digest(), value)


class Numbers:
    """A source of given items."""

    def __init__(self, items: Sequence[Item], batch: int = 7) -> None:
        self.items = items
        self.batch = batch
        self.reads = 0

    async def read(self) -> AsyncIterator[Batch]:
        self.reads += 1
        for start in range(0, len(self.items), self.batch):
            yield Batch(self.items[start : start + self.batch])


@dataclass
class Platform:
    """What the platform has accepted: the audit."""

    jobs: dict[str, tuple[str, list[str]]] = field(default_factory=dict)
    accepted: Counter[str] = field(default_factory=Counter)
    asked: Counter[str] = field(default_factory=Counter)
    containers: list[str] = field(default_factory=list)

    def accept(self, job: Job) -> str:
        remote = f"r{len(self.jobs) + 1}"
        self.jobs[remote] = (job.key, [each.key for each in job.items])
        self.accepted.update(each.key for each in job.items)
        return remote


class FakeTarget:
    """A target on a Platform; `fault` is asked before and after each acceptance, and may raise."""

    def __init__(
        self,
        platform: Platform,
        capabilities: Capabilities | None = None,
        fault: Callable[[str, Job], None] = lambda moment, job: None,
        state: Callable[[Job], JobState] = lambda job: JobState(JobStatus.SUCCEEDED, "DONE"),
        fails: Callable[[str], str] = lambda key: "",
    ) -> None:
        self.platform = platform
        self._capabilities = capabilities or Capabilities(max_items_per_job=10)
        self._fault = fault
        self._state = state
        self._fails = fails

    @property
    def capabilities(self) -> Capabilities:
        return self._capabilities

    async def submit(self, job: Job) -> Submitted:
        self.platform.asked["submit"] += 1
        self._fault("before", job)
        remote = self.platform.accept(job)
        self._fault("after", job)
        return Submitted(remote)

    async def poll(self, job: Job) -> JobState:
        self.platform.asked["poll"] += 1
        if job.id not in self.platform.jobs:
            raise JobLost(f"no job {job.id}")
        return self._state(job)

    async def results(self, job: Job, state: JobState) -> AsyncIterator[Sequence[Result]]:
        for key in self.platform.jobs[job.id or ""][1]:
            error = self._fails(key)
            yield [Result(key, None if error else {"upper": key.upper()}, error)]


class FindingTarget(FakeTarget):
    """The same with a listing."""

    async def find(self, job: Job) -> Submitted | None:
        self.platform.asked["find"] += 1
        self._fault("find", job)
        for remote, (key, _) in self.platform.jobs.items():
            if key == job.key:
                return Submitted(remote)
        return None


class PreparingTarget(FakeTarget):
    """The same for runs of a container that is filled before; a run is known by nothing but its container."""

    async def prepare(self, job: Job) -> Mapping[str, Json]:
        self.platform.containers.append("")
        return {"container": len(self.platform.containers) - 1}

    async def submit(self, job: Job) -> Submitted:
        submitted = await super().submit(job)
        self.platform.containers[job.kept["container"]] = submitted.id
        return submitted

    async def find(self, job: Job) -> Submitted | None:
        remote = self.platform.containers[job.kept["container"]]
        return Submitted(remote) if remote else None


EXACT = Capabilities(find=Find.EXACT, complete=True, visible_within_s=5.0, max_items_per_job=10)


class Rows:
    """A sink in memory; `stores` is what readers see."""

    def __init__(self, stores: dict[str, list[Record]], name: str = "rows", *, broken: bool = False) -> None:
        self.stores = stores
        self.name = name
        self.broken = broken
        self._new: list[Record] = []

    @property
    def identity(self) -> str:
        return self.name

    async def open(self) -> None:
        if self.broken:
            raise ConfigError(f"cannot write {self.name}")

    async def write(self, batch: Sequence[Record]) -> None:
        self._new.extend(batch)

    async def commit(self) -> Mapping[str, Json]:
        self.stores[self.name] = self._new
        return {"rows": len(self._new)}

    async def abort(self) -> None:
        self._new = []

    async def holds(self, receipt: Mapping[str, Json]) -> bool:
        return self.name in self.stores and len(self.stores[self.name]) == receipt["rows"]


class NoneFailed:
    """A check on the number of failed records."""

    def __init__(self) -> None:
        self.failed = 0

    def add(self, batch: Sequence[Record]) -> None:
        self.failed += sum(record.outcome != "succeeded" for record in batch)

    def verdict(self) -> Verdict:
        return Verdict(self.failed == 0, f"{self.failed} failed", {"failed": self.failed})


SCOPE = Scope("shop", "", "numbers")


def work_on(
    ledger: Ledger,
    items: Sequence[Item],
    target: FakeTarget,
    stores: dict[str, list[Record]] | None = None,
    clock: FastClock | None = None,
    checks: Sequence[Callable[[], NoneFailed]] = (),
    **changes: Json,
) -> Work:
    """Build a stage; `changes` are fields of Work."""
    stores = {} if stores is None else stores
    run = changes.pop("run", RunOptions(items_per_job=3, poll=PollRhythm(1.0, 2.0, 10.0)))
    work = changes.pop("work", "w" * 32)
    return Work(
        scope=SCOPE,
        work=work,
        publish="p" * 32,
        selector="s",
        source=Numbers(items),
        filters=lambda: [],
        target=target,
        checks=lambda: [check() for check in checks],
        sinks=changes.pop("sinks", lambda: [Rows(stores)]),
        ledger=ledger,
        clock=clock or FastClock(),
        run=run,
        **changes,
    )


def lose_reply(moment: str, times: int) -> Callable[[str, Job], None]:
    """Return a fault that loses the first replies at a moment."""
    left = [times]

    def fault(now: str, job: Job) -> None:
        if now == moment and left[0]:
            left[0] -= 1
            raise Indeterminate("the connection was closed without a reply")

    return fault


def refuse_connection(times: int) -> Callable[[str, Job], None]:
    left = [times]

    def fault(now: str, job: Job) -> None:
        if now == "before" and left[0]:
            left[0] -= 1
            raise Unavailable("connection refused")

    return fault


def applied(work: Work, stop: Stop | None = None, **options: Json) -> StageReport:
    """Apply a stage once, under a lease that does not end."""

    async def apply() -> StageReport:
        lease = await work.ledger.acquire("numbers", {"pid": 1}, work.clock.now(), 1e9)
        try:
            chosen = ApplyOptions(chance=lambda: 0.5, **options)
            return await apply_stage(
                work, HeldLease(work.ledger, lease, work.clock, 1e9), chosen, Progress(), stop or Stop()
            )
        finally:
            await work.ledger.release(lease)

    return asyncio.run(apply())


class Forgetful:
    """A ledger that says that it went back in time, until it is reconciled."""

    def __init__(self, ledger: Ledger, complete_until: float | None = None) -> None:
        self._ledger = ledger
        self.why = "ledger ledger.db went back in time"
        self.until = complete_until

    def __getattr__(self, name: str) -> Json:
        return getattr(self._ledger, name)

    async def regressed(self, scope: Scope) -> str:
        return self.why

    async def complete_until(self, scope: Scope) -> float | None:
        return self.until

    async def reconciled(self, scope: Scope, lease: Lease) -> None:
        self.why = ""
