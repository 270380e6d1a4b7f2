"""The ledger in plain dicts, for tests and as the model that the others are compared with; nothing is kept."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from runner.ledger.codec import pack, pack_item, unpack
from runner.ledger.database import lost
from runner.ledger.leases import held
from runner.ledger.memory_tables import FAULT, ItemRow, JobRows, ScopeRows, Tables
from runner.model.errors import LedgerError
from runner.model.event import (
    Event,
)
from runner.model.item import Item, Json
from runner.model.job import JobStatus
from runner.model.ledger import ItemStatus, JobRow, Lease, Outcome, PlanUse, Publication, RunRow, Scope, Standing
from runner.model.work_hash import WorkHash

_PAGE: Final = 1000


@dataclass
class _Lease:
    epoch: int
    holder: dict[str, Json]
    since: float
    until: float


class MemoryLedger:
    """See `runner.model.ledger.Ledger`."""

    def __init__(self) -> None:
        self._scopes: dict[Scope, ScopeRows] = {}
        self._tables = Tables()
        self._leases: dict[str, _Lease] = {}

    async def close(self) -> None:
        """See `Ledger`."""

    def hurry(self) -> None:
        """See `Ledger`."""

    async def regressed(self, scope: Scope) -> str:
        """See `Ledger`."""
        return ""

    async def complete_until(self, scope: Scope) -> float | None:
        """See `Ledger`."""
        return None

    async def reconciled(self, scope: Scope, lease: Lease) -> None:
        """See `Ledger`."""
        self._fence(lease)

    # -- who may write

    async def acquire(
        self, name: str, holder: Mapping[str, Json], now: float, ttl_s: float, *, dead_epoch: int | None = None
    ) -> Lease:
        """See `Ledger`."""
        known = self._leases.get(name)
        if known is not None and known.until > now and known.epoch != dead_epoch:
            raise held(name, await self.holder(name, now) or {})
        epoch = known.epoch + 1 if known else 1
        self._leases[name] = _Lease(epoch, dict(holder), now, now + ttl_s)
        return Lease(name, epoch, now + ttl_s)

    async def renew(self, lease: Lease, now: float, ttl_s: float) -> Lease:
        """See `Ledger`."""
        self._fence(lease).until = now + ttl_s
        return replace(lease, until=now + ttl_s)

    async def release(self, lease: Lease) -> None:
        """See `Ledger`."""
        known = self._leases.get(lease.name)
        if known is not None and known.epoch == lease.epoch:
            known.epoch, known.until = known.epoch + 1, 0.0

    async def holder(self, name: str, now: float) -> Mapping[str, Json] | None:
        """See `Ledger`."""
        known = self._leases.get(name)
        if known is None or known.until <= now:
            return None
        return {**known.holder, "since": known.since, "until": known.until, "epoch": known.epoch}

    # -- planning

    async def standings(self, scope: Scope, work: str, items: Sequence[Item]) -> Sequence[Standing]:
        """See `Ledger`."""
        known = self._scopes.get(scope, ScopeRows())
        return [_standing(known, work, item) for item in items]

    async def selected(self, scope: Scope) -> AsyncIterator[Sequence[tuple[str, bytes, str, str]]]:
        """See `Ledger`."""
        for page in _pages(self._selection(scope)):
            yield [(item.key, item.content, item.work, item.status) for item in page]

    async def loose(self, scope: Scope, work: str, limit: int) -> Sequence[tuple[int, str, bytes]] | None:
        """See `Ledger`."""
        found = [
            (position, item.key, item.content)
            for position, item in enumerate(self._selection(scope))
            if item.status != ItemStatus.SUCCEEDED or item.work != work
        ]
        is_known = any(item.work == work for item in self._tables.items.values())
        return found if is_known and len(found) <= limit else None

    async def places(self, scope: Scope, keys: Sequence[str]) -> Mapping[str, tuple[int, bytes]]:
        """See `Ledger`."""
        known = {item.key: (position, item.content) for position, item in enumerate(self._selection(scope))}
        return {key: known[key] for key in keys if key in known}

    async def instance(self) -> str:
        """See `Ledger`."""
        return ""

    async def version(self, scope: Scope) -> int:
        """See `Ledger`."""
        return self._scopes[scope].version if scope in self._scopes else 0

    async def counts(self, scope: Scope) -> Mapping[str, int]:
        """See `Ledger`."""
        return dict(Counter(item.status for item in self._selection(scope)))

    async def fingerprint(self, scope: Scope) -> Mapping[str, Json]:
        """See `Ledger`."""
        return self._scopes[scope].mark if scope in self._scopes else {}

    # -- selecting

    async def begin_run(self, scope: Scope, lease: Lease, at: float, holder: Mapping[str, Json]) -> int:
        """See `Ledger`."""
        self._fence(lease)
        runs = self._scope(scope).runs
        number = len(runs) + 1
        runs[number] = RunRow(number, at, None, None, dict(holder), {})
        return number

    async def select(
        self, scope: Scope, lease: Lease, work: str, position: int, items: Sequence[Item]
    ) -> Sequence[Standing]:
        """See `Ledger`."""
        self._fence(lease)
        known = self._scope(scope)
        if position == 0:
            known.building = {}
        if known.building is None:
            raise LedgerError("no selection is being built: the first items are selected at position 0", mend=FAULT)
        values = [pack_item(item) for item in items]
        return [
            self._choose(known, known.building, work, item, value) for item, value in zip(items, values, strict=True)
        ]

    async def finish_selection(self, scope: Scope, lease: Lease, count: int, mark: Mapping[str, Json]) -> bool:
        """See `Ledger`."""
        self._fence(lease)
        known = self._scope(scope)
        built = known.building if count else {}
        known.building = None
        if built is None or len(built) != count:
            raise LedgerError(f"the selection has {len(built or ())} items, not {count}", mend=FAULT)
        selection = list(built.values())
        differs = known.selection is None or [id(item) for item in selection] != [id(item) for item in known.selection]
        known.selection, known.mark = selection, unpack(pack(mark, "the mark of a selection"))
        known.version += differs
        return differs

    async def reset(self, scope: Scope, lease: Lease, statuses: Sequence[str], keys: Sequence[str] | None) -> int:
        """See `Ledger`."""
        if ItemStatus.IN_JOB in statuses:
            raise LedgerError("items in a job cannot be tried again", mend="wait for their job, or cancel it first")
        self._fence(lease)
        chosen = [item for item in self._selection(scope) if item.status in statuses]
        wanted = [item for item in chosen if keys is None or item.key in set(keys)]
        for item in wanted:
            item.status = ItemStatus.NEW
        self._scope(scope).version += bool(wanted)
        return len(wanted)

    # -- the protocol

    async def record(self, scope: Scope, lease: Lease, events: Sequence[Event]) -> None:
        """See `Ledger`."""
        self._fence(lease)
        known = self._scope(scope)
        self._tables.apply(known, events)

    async def jobs(self, scope: Scope, statuses: Sequence[JobStatus] | None = None) -> AsyncIterator[JobRow]:
        """See `Ledger`."""
        for job in list(self._scopes[scope].jobs.values()) if scope in self._scopes else ():
            if statuses is None or (job.row.status in statuses and not job.row.settled):
                yield replace(job.row, stage=scope.stage)

    async def jobs_with_ids(
        self, connection: str | None, ids: Sequence[str]
    ) -> Mapping[str, Sequence[tuple[Scope, str]]]:
        """See `Ledger`."""
        found: dict[str, list[tuple[Scope, str]]] = {}
        for scope, row in self._rows_on(connection):
            if row.id is not None and row.id in ids:
                found.setdefault(row.id, []).append((scope, row.job))
        return found

    async def jobs_without_id(self, connection: str | None) -> Sequence[tuple[Scope, str, JobStatus]]:
        """See `Ledger`."""
        wanted = (JobStatus.SENT, JobStatus.UNKNOWN, JobStatus.HELD)
        rows = [(scope, row) for scope, row in self._rows_on(connection) if row.id is None and row.status in wanted]
        return [(scope, row.job, row.status) for scope, row in rows if not row.settled]

    async def job_items(self, scope: Scope, job: str) -> Sequence[tuple[int, Item]]:
        """See `Ledger`."""
        known = self._scopes[scope].jobs.get(job) if scope in self._scopes else None
        rows = [self._tables.items[number] for number in known.items] if known else []
        return [(row.id, Item(row.key, row.content, unpack(row.value))) for row in rows]

    async def lost(self, scope: Scope, job: str) -> int:
        """See `Ledger`."""
        known = self._scopes[scope].jobs.get(job) if scope in self._scopes else None
        return known.row.lost if known is not None else 0

    async def understands(self, manifest: str) -> bool:
        """See `Ledger`."""
        return manifest in self._tables.understood

    async def spent(self, scope: Scope, since: float) -> Mapping[str, float]:
        """See `Ledger`."""
        spent = {"items": 0.0, "jobs": 0.0, "money": 0.0}
        for job in self._scopes[scope].jobs.values() if scope in self._scopes else ():
            if job.row.intended_at < since:
                continue
            is_paid = job.row.status is not JobStatus.RELEASED
            times = job.unproven + is_paid
            cost = job.reserved if job.row.cost is None else job.row.cost
            spent["items"] += job.row.items * times
            spent["jobs"] += times
            spent["money"] += job.reserved * job.unproven + (cost if is_paid else 0.0)
        return spent

    # -- reading back

    async def outcomes(self, scope: Scope, *, with_kept: bool = False) -> AsyncIterator[Sequence[Outcome]]:
        """See `Ledger`."""
        jobs = self._scopes[scope].jobs if scope in self._scopes else {}
        for page in _pages(self._selection(scope)):
            found = [(_outcome(item), jobs.get(item.job or "")) for item in page]
            yield [_with_job(outcome, job, with_kept=with_kept) if job else outcome for outcome, job in found]

    async def publications(self, scope: Scope) -> Mapping[str, Publication]:
        """See `Ledger`."""
        return dict(self._scopes[scope].publications) if scope in self._scopes else {}

    async def plan_use(self, scope: Scope, plan: str) -> PlanUse | None:
        """See `Ledger`."""
        return self._scopes[scope].plans.get(plan) if scope in self._scopes else None

    async def runs(self, scope: Scope, limit: int = 20) -> Sequence[RunRow]:
        """See `Ledger`."""
        return list(reversed(self._scopes[scope].runs.values()))[:limit] if scope in self._scopes else []

    async def scopes(self) -> Sequence[Scope]:
        """See `Ledger`."""
        return sorted(self._scopes, key=lambda scope: (scope.project, scope.profile, scope.recipe))

    # -- within

    def _fence(self, lease: Lease) -> _Lease:
        known = self._leases.get(lease.name)
        if known is None or known.epoch != lease.epoch:
            raise lost(lease)
        return known

    def _scope(self, scope: Scope) -> ScopeRows:
        return self._scopes.setdefault(scope, ScopeRows())

    def _rows_on(self, connection: str | None) -> Iterator[tuple[Scope, JobRow]]:
        rows = ((scope, job.row) for scope, known in self._scopes.items() for job in known.jobs.values())
        return (pair for pair in rows if connection is None or pair[1].connection in (None, connection))

    def _selection(self, scope: Scope) -> list[ItemRow]:
        return (self._scopes[scope].selection or []) if scope in self._scopes else []

    def _choose(self, known: ScopeRows, building: dict[str, ItemRow], work: str, item: Item, value: bytes) -> Standing:
        standing = _standing(known, work, item)
        if item.key in building:
            return Standing(status="duplicate", seen="same")
        if standing.id is None:
            row = ItemRow(len(self._tables.items) + 1, item.key, item.content, work, value)
            self._tables.items[row.id] = row
            known.by_key.setdefault(item.key, []).append(row)
            standing = replace(standing, id=row.id)
        building[item.key] = self._tables.items[standing.id or 0]
        known.version += building[item.key].value != value
        building[item.key].value = value
        building[item.key].work = str(work)
        return standing


def _standing(known: ScopeRows, work: str, item: Item) -> Standing:
    rows = known.by_key.get(item.key, [])
    for version in (work, WorkHash.first_of(work)):
        for row in rows:
            if (row.content, row.work) == (item.content, version):
                return Standing(row.id, row.status, row.attempt, row.job, row.error, "same")
    if any(row.content == item.content for row in rows):
        return Standing(seen="work")
    return Standing(seen="content" if rows else "never")


def _outcome(item: ItemRow) -> Outcome:
    result = unpack(item.result) if item.result is not None and item.status == ItemStatus.SUCCEEDED else None
    value = unpack(item.value)
    return Outcome(item.key, value, item.status, result, item.error, item.job, item.attempt, item.cost, item.at)


def _with_job(outcome: Outcome, job: JobRows, *, with_kept: bool) -> Outcome:
    row, cost = job.row, outcome.cost
    if cost is None and row.cost is not None:
        cost = row.cost / row.items
    return replace(outcome, id=row.id, kept=row.kept if with_kept else {}, cost=cost, adopted=row.adopted)


def _pages(selection: list[ItemRow]) -> Iterator[list[ItemRow]]:
    return (selection[start : start + _PAGE] for start in range(0, len(selection), _PAGE))
