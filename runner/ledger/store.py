"""The ledger over a SQL database: SQLite and Postgres differ only in what they hand in here."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import suppress
from typing import Final, TypeVar

from runner.ledger import leases, reading, selecting
from runner.ledger.codec import EMPTY, key_text, pack, unpack
from runner.ledger.database import Connection, Database, check, transaction
from runner.ledger.group import Writer
from runner.ledger.serial import Regression
from runner.model.errors import LedgerError
from runner.model.event import Event
from runner.model.item import Item, Json
from runner.model.job import JobStatus
from runner.model.ledger import ItemStatus, JobRow, Lease, Outcome, PlanUse, Publication, RunRow, Scope, Standing
from runner.model.work_hash import WorkHash

T = TypeVar("T")

_NUMBERS_TAKEN: Final = 16_384


class SqlLedger:
    """See `runner.model.ledger.Ledger`."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._writer = Writer(database)
        self._scopes: dict[Scope, int] = {}
        self._works: dict[str, int] = {}
        self._taken = range(0)
        self._buildings: dict[Scope, selecting.Building] = {}

    @property
    def place(self) -> str:
        """Path or address of the ledger, without a password."""
        return self._database.place

    async def close(self) -> None:
        """See `Ledger`."""
        await self._writer.close()
        await self._database.close()

    def hurry(self) -> None:
        """See `Ledger`."""
        self._database.hurry()

    async def regressed(self, scope: Scope) -> str:
        """See `Ledger`."""
        found = await self._regressions(scope)
        return found[0].reason if found else ""

    async def complete_until(self, scope: Scope) -> float | None:
        """See `Ledger`."""
        moments = [each.since for each in await self._regressions(scope)]
        known = [moment for moment in moments if moment is not None]
        return min(known) if known and len(known) == len(moments) else None

    async def reconciled(self, scope: Scope, lease: Lease) -> None:
        """See `Ledger`."""
        number = await self._scope(scope)
        await self._write(lease, lambda connection: connection.change("reconciled", scope=number))

    async def acquire(
        self, name: str, holder: Mapping[str, Json], now: float, ttl_s: float, *, dead_epoch: int | None = None
    ) -> Lease:
        """See `Ledger`."""
        span, dead = (now, ttl_s), -1 if dead_epoch is None else dead_epoch
        return await self._writer.call(lambda connection: leases.acquire(connection, name, holder, span, dead))

    async def renew(self, lease: Lease, now: float, ttl_s: float) -> Lease:
        """See `Ledger`."""
        return await self._writer.call(lambda connection: leases.renew(connection, lease, now, ttl_s))

    async def release(self, lease: Lease) -> None:
        """See `Ledger`."""
        await self._writer.call(lambda connection: leases.release(connection, lease))

    async def holder(self, name: str, now: float) -> Mapping[str, Json] | None:
        """See `Ledger`."""
        return await self._database.read(lambda connection: leases.holder_now(connection, name, now))

    async def standings(self, scope: Scope, work: str, items: Sequence[Item]) -> Sequence[Standing]:
        """See `Ledger`."""

        def ask(connection: Connection) -> list[Standing]:
            works = self._known_work(connection, work), self._known_work(connection, WorkHash.first_of(work))
            return selecting.look_up(connection, self._known_scope(connection, scope), works, items).standings

        return await self._database.read(ask)

    async def selected(self, scope: Scope) -> AsyncIterator[Sequence[tuple[str, bytes, str, str]]]:
        """See `Ledger`."""
        head = await self._current(scope)
        if head is None:
            return
        generation, count, _ = head
        works = await self._database.read(reading.works)
        after = -1
        while after < count - 1:
            rows = await self._database.read(_page(reading.selected_page, generation, after))
            if not rows:
                raise reading.replaced(self._database.place)
            after = rows[-1][0]
            yield [(key_text(key), content, works[work], status) for _, key, content, work, status in rows]

    async def loose(self, scope: Scope, work: str, limit: int) -> Sequence[tuple[int, str, bytes]] | None:
        """See `Ledger`."""
        return await self._scan(scope, lambda connection, number: reading.loose(connection, number, work, limit))

    async def places(self, scope: Scope, keys: Sequence[str]) -> Mapping[str, tuple[int, bytes]]:
        """See `Ledger`."""
        return await self._ask(scope, lambda connection, number: reading.places(connection, number, keys)) or {}

    async def instance(self) -> str:
        """See `Ledger`."""
        rows = await self._database.read(lambda connection: connection.fetch("head"))
        return str(rows[0][1]) if rows else ""

    async def version(self, scope: Scope) -> int:
        """See `Ledger`."""
        row = await self._database.read(lambda connection: reading.scope_row(connection, scope))
        return row[1] if row else 0

    async def counts(self, scope: Scope) -> Mapping[str, int]:
        """See `Ledger`."""
        rows = await self._scan(scope, lambda connection, number: connection.fetch("counts", scope=number))
        return {row[0]: row[1] for row in rows or []}

    async def fingerprint(self, scope: Scope) -> Mapping[str, Json]:
        """See `Ledger`."""
        head = await self._current(scope)
        mark: Mapping[str, Json] = unpack(head[2]) if head else {}
        return mark

    async def begin_run(self, scope: Scope, lease: Lease, at: float, holder: Mapping[str, Json]) -> int:
        """See `Ledger`."""
        number = await self._scope(scope)
        packed = pack(holder, f"the holder of {lease.name}")

        def begin(connection: Connection) -> int:
            connection.change("run_begun", scope=number, at=at, holder=packed, summary=EMPTY)
            latest: int = connection.fetch("run_latest", scope=number)[0][0]
            return latest

        return await self._write(lease, begin)

    async def select(
        self, scope: Scope, lease: Lease, work: str, position: int, items: Sequence[Item]
    ) -> Sequence[Standing]:
        """See `Ledger`."""
        building = await self._building(scope, position)
        number = await self._work(work)

        def look(connection: Connection) -> selecting.Known:
            check(connection, lease)
            works = number, self._known_work(connection, WorkHash.first_of(work))
            return selecting.look_up(connection, building.scope, works, items)

        known = await self._database.read(look)
        if known.rows:  # which of them are chosen already stands in the store
            await building.is_written()
        additions = await self._database.read(lambda connection: selecting.plan(connection, building, items, known))
        await building.is_written()
        selecting.number(additions, await self._numbers(len(additions.new)))
        if not additions.is_empty:
            # The source may read on meanwhile: whatever is recorded later stands behind this write in the same line.
            # It need not be durable: the commit that makes the selection the current one takes it along.
            building.written = self._writing(
                lease,
                lambda connection: selecting.write(connection, building, additions, items, number),
                durable=False,
            )
            building.written.add_done_callback(_see)
        building.differs |= additions.differs
        building.keys = frozenset(item.key for item in items)
        building.count += len(additions.chosen)
        return selecting.standings(additions)

    async def finish_selection(self, scope: Scope, lease: Lease, count: int, mark: Mapping[str, Json]) -> bool:
        """See `Ledger`."""
        building = await self._building(scope, 0 if count == 0 else 1)
        packed = pack(mark, "the mark of a selection")
        del self._buildings[scope]
        await building.is_written()
        return await self._write(lease, lambda connection: selecting.finish(connection, building, count, packed))

    async def reset(self, scope: Scope, lease: Lease, statuses: Sequence[str], keys: Sequence[str] | None) -> int:
        """See `Ledger`."""
        if ItemStatus.IN_JOB in statuses:
            raise LedgerError("items in a job cannot be tried again", mend="wait for their job, or cancel it first")
        head = await self._current(scope)
        number = await self._scope(scope)
        if head is None:
            return 0

        def reset(connection: Connection) -> int:
            count = selecting.reset(connection, (number, head[0]), statuses, keys)
            if count:
                connection.change("scopes_changed", [(number,)])
            return count

        return await self._write(lease, reset)

    async def record(self, scope: Scope, lease: Lease, events: Sequence[Event]) -> None:
        """See `Ledger`."""
        if events:
            await self._writer.record(await self._scope(scope), lease, events)

    async def jobs(self, scope: Scope, statuses: Sequence[JobStatus] | None = None) -> AsyncIterator[JobRow]:
        """See `Ledger`."""
        row = await self._database.read(lambda connection: reading.scope_row(connection, scope))
        after: int | None = 0
        while row is not None and after is not None:
            after, jobs = await self._database.read(_page(reading.job_page, (row[0], scope), statuses, after))
            for job in jobs:
                yield job

    async def jobs_with_ids(
        self, connection: str | None, ids: Sequence[str]
    ) -> Mapping[str, Sequence[tuple[Scope, str]]]:
        """See `Ledger`."""
        return await self._database.read(lambda store: reading.jobs_with_ids(store, connection, ids)) if ids else {}

    async def jobs_without_id(self, connection: str | None) -> Sequence[tuple[Scope, str, JobStatus]]:
        """See `Ledger`."""
        return await self._database.scan(lambda store: reading.jobs_without_id(store, connection))

    async def job_items(self, scope: Scope, job: str) -> Sequence[tuple[int, Item]]:
        """See `Ledger`."""
        found = await self._ask(scope, lambda connection, number: reading.job_items(connection, number, job))
        return found or []

    async def lost(self, scope: Scope, job: str) -> int:
        """See `Ledger`."""
        rows = await self._ask(scope, lambda connection, number: connection.fetch("job_lost", scope=number, job=job))
        return rows[0][0] if rows else 0

    async def understands(self, manifest: str) -> bool:
        """See `Ledger`."""
        rows = await self._database.read(lambda connection: connection.fetch("manifest_known", manifest=manifest))
        return bool(rows)

    async def spent(self, scope: Scope, since: float) -> Mapping[str, float]:
        """See `Ledger`."""
        rows = await self._scan(scope, lambda connection, number: connection.fetch("spent", scope=number, since=since))
        return dict(zip(("items", "jobs", "money"), rows[0] if rows else (0, 0, 0.0), strict=True))

    async def outcomes(self, scope: Scope, *, with_kept: bool = False) -> AsyncIterator[Sequence[Outcome]]:
        """See `Ledger`."""
        head = await self._current(scope)
        after = -1
        while head is not None and after < head[1] - 1:
            after, outcomes = await self._database.read(_page(reading.outcome_page, head[0], after, with_kept))
            if not outcomes:
                raise reading.replaced(self._database.place)
            yield outcomes

    async def publications(self, scope: Scope) -> Mapping[str, Publication]:
        """See `Ledger`."""
        return await self._ask(scope, reading.publications) or {}

    async def plan_use(self, scope: Scope, plan: str) -> PlanUse | None:
        """See `Ledger`."""
        return await self._ask(scope, lambda connection, number: reading.plan_use(connection, number, plan))

    async def runs(self, scope: Scope, limit: int = 20) -> Sequence[RunRow]:
        """See `Ledger`."""
        found = await self._ask(scope, lambda connection, number: reading.runs(connection, number, limit))
        return found or []

    async def scopes(self) -> Sequence[Scope]:
        """See `Ledger`."""
        rows = await self._database.read(lambda connection: connection.fetch("scopes"))
        return [Scope(*row) for row in rows]

    async def _regressions(self, scope: Scope) -> list[Regression]:
        """Return the regressions not reconciled yet: those in the ledger, newest first, else that found at opening."""
        names = reading.names(scope)
        rows = await self._database.read(lambda connection: connection.fetch("regressed", **names))
        found = self._database.regression
        return [Regression(*row) for row in rows] or ([] if found is None else [found])

    async def _write(self, lease: Lease, work: Callable[[Connection], T]) -> T:
        return await self._writing(lease, work, durable=True)

    def _writing(self, lease: Lease, work: Callable[[Connection], T], *, durable: bool) -> asyncio.Future[T]:
        def write(connection: Connection) -> T:
            with transaction(connection, lease, durable=durable):
                return work(connection)

        return self._writer.call(write)

    async def _numbers(self, size: int) -> int:
        """Return the first of `size` new item numbers; they are taken from the store in large pieces."""
        if self._taken.stop - self._taken.start < size:
            taken = max(size, _NUMBERS_TAKEN)

            def take(connection: Connection) -> int:
                with transaction(connection):
                    after: int = connection.fetch("items_taken", size=taken)[0][0]
                    return after

            after = await self._writer.call(take)
            self._taken = range(after - taken, after)
        first = self._taken.start
        self._taken = self._taken[size:]
        return first

    async def _ask(self, scope: Scope, work: Callable[[Connection, int], T]) -> T | None:
        row = await self._database.read(lambda connection: reading.scope_row(connection, scope))
        return None if row is None else await self._database.read(lambda connection: work(connection, row[0]))

    async def _scan(self, scope: Scope, work: Callable[[Connection, int], T]) -> T | None:
        row = await self._database.read(lambda connection: reading.scope_row(connection, scope))
        return None if row is None else await self._database.scan(lambda connection: work(connection, row[0]))

    async def _current(self, scope: Scope) -> tuple[int, int, bytes] | None:
        return await self._database.read(lambda connection: reading.current(connection, scope))

    async def _building(self, scope: Scope, position: int) -> selecting.Building:
        if position == 0:
            if scope in self._buildings:
                with suppress(LedgerError):  # its rows must be seen, or they are made twice
                    await self._buildings[scope].is_written()
            number = await self._scope(scope)
            self._buildings[scope] = await self._database.read(lambda connection: selecting.begin(connection, number))
        if scope not in self._buildings:
            raise LedgerError(
                "no selection is being built: the first items are selected at position 0",
                mend="this is a fault of runner: please report it",
            )
        return self._buildings[scope]

    async def _scope(self, scope: Scope) -> int:
        if scope not in self._scopes:
            names = reading.names(scope)

            def ensure(connection: Connection) -> int:
                if not connection.fetch("scope_found", **names):
                    with transaction(connection):
                        connection.change("scope_added", **names)
                number: int = connection.fetch("scope_found", **names)[0][0]
                return number

            self._scopes[scope] = await self._writer.call(ensure)
        return self._scopes[scope]

    async def _work(self, work: str) -> int:
        if work not in self._works:

            def ensure(connection: Connection) -> int:
                if not connection.fetch("work_found", hash=work):
                    with transaction(connection):
                        connection.change("work_added", hash=work)
                number: int = connection.fetch("work_found", hash=work)[0][0]
                return number

            self._works[work] = await self._writer.call(ensure)
        return self._works[work]

    def _known_scope(self, connection: Connection, scope: Scope) -> int | None:
        if scope in self._scopes:
            return self._scopes[scope]
        row = reading.scope_row(connection, scope)
        return row[0] if row else None

    def _known_work(self, connection: Connection, work: str) -> int | None:
        rows = connection.fetch("work_found", hash=str(work)) if work else []
        return rows[0][0] if rows else None


def _see(written: asyncio.Future[None]) -> None:
    """Take notice of a failure: it is raised again by whoever waits for the batch."""
    if not written.cancelled():
        written.exception()


def _page(work: Callable[..., T], *arguments: object) -> Callable[[Connection], T]:
    return lambda connection: work(connection, *arguments)
