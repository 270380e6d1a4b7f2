"""One writing thread and its group commit: whatever waits when the thread is free goes into one transaction.

Nobody lingers for company: a lone event is written at once, and those that come while it is being written are the next
group. A group costs one wake-up of the thread and one of the event loop, whatever its size.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from threading import Lock
from typing import TypeAlias, TypeVar

from runner.ledger.database import Connection, Database, StoreBroken, fence, transaction
from runner.ledger.fold import waves, write
from runner.model.errors import LeaseLost, LedgerError
from runner.model.event import Event
from runner.model.ledger import Lease

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Call:
    """One `record` that waits to be written."""

    scope: int
    lease: Lease
    events: Sequence[Event]
    future: asyncio.Future[None]


_Holding: TypeAlias = tuple[str, int]
_Outcome: TypeAlias = tuple[_Call, BaseException | None]


class Writer:
    """The only one that writes. After the store failed once it refuses everything until the ledger is opened again."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._thread = ThreadPoolExecutor(1, "ledger-write")
        self._lock = Lock()
        self._waiting: list[_Call] = []
        self._group: list[_Call] = []
        self._is_busy = False
        self._connection: Connection | None = None
        self._failure: StoreBroken | None = None

    async def record(self, scope: int, lease: Lease, events: Sequence[Event]) -> None:
        """Write events; returns when they are on disk."""
        call = _Call(scope, lease, events, asyncio.get_running_loop().create_future())
        with self._lock:
            self._waiting.append(call)
            is_idle, self._is_busy = not self._is_busy, True
        if is_idle:
            self._wake()
        await call.future

    async def call(self, work: Callable[[Connection], T]) -> T:
        """Run one piece of writing; it opens its own transaction."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._run, work)

    async def close(self) -> None:
        """Write what is waiting, then close the writing connection."""
        while self._is_busy:
            await asyncio.get_running_loop().run_in_executor(self._thread, int)
        await asyncio.get_running_loop().run_in_executor(self._thread, self._close)
        self._thread.shutdown()

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()

    def _run(self, work: Callable[[Connection], T]) -> T:
        if self._failure is not None:
            raise _again(self._failure)
        try:
            if self._connection is None:
                self._connection = self._database.write()
            return work(self._connection)
        except StoreBroken as error:
            self._failure = error
            raise

    def _wake(self) -> None:
        self._thread.submit(self._write_waiting).add_done_callback(self._after)

    def _write_waiting(self) -> list[_Outcome]:
        with self._lock:
            self._group, self._waiting = self._waiting, []
        return self._write(self._group)

    def _write(self, group: list[_Call]) -> list[_Outcome]:
        try:
            return self._run(lambda connection: _commit(connection, group))
        except StoreBroken as error:
            return [(call, _again(error)) for call in group]
        except LedgerError as error:
            if len(group) == 1:
                return [(group[0], error)]
            return [outcome for call in group for outcome in self._write([call])]  # only the guilty one fails

    def _after(self, written: Future[list[_Outcome]]) -> None:
        group = self._group
        error = written.exception()
        outcomes: list[_Outcome] = [(call, error) for call in group] if error else written.result()
        with self._lock:
            self._is_busy = bool(self._waiting)
        if self._is_busy:
            self._wake()
        with suppress(RuntimeError):  # the event loop has ended: nobody waits any more
            group[0].future.get_loop().call_soon_threadsafe(_tell, outcomes)


def _commit(connection: Connection, group: list[_Call]) -> list[_Outcome]:
    leases = {_holding(call): call.lease for call in group}
    lost: dict[_Holding, LeaseLost] = {}
    with transaction(connection):
        for holding, lease in leases.items():
            try:
                fence(connection, lease)
            except LeaseLost as error:
                lost[holding] = error
        changed: set[int] = set()
        for wave in waves((call.scope, call.events) for call in group if _holding(call) not in lost):
            changed |= write(connection, wave)
        if changed:
            connection.change("scopes_changed", [(scope,) for scope in changed])
    return [(call, lost.get(_holding(call))) for call in group]


def _holding(call: _Call) -> _Holding:
    return call.lease.name, call.lease.epoch  # `until` moves with every renewal


def _tell(outcomes: list[_Outcome]) -> None:
    for call, error in outcomes:
        if call.future.done():
            continue
        if error is None:
            call.future.set_result(None)
        else:
            call.future.set_exception(error)


def _again(error: StoreBroken) -> LedgerError:
    return LedgerError(error.what, mend=error.mend)
