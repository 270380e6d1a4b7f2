"""The ledger in a Postgres database, for machines whose disk dies with them: two appliers, one truth.

Its tables stand in the schema `runner`. The same statements run as on SQLite; a table of given values is a set of
arrays here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from pathlib import Path
from typing import Final, TypeVar
from uuid import uuid4

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from runner.ledger.database import Connection, Row, StoreBroken, StoreUnavailable, written_to
from runner.ledger.postgres_connection import PostgresConnection, broken
from runner.ledger.queries import migrations, refuse_newer
from runner.ledger.reconnect import Reconnector, repeat_when_lost
from runner.ledger.serial import Count, Regression, SerialFolder
from runner.ledger.sqlite import nothing
from runner.model.contracts import Clock
from runner.model.errors import ConfigError, LedgerError

T = TypeVar("T")

_LOCK: Final = 0x72756E72  # "runr"
_OPTIONS: Final = {
    "application_name": "runner",
    "connect_timeout": 10,
    "keepalives_idle": 15,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,
}
_ALWAYS: Final = (
    "SET search_path = runner",
    "SET lock_timeout = '30s'",
    "SET jit = off",
    "SET idle_in_transaction_session_timeout = '20s'",  # a lost connection must not keep the lease's row locked
)
_ASKED: Final = 20
"""How often the server is asked for the outcome of a transaction."""
# Every statement but a scan looks single rows up; what the planner takes for a small table may be a large one soon.
_LOOKING_UP: Final = (
    "SET plan_cache_mode = force_custom_plan",
    "SET enable_seqscan = off",
    "SET enable_hashjoin = off",
    "SET enable_mergejoin = off",
    "SET enable_bitmapscan = off",
    "SET enable_material = off",
)


_READ_ONLY: Final = "default_transaction_read_only=on"


def read_only(url: str) -> str:
    """Return a URL of the same database for which the server refuses every write.

    Raises:
        ConfigError: the URL cannot be read.
    """
    try:
        return make_conninfo(url, options=f"-c {_READ_ONLY}")
    except psycopg.Error as error:
        raise ConfigError("the URL of the ledger cannot be read", mend="postgresql://USER@HOST/DATABASE") from error


class PostgresDatabase:
    """One ledger in a Postgres database, and the connections to it."""

    def __init__(
        self,
        url: str,
        *,
        clock: Clock,
        judges_leases: bool = True,
        beside: Path | None = None,
        reconnector: Reconnector | None = None,
    ) -> None:
        """Look at what is there; the tables are made by the first write, so that planning changes nothing.

        Args:
            url: of the database.
            clock: the time, for what the ledger writes down by itself.
            beside: folder of this machine for counters that detect a restored older copy of the ledger.
            judges_leases: whether the server's clock decides when a lease has ended; else the caller's does.
            reconnector: bounds how long the server may be unreachable once it was reached.

        Raises:
            ConfigError: the URL cannot be read.
            LedgerError: the server cannot be reached, or the ledger is of a newer runner.
        """
        self._url = url
        self._is_read_only = _READ_ONLY in url
        self._judges_leases = judges_leases
        self._clock = clock
        self._place = _place(url)
        self._serials = None if beside is None else SerialFolder(beside, self._place)
        outside = self._serials.read() if self._serials else {}  # before the ledger: it may be written in between
        self._regression: Regression | None = None
        self._instance = ""
        self._latest: dict[str, int] = {}
        self._reconnector = reconnector or Reconnector()
        self._threads = ThreadPoolExecutor(1, "ledger-read")
        self._scans = ThreadPoolExecutor(1, "ledger-scan")
        self._scanner: Connection | None = None
        self._nothing = nothing(self._place)
        self._reader: Connection | None = self._open(self._connect(*_LOOKING_UP))
        try:
            self._is_there = self._exists(self._reader)
            if self._is_there and not self._is_read_only:
                self._make()
            if self._serials is not None:
                self._regression = self._serials.compare(outside, *self._counts(self._reader))
        except LedgerError:
            self._reader.close()
            raise

    @property
    def place(self) -> str:
        """See `Database`."""
        return self._place

    @property
    def regression(self) -> Regression | None:
        """See `Database`."""
        return self._regression

    def write(self) -> Connection:
        """See `Database`."""
        if self._is_read_only:
            raise written_to(self._place)
        self._reconnector.reach(self._make)
        writer = self._open(self._reconnector.reach(lambda: self._connect(*_LOOKING_UP)))
        try:
            self._instance, counts = self._counts(writer)
            self._refuse_older(counts)
            self._write_regression(writer)
        except LedgerError:
            writer.close()
            raise
        return writer

    def is_committed(self, transaction: int) -> bool:
        """See `LedgerOnServer`."""
        for _ in range(_ASKED):
            try:
                with self._reconnector.reach(self._connect) as raw:
                    found = raw.execute("SELECT txid_status(%s::bigint)", (transaction,)).fetchone()
            except psycopg.Error as error:
                raise _undecided(self._place, str(error)) from error
            status = found[0] if found else None
            if status in ("committed", "aborted"):
                return bool(status == "committed")
            self._reconnector.pause(1.0)  # the server has not noticed yet that the connection is gone
        raise _undecided(self._place, f"the server says {status or 'nothing'}")

    def follow(self, written: Mapping[str, int], *, durable: bool) -> None:
        """See `LedgerOnServer`."""
        self._latest.update(written)
        if not durable or self._serials is None:
            return
        try:
            for lease in written:
                self._serials.write(lease, Count(self._instance, self._latest[lease]))
        except OSError as error:
            raise _uncounted(self._place, error) from error

    def _refuse_older(self, counts: Mapping[str, tuple[int, float | None]]) -> None:
        """Stop when the server came back without writes of this process: later ones depend on them."""
        lost = sum(max(0, serial - counts.get(lease, (0, None))[0]) for lease, serial in self._latest.items())
        if lost:
            raise StoreUnavailable(
                f"ledger {self._place} came back without the last {lost} writes of this apply",
                mend="apply again: what may be missing is looked for before anything is sent",
            )

    def read(self, work: Callable[[Connection], T]) -> Awaitable[T]:
        """See `Database`."""
        return asyncio.get_running_loop().run_in_executor(self._threads, copy_context().run, self._read, work)

    def scan(self, work: Callable[[Connection], T]) -> Awaitable[T]:
        """See `Database`."""
        return asyncio.get_running_loop().run_in_executor(self._scans, copy_context().run, self._scan, work)

    def hurry(self) -> None:
        """See `Database`."""
        self._reconnector.hurry()

    async def close(self) -> None:
        """See `Database`."""
        self._threads.shutdown()
        self._scans.shutdown()
        for connection in (self._reader, self._scanner, self._nothing):
            if connection is not None:
                connection.close()
        if self._serials is not None:
            self._serials.close()

    def _counts(self, connection: Connection) -> tuple[str, Mapping[str, tuple[int, float | None]]]:
        if not self._exists(connection):
            return "", {}
        counts = {name: (serial, at) for name, serial, at in connection.fetch("lease_counts")}
        return connection.fetch("head")[0][1], counts

    def _write_regression(self, writer: Connection) -> None:
        if self._regression is None or self._serials is None:
            return
        lost = self._regression
        writer.begin()
        writer.change("regression_added", at=self._clock.now(), reason=lost.reason, since=lost.since)
        writer.commit()
        self._regression = None
        self._serials.forget()

    def _read(self, work: Callable[[Connection], T]) -> T:
        return repeat_when_lost(lambda: self._read_once(work), self._drop_reader)

    def _read_once(self, work: Callable[[Connection], T]) -> T:
        if self._reader is None:
            self._reader = self._open(self._reconnector.reach(lambda: self._connect(*_LOOKING_UP)))
        if not self._is_there:
            self._is_there = self._exists(self._reader)
        return work(self._reader if self._is_there else self._nothing)

    def _drop_reader(self) -> None:
        if self._reader is not None:
            self._reader.close()
        self._reader = None

    def _scan(self, work: Callable[[Connection], T]) -> T:
        return repeat_when_lost(lambda: self._scan_once(work), self._drop_scanner)

    def _scan_once(self, work: Callable[[Connection], T]) -> T:
        if self._scanner is None:
            self._scanner = self._open(self._reconnector.reach(self._connect))
        return work(self._scanner)

    def _drop_scanner(self) -> None:
        if self._scanner is not None:
            self._scanner.close()
        self._scanner = None

    def _exists(self, connection: Connection) -> bool:
        return bool(connection.fetch("tables_found")[0][0])

    def _open(self, raw: psycopg.Connection[Row]) -> PostgresConnection:
        return PostgresConnection(self._place, raw, judges_leases=self._judges_leases, ledger=self)

    def _connect(self, *settings: str) -> psycopg.Connection[Row]:
        try:
            raw = psycopg.connect(self._url, autocommit=True, **_OPTIONS)  # type: ignore[arg-type]
        except psycopg.Error as error:
            raise broken(self._place, error) from error
        try:
            for setting in (*_ALWAYS, *settings):
                raw.execute(setting.encode())
            if raw.execute("SHOW synchronous_commit").fetchone() == ("off",):  # intents must be on disk
                raw.execute("SET synchronous_commit = on")
        except psycopg.Error as error:
            raw.close()
            raise broken(self._place, error) from error
        return raw

    def _make(self) -> None:
        """Make the tables, or bring older ones up to date; one runner at a time."""
        steps = migrations("postgres")
        try:
            with self._connect() as raw, raw.transaction():
                raw.execute("SELECT pg_advisory_xact_lock(%s)", (_LOCK,))
                raw.execute("CREATE SCHEMA IF NOT EXISTS runner")
                found = raw.execute("SELECT to_regclass('runner.ledger') IS NOT NULL").fetchone()
                version = _version(raw) if found is not None and found[0] else 0
                refuse_newer(self._place, version, steps)
                for step in steps[version:]:
                    raw.execute(step.text.encode())
                if version == 0:
                    raw.execute("INSERT INTO ledger VALUES (1, %s, %s, 0, 1, 1, NULL)", (steps[-1].number, uuid4().hex))
                elif version < steps[-1].number:
                    raw.execute("UPDATE ledger SET schema_version = %s", (steps[-1].number,))
        except psycopg.Error as error:
            raise broken(self._place, error) from error


def _undecided(place: str, why: str) -> StoreUnavailable:
    return StoreUnavailable(
        f"ledger {place} was lost while it wrote, and whether the last write is in it is unknown: {why}",
        mend="apply again: what may be missing is looked for before anything is sent",
    )


def _uncounted(place: str, error: OSError) -> StoreBroken:
    return StoreBroken(
        f"the counter of ledger {place} cannot be written: {error.strerror}",
        mend="make the project's state folder writable, then apply again: what was recorded is safe",
    )


def _version(raw: psycopg.Connection[Row]) -> int:
    found = raw.execute("SELECT schema_version FROM runner.ledger").fetchone()
    return int(found[0]) if found else 0


def _place(url: str) -> str:
    try:
        parts = conninfo_to_dict(url)
    except psycopg.Error as error:
        raise ConfigError(
            "the URL of the Postgres ledger cannot be read", mend="write postgresql://USER@HOST:PORT/DATABASE"
        ) from error
    user, host = parts.get("user", ""), parts.get("host", "localhost")
    return f"postgresql://{user}{'@' if user else ''}{host}/{parts.get('dbname', '')}"
