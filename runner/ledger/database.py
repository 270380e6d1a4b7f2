"""What the ledger needs of a database: transactions over named queries, and where reading happens."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, Protocol, TypeAlias, TypeVar

from runner.ledger.queries import Query
from runner.ledger.serial import Regression
from runner.model.errors import LeaseLost, LedgerError, LedgerLocked, LedgerUnavailable
from runner.model.ledger import Lease

T = TypeVar("T")
Row: TypeAlias = tuple[Any, ...]


class StoreBroken(LedgerError):
    """The database itself failed: what stands on disk is known only after it was opened again."""


class StoreUnavailable(StoreBroken, LedgerUnavailable):
    """The database cannot be reached now; what was recorded is safe."""


class StoreLocked(StoreBroken, LedgerLocked):
    """Another process holds the database locked."""


class StoreLost(StoreUnavailable):
    """The connection was lost before the end of a transaction: it was rolled back and may be repeated."""


class Connection(Protocol):
    """One connection to the database; used by one thread at a time. All verbs raise StoreBroken."""

    def fetch(self, name: str | Query, given: Sequence[Row] | None = None, /, **values: object) -> list[Row]:
        """Run a named query and return its rows; `given` rows have no None in their first column."""

    def change(self, name: str | Query, given: Sequence[Row] | None = None, /, **values: object) -> int:
        """Run a named statement and return how many rows it wrote."""

    def now(self, given: float) -> float:
        """Return the time that leases are compared with, epoch seconds: the database's clock, else the given time."""

    def begin(self, *, durable: bool = True) -> None:
        """Begin a writing transaction; one that is not durable may be lost with the power, but never torn."""

    def commit(self) -> None:
        """End it; a durable one is on disk when this returns."""

    def rollback(self) -> None:
        """Undo it."""

    def close(self) -> None:
        """Let go of it."""


class Database(Protocol):
    """One ledger in a database."""

    @property
    def place(self) -> str:
        """Path or address, for messages; without a password."""

    @property
    def regression(self) -> Regression | None:
        """How the ledger went back in time, as detected when it was opened; None when it did not."""

    def write(self) -> Connection:
        """Return the writing connection, made on first use; called by the writing thread alone."""

    def read(self, work: Callable[[Connection], T]) -> Awaitable[T]:
        """Run short indexed queries of at most a thousand rows."""

    def scan(self, work: Callable[[Connection], T]) -> Awaitable[T]:
        """Run a query that looks at many rows and returns few."""

    def hurry(self) -> None:
        """Give up soon on an unreachable server."""

    async def close(self) -> None:
        """Close the reading connections."""


@contextmanager
def transaction(connection: Connection, lease: Lease | None = None, *, durable: bool = True) -> Iterator[None]:
    """Write all or nothing, and only as long as the lease is ours.

    Raises:
        LeaseLost: the lease has a newer epoch; nothing was written.
    """
    try:
        connection.begin(durable=durable)
        if lease is not None:
            fence(connection, lease)
        yield
        connection.commit()
    except BaseException:
        with suppress(StoreBroken):
            connection.rollback()
        raise


def fence(connection: Connection, lease: Lease) -> None:
    """Raise LeaseLost when the lease was taken over or released; inside of a transaction."""
    rows = connection.fetch("fence", name=lease.name)
    if not rows or rows[0][0] != lease.epoch:
        raise lost(lease)


def check(connection: Connection, lease: Lease) -> None:
    """Do the same without a transaction, to fail earlier than the next write."""
    rows = connection.fetch("lease", name=lease.name)
    if not rows or rows[0][0] != lease.epoch:
        raise lost(lease)


def lost(lease: Lease) -> LeaseLost:
    """Say that a lease was taken over, or given back."""
    return LeaseLost(
        f"the lease on {lease.name!r} was taken over by another apply; nothing more is written by this one",
        mend="nothing is lost: wait for the other apply to end, then apply again",
    )


def written_to(place: str) -> LedgerError:
    """Return the error of a write to a ledger that was opened read-only."""
    return LedgerError(f"the ledger {place} was opened read-only and cannot be written")
