"""The ledger in a Postgres database, for machines whose disk dies with them: two appliers, one truth.

Its tables stand in the schema `runner`. The same statements run as on SQLite; a table of given values is a set of
arrays here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final, TypeVar
from uuid import uuid4

import psycopg
from psycopg.conninfo import conninfo_to_dict

from runner.ledger.database import Connection, Row, StoreBroken
from runner.ledger.queries import PARAMETER, Query, migrations, queries, refuse_newer
from runner.ledger.serial import Count, Regression, SerialFolder
from runner.ledger.sqlite import nothing
from runner.model.contracts import Clock
from runner.model.errors import ConfigError, LedgerError

T = TypeVar("T")

_TYPES: Final = {"int": "bigint", "real": "double precision", "text": "text", "bytes": "bytea"}
_KINDS: Final[dict[str, Callable[[Any], object]]] = {"int": int, "real": float, "text": str, "bytes": bytes}
_LOCK: Final = 0x72756E72  # "runr"
_OPTIONS: Final = {
    "application_name": "runner",
    "connect_timeout": 10,
    "keepalives_idle": 15,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,
}
_ALWAYS: Final = ("SET search_path = runner", "SET lock_timeout = '30s'", "SET jit = off")
# Every statement but a scan looks single rows up; what the planner takes for a small table may be a large one soon.
_LOOKING_UP: Final = (
    "SET plan_cache_mode = force_custom_plan",
    "SET enable_seqscan = off",
    "SET enable_hashjoin = off",
    "SET enable_mergejoin = off",
    "SET enable_bitmapscan = off",
    "SET enable_material = off",
)


class PostgresConnection:
    """Named queries over one Postgres connection."""

    def __init__(
        self,
        place: str,
        raw: psycopg.Connection[Row],
        *,
        judges_leases: bool = True,
        serials: SerialFolder | None = None,
    ) -> None:
        self._place = place
        self._raw = raw
        self._judges_leases = judges_leases
        self._serials = serials
        self._written: dict[str, int] = {}
        self._durable = True
        self._instance = ""
        self._texts: dict[str | Query, bytes] = {}

    def fetch(self, name: str | Query, given: Sequence[Row] | None = None, /, **values: object) -> list[Row]:
        """See `Connection`."""
        try:
            with self._run(name, given, values) as cursor:
                rows = cursor.fetchall() if cursor.description else []
        except psycopg.Error as error:
            raise broken(self._place, error) from error
        if name == "fence" and rows:
            self._written[str(values["name"])] = rows[0][1]
        return rows

    def change(self, name: str | Query, given: Sequence[Row] | None = None, /, **values: object) -> int:
        """See `Connection`."""
        try:
            with self._run(name, given, values) as cursor:
                return cursor.rowcount
        except psycopg.Error as error:
            raise broken(self._place, error) from error

    def now(self, given: float) -> float:
        """See `Connection`; the clocks of two machines may differ by more than a lease lasts."""
        found: float = self.fetch("clock")[0][0] if self._judges_leases else given
        return found

    def begin(self, *, durable: bool = True) -> None:
        """See `Connection`."""
        self._command("BEGIN")
        self._durable = durable
        if not durable:
            self._command("SET LOCAL synchronous_commit = off")

    def commit(self) -> None:
        """See `Connection`; the counters next to the project follow what is certainly on the server's disk."""
        self._command("COMMIT")
        if self._durable and self._serials is not None and self._written:
            self._instance = self._instance or self.fetch("head")[0][1]
            try:
                for lease, serial in self._written.items():
                    self._serials.write(lease, Count(self._instance, serial))
            except OSError as error:
                raise _uncounted(self._place, error) from error
            self._written = {}

    def rollback(self) -> None:
        """See `Connection`."""
        self._written = {}
        self._command("ROLLBACK")

    def close(self) -> None:
        """See `Connection`."""
        self._raw.close()

    def _command(self, command: str) -> None:
        try:
            self._raw.execute(command.encode())
        except psycopg.Error as error:
            raise broken(self._place, error) from error

    def _run(self, name: str | Query, given: Sequence[Row] | None, values: dict[str, object]) -> psycopg.Cursor[Row]:
        query = queries("postgres")[name] if isinstance(name, str) else name
        if name not in self._texts:
            self._texts[name] = _text(query).encode()
        parameters = dict(values)
        if given is not None:
            for (column, kind), cells in zip(query.given, zip(*given, strict=True), strict=True):
                make = _KINDS[kind]
                parameters[f"given_{column}"] = [None if cell is None else make(cell) for cell in cells]
        cursor = self._raw.cursor(binary=True)
        return cursor.execute(self._texts[name], parameters)


