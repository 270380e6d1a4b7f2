"""Copy a whole ledger to another store, all or nothing."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from functools import cache
from typing import Final

from runner.ledger.database import Connection, Database, Row, transaction
from runner.ledger.leases import holder_now
from runner.ledger.queries import Query, migrations
from runner.model.errors import LeaseHeld, LedgerError

_PAGE_SIZE: Final = 200
_KINDS: Final = {"INTEGER": "int", "REAL": "real", "TEXT": "text", "BLOB": "bytes"}
_OWN: Final = "ledger"  # which ledger this is; only its counters are copied


@dataclass(frozen=True, slots=True)
class _Table:
    """How one table is read in pages and written.

    Attributes:
        keys: places of the primary key's columns in a row.
    """

    name: str
    first: Query
    later: Query
    write: Query
    keys: tuple[int, ...]


def copy(source: Connection, databases: tuple[Database, Database], now: float) -> Mapping[str, int]:
    """Copy everything while nobody writes; return table to number of rows.

    Args:
        source: a connection to the first of the databases.
        databases: to copy from and to.
        now: the time, epoch seconds.

    Raises:
        LeaseHeld: an apply works on the source.
        LedgerError: the source is empty, or the target is not.
    """
    origin, database = databases
    before = _idle(source, now)
    if not source.fetch("scopes"):
        what = f"there is nothing to copy: {origin.place} does not exist, or nothing was ever applied with it"
        raise LedgerError(what, mend="name a ledger that an apply has written")
    target = database.write()
    try:
        with transaction(target):
            if target.fetch("scopes") or target.fetch("leases"):
                raise LedgerError(f"ledger {database.place} is not empty", mend="name a ledger that does not exist yet")
            counts = {table.name: _copy_table(source, target, table) for table in _tables()}
            item, generation = source.fetch("counters")[0]
            target.change("counters_set", item=item, generation=generation)
            target.fetch("numbers_resumed")
            if origin.regression is not None:  # detected when it was opened, and not yet written into its tables
                lost = origin.regression
                target.change("regression_added", at=now, reason=lost.reason, since=lost.since)
            if _idle(source, now) != before:
                raise LedgerError("the ledger was written while it was copied", mend="copy it again: nothing was kept")
    finally:
        target.close()
    return counts


def _idle(source: Connection, now: float) -> list[Row]:
    """Return the leases, which grow with every holder; raises when one is held now. Nothing is written without one."""
    leases, at = source.fetch("leases"), source.now(now)
    for name, _, until in leases:
        if until > at:
            mend = "copy the ledger when it has ended; the lease of a dead one ends by itself within a minute"
            raise LeaseHeld(f"an apply works on {name}", holder=dict(holder_now(source, name, now) or {}), mend=mend)
    return leases


def _copy_table(source: Connection, target: Connection, table: _Table) -> int:
    count = 0
    for page in _pages(source, table):
        target.change(table.write, page)
        count += len(page)
    return count


def _pages(source: Connection, table: _Table) -> Iterator[list[Row]]:
    page = source.fetch(table.first, size=_PAGE_SIZE)
    while page:
        yield page
        last = {f"last_{number}": page[-1][place] for number, place in enumerate(table.keys)}
        page = source.fetch(table.later, size=_PAGE_SIZE, **last)


@cache
def _tables() -> tuple[_Table, ...]:
    """Read the tables out of the schema: every one is copied, those of later migrations too."""
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as schema:
        for step in migrations("sqlite"):
            schema.executescript(step.text)
        names = [row[0] for row in schema.execute("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name")]
        return tuple(
            _table(name, schema.execute(f"PRAGMA table_info({name})").fetchall()) for name in names if name != _OWN
        )


def _table(name: str, columns: list[Row]) -> _Table:
    listed = ", ".join(column[1] for column in columns)
    key = [column for column in sorted(columns, key=lambda column: int(column[5])) if column[5]]
    keys = ", ".join(column[1] for column in key)
    lasts = ", ".join(f":last_{number}" for number in range(len(key)))
    read, order = f"SELECT {listed} FROM {name}", f"ORDER BY {keys} LIMIT :size"
    given = tuple((column[1], _KINDS[column[2]]) for column in columns)
    return _Table(
        name,
        Query(f"{name}_first", "The first rows.", (), f"{read} {order}"),
        Query(f"{name}_later", "The rows after one.", (), f"{read} WHERE ({keys}) > ({lasts}) {order}"),
        Query(
            f"{name}_copied",
            "Rows of another ledger.",
            given,
            f"INSERT INTO {name} ({listed}) SELECT {listed} FROM given",
        ),
        tuple(column[0] for column in key),
    )
