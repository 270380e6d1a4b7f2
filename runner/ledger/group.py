"""One writing thread and its group commit: whatever waits when the thread is free goes into one transaction.

Nobody lingers for company: a lone event is written at once, and those that come while it is being written are the next
group. A group costs one wake-up of the thread and one of the event loop, whatever its size.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from contextvars import Context, copy_context
from dataclasses import dataclass, field
from threading import Lock
from typing import Any, TypeAlias, TypeVar

from runner.ledger.database import Connection, Database, StoreBroken, fence, transaction
from runner.ledger.fold import waves, write
from runner.ledger.reconnect import repeat_when_lost
from runner.model.errors import LeaseLost, LedgerError, LedgerLocked, LedgerUnavailable
from runner.model.event import Event
from runner.model.ledger import Lease

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Record:
    """One `record` that waits to be written."""

    scope: int
    lease: Lease
    events: Sequence[Event]
    future: asyncio.Future[Any]
    context: Context = field(default_factory=copy_context)


@dataclass(frozen=True, slots=True)
class _Work:
    """Another piece of writing, with a transaction of its own."""

    work: Callable[[Connection], object]
    future: asyncio.Future[Any]
    context: Context = field(default_factory=copy_context)


_Entry: TypeAlias = _Record | _Work
_Holding: TypeAlias = tuple[str, int]
_Outcome: TypeAlias = tuple[_Entry, object, BaseException | None]


class Writer:
    """The only one that writes, in the order in which it is asked.

    After the store failed once it refuses everything until the ledger is opened again.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._thread = ThreadPoolExecutor(1, "ledger-write")
        self._lock = Lock()
        self._waiting: deque[_Entry] = deque()
        self._unit: list[_Entry] = []
        self._is_busy = False
        self._connection: Connection | None = None
        self._failure: StoreBroken | None = None

    def record(self, scope: int, lease: Lease, events: Sequence[Event]) -> asyncio.Future[None]:
        """Write events; done when they are on disk."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._add(_Record(scope, lease, events, future))
        return future

    def call(self, work: Callable[[Connection], T]) -> asyncio.Future[T]:
        """Run one piece of writing; it opens its own transaction."""
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._add(_Work(work, future))
        return future

    async def close(self) -> None:
        """Write what is waiting, then close the writing connection."""
        while self._is_busy:
            await asyncio.get_running_loop().run_in_executor(self._thread, int)
        await asyncio.get_running_loop().run_in_executor(self._thread, self._drop)
        self._thread.shutdown()

    def _add(self, entry: _Entry) -> None:
        with self._lock:
            self._waiting.append(entry)
            is_idle, self._is_busy = not self._is_busy, True
        if is_idle:
            self._wake()

    def _wake(self) -> None:
        self._thread.submit(self._write_next).add_done_callback(self._after)

    def _write_next(self) -> list[_Outcome]:
        """Write the piece of work that waits longest, or all records that wait before the next one."""
        with self._lock:
            self._unit = [self._waiting.popleft()]
            while isinstance(self._unit[0], _Record) and self._waiting and isinstance(self._waiting[0], _Record):
                self._unit.append(self._waiting.popleft())
        return self._unit[0].context.run(self._write, self._unit)  # the waiting caller's listener gets the retries

    def _write(self, unit: list[_Entry]) -> list[_Outcome]:
        first = unit[0]
        try:
            if isinstance(first, _Work):
                return [(first, self._run(first.work), None)]
            return self._run(
                lambda connection: _commit(connection, [entry for entry in unit if isinstance(entry, _Record)])
            )
        except StoreBroken as error:
            return [(entry, None, _again(error)) for entry in unit]
        except LedgerError as error:
            if len(unit) == 1:
                return [(first, None, error)]
            return [outcome for entry in unit for outcome in self._write([entry])]  # only the guilty one fails

    def _run(self, work: Callable[[Connection], T]) -> T:
        if self._failure is not None:
            raise self._failure
        try:
            return repeat_when_lost(lambda: self._run_once(work), self._drop)
        except StoreBroken as error:
            self._failure = error
            raise

    def _run_once(self, work: Callable[[Connection], T]) -> T:
        if self._connection is None:
            self._connection = self._database.write()
        return work(self._connection)

    def _drop(self) -> None:
        if self._connection is not None:
            self._connection.close()
        self._connection = None

    def _after(self, written: Future[list[_Outcome]]) -> None:
        error = written.exception()
        outcomes: list[_Outcome] = [(entry, None, error) for entry in self._unit] if error else written.result()
        loop = self._unit[0].future.get_loop()
        with self._lock:
            self._is_busy = bool(self._waiting)
        if self._is_busy:
            self._wake()
        with suppress(RuntimeError):  # the event loop has ended: nobody waits any more
            loop.call_soon_threadsafe(_tell, outcomes)


def _commit(connection: Connection, group: list[_Record]) -> list[_Outcome]:
    leases = {_holding(call): call.lease for call in group}
    lost: dict[_Holding, LeaseLost] = {}
    with transaction(connection):
        for holding, lease in sorted(leases.items()):  # two writers lock the rows of leases in one order
            try:
                fence(connection, lease)
            except LeaseLost as error:
                lost[holding] = error
        changed: set[int] = set()
        for wave in waves((call.scope, call.events) for call in group if _holding(call) not in lost):
            changed |= write(connection, wave)
        if changed:
            connection.change("scopes_changed", [(scope,) for scope in changed])
    return [(call, None, lost.get(_holding(call))) for call in group]


def _holding(call: _Record) -> _Holding:
    return call.lease.name, call.lease.epoch  # `until` moves with every renewal


def _tell(outcomes: list[_Outcome]) -> None:
    for entry, value, error in outcomes:
        if entry.future.done():
            continue
        if error is None:
            entry.future.set_result(value)
        else:
            entry.future.set_exception(error)


def _again(error: StoreBroken) -> LedgerError:
    kinds = (LedgerUnavailable, LedgerLocked)
    kind = next((kind for kind in kinds if isinstance(error, kind)), LedgerError)
    return kind(error.what, mend=error.mend)