class PostgresDatabase:
    """One ledger in a Postgres database, and the connections to it."""

    def __init__(self, url: str, *, clock: Clock, judges_leases: bool = True, beside: Path | None = None) -> None:
        """Look at what is there; the tables are made by the first write, so that planning changes nothing.

        Args:
            url: of the database.
            clock: the time, for what the ledger writes down by itself.
            beside: folder of this machine for counters that notice when an older copy of the ledger was restored.
            judges_leases: whether the server's clock tells when a lease has ended; else the caller's does.

        Raises:
            ConfigError: the URL cannot be read.
            LedgerError: the server cannot be reached, or the ledger is of a newer runner.
        """
        self._url = url
        self._judges_leases = judges_leases
        self._clock = clock
        self._place = _place(url)
        self._serials = None if beside is None else SerialFolder(beside, self._place)
        outside = self._serials.read() if self._serials else {}  # before the ledger: it may be written in between
        self._regression: Regression | None = None
        self._threads = ThreadPoolExecutor(1, "ledger-read")
        self._scans = ThreadPoolExecutor(1, "ledger-scan")
        self._scanner: Connection | None = None
        self._nothing = nothing(self._place)
        self._reader: Connection = self._open(*_LOOKING_UP)
        try:
            self._is_there = self._exists(self._reader)
            if self._is_there:
                self._make()
            if self._serials is not None:
                self._regression = self._serials.compare(outside, *self._counts())
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
        self._make()
        writer = self._open(*_LOOKING_UP)
        self._write_regression(writer)
        return writer

    def read(self, work: Callable[[Connection], T]) -> Awaitable[T]:
        """See `Database`."""
        return asyncio.get_running_loop().run_in_executor(self._threads, self._read, work)

    def scan(self, work: Callable[[Connection], T]) -> Awaitable[T]:
        """See `Database`."""
        return asyncio.get_running_loop().run_in_executor(self._scans, self._scan, work)

    async def close(self) -> None:
        """See `Database`."""
        self._threads.shutdown()
        self._scans.shutdown()
        for connection in (self._reader, self._scanner, self._nothing):
            if connection is not None:
                connection.close()
        if self._serials is not None:
            self._serials.close()

    def _counts(self) -> tuple[str, Mapping[str, tuple[int, float | None]]]:
        if not self._is_there:
            return "", {}
        counts = {name: (serial, at) for name, serial, at in self._reader.fetch("lease_counts")}
        return self._reader.fetch("head")[0][1], counts

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
        if not self._is_there:
            self._is_there = self._exists(self._reader)
        return work(self._reader if self._is_there else self._nothing)

    def _scan(self, work: Callable[[Connection], T]) -> T:
        if self._scanner is None:
            self._scanner = self._open()
        return work(self._scanner)

    def _exists(self, connection: Connection) -> bool:
        return bool(connection.fetch("tables_found")[0][0])

    def _open(self, *settings: str) -> PostgresConnection:
        return PostgresConnection(
            self._place, self._connect(*settings), judges_leases=self._judges_leases, serials=self._serials
        )

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


def broken(place: str, error: psycopg.Error) -> StoreBroken:
    """Say what Postgres could not do, and how to mend it."""
    what = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
    if isinstance(error, psycopg.errors.DiskFull):
        return StoreBroken(
            f"ledger {place} cannot be written: {what}", mend="make room on the server, then apply again"
        )
    if isinstance(error, psycopg.OperationalError):
        return StoreBroken(
            f"ledger {place} cannot be reached: {what}",
            mend="see that the server runs and lets this user in, then apply again: what was recorded is safe",
        )
    return StoreBroken(f"ledger {place} cannot be used: {what}", mend="the user needs the right to its tables")


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


def _text(query: Query) -> str:
    sql = PARAMETER.sub(r"%(\1)s", query.text)
    if not query.given:
        return sql
    columns = ", ".join(name for name, _ in query.given)
    arrays = ", ".join(f"%(given_{name})s::{_TYPES[kind]}[]" for name, kind in query.given)
    return f"WITH given ({columns}) AS MATERIALIZED (SELECT * FROM unnest({arrays}))\n{sql}"
