"""The durable truth: what was selected, sent, accepted, brought back and published.

A *scope* is one stage of one recipe under one profile. Its *selection* is the ordered list of items that its source and
filter chose last; a new one is built beside the current one and replaces it at once. An *item* row is one key with one
content under one work hash; old rows stay. *Events* move jobs and items on; those of one *group* share one commit.
A *lease* says who may write, its *epoch* is the fence. The *version* of a scope grows with every change of selection
or outcome. A ledger is *regressed* when it knows less than it once did. SQLite, Postgres and memory behave alike:
`tests/contracts/ledger.py` is their common suite.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from pathlib import Path

from runner.ledger import copying
from runner.ledger.database import Database
from runner.ledger.memory import MemoryLedger
from runner.ledger.sqlite import SqliteDatabase
from runner.ledger.store import SqlLedger
from runner.model.contracts import Clock
from runner.model.errors import ConfigError, with_extra
from runner.model.ledger import Ledger


def open_ledger(url: str, *, clock: Clock, beside: Path | None = None, is_read_only: bool = False) -> Ledger:
    """Open a ledger; a SQLite file that is missing is made by the first write.

    Args:
        url: `memory:`, `sqlite:PATH`, a bare path, or `postgresql://...`; relative paths start at the working folder.
        clock: the time, for what the ledger writes down by itself.
        beside: folder of this machine in which a ledger on a server keeps counters; a file has its own.
        is_read_only: refuse every write; of a Postgres ledger all transactions are read-only ones.

    Raises:
        ConfigError: no such kind of ledger, or its driver is not installed.
        LedgerError: it cannot be opened: damaged, foreign, or of a newer runner.
    """
    if url == "memory:":
        return MemoryLedger()
    return SqlLedger(_database(url, clock, beside, is_read_only=is_read_only))


async def copy_ledger(source: str, target: str, *, clock: Clock) -> Mapping[str, int]:
    """Copy a ledger to a store that has none yet, all or nothing; return table to number of rows.

    Args:
        source: URL of the ledger, as `open_ledger` takes it, but for `memory:`.
        target: URL of the new one.
        clock: the time.

    Raises:
        ConfigError: as `open_ledger`.
        LeaseHeld: an apply works on the source.
        LedgerError: the source is not there, or the target is not empty.
    """
    databases = [first := _database(source, clock)]
    try:
        databases.append(second := _database(target, clock))
        return await first.scan(lambda connection: copying.copy(connection, (first, second), clock.now()))
    finally:
        for database in databases:
            await database.close()


def _database(url: str, clock: Clock, beside: Path | None = None, *, is_read_only: bool = False) -> Database:
    kind, colon, rest = url.partition(":")
    if not colon or "/" in kind or "\\" in kind:
        return SqliteDatabase(_path(url, url), clock, is_read_only=is_read_only)
    if kind == "sqlite":
        return SqliteDatabase(_path(rest, url), clock, is_read_only=is_read_only)
    if kind in ("postgresql", "postgres"):
        return _postgres(url, clock, beside, is_read_only=is_read_only)
    raise ConfigError(
        f"ledger {kind}: is not known", mend="use a path, sqlite:PATH, postgresql://USER@HOST/DATABASE or memory:"
    )


def _postgres(url: str, clock: Clock, beside: Path | None, *, is_read_only: bool) -> Database:
    try:
        module = import_module("runner.ledger.postgres")  # only who asks for it needs the driver
    except ImportError as error:
        raise ConfigError(
            f"a Postgres ledger needs the driver psycopg: {error}",
            mend=with_extra("postgres"),
        ) from error
    url = module.read_only(url) if is_read_only else url
    database: Database = module.PostgresDatabase(url, clock=clock, beside=beside)
    return database


def _path(path: str, url: str) -> Path:
    if not path:
        raise ConfigError(f"ledger {url!r} names no file", mend="write sqlite:PATH, for example .runner/ledger.db")
    return Path(path)
