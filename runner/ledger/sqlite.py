"""The ledger in one SQLite file: write-ahead log, one writing thread, readers that never wait for it.

Reading of a page happens on the caller's thread: SQLite's module gives up the interpreter lock at every row, and a busy
event loop would take up to 5 ms to give it back, 5 s for a page of a thousand rows. Writing has the same trouble, so
every statement there works on a whole table of given values and is one step, whatever their number.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from pathlib import Path
from typing import Final, TypeVar

from runner.ledger import sqlite_files
from runner.ledger.database import Connection, Row, written_to
from runner.ledger.queries import PARAMETER, Query, migrations, queries
from runner.ledger.serial import Count, Regression, SerialFile, compare
from runner.model.contracts import Clock
from runner.model.errors import LedgerError

T = TypeVar("T")

_SIZES: Final = (1, 2, 4, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 512, 1024)
"""A statement is prepared for so many rows of given values; what is missing is filled up, at its cost."""
_READING: Final = ("query_only = ON", "cache_size = -16384", "automatic_index = OFF")
_WRITING: Final = (
    "synchronous = FULL",
    "fullfsync = ON",
    "cache_size = -32768",
    "wal_autocheckpoint = 4000",
    "automatic_index = OFF",
)
_CHECKED_BYTES: Final = 64 * 1024 * 1024


class SqliteConnection:
    """Named queries over one SQLite connection."""

    def __init__(
        self, path: Path, raw: sqlite3.Connection, serial: SerialFile | None = None, clock: Clock | None = None
    ) -> None:
        self._path = path
        self._raw = raw
        self._serial = serial
        self._clock = clock
        self._grown = 0
        self._durable = True
        self._instance = ""
        self._texts: dict[tuple[str | Query, int], tuple[str, list[str]]] = {}

    def fetch(self, name: str | Query, given: Sequence[Row] | None = None, /, **values: object) -> list[Row]:
        """See `Connection`."""
        found: list[Row] = []
        try:
            for sql, parameters in self._statements(name, given, values):
                found += self._raw.execute(sql, parameters).fetchall()
        except sqlite3.Error as error:
            raise sqlite_files.broken(self._path, error) from error
        return found

    def change(self, name: str | Query, given: Sequence[Row] | None = None, /, **values: object) -> int:
        """See `Connection`."""
        before = self._raw.total_changes
        self.fetch(name, given, **values)
        return self._raw.total_changes - before

    def now(self, given: float) -> float:
        """See `Connection`; all processes that share a file share a clock."""
        return given

    def begin(self, *, durable: bool = True) -> None:
        """See `Connection`; counts the write."""
        try:
            if durable != self._durable:
                self._raw.execute("PRAGMA synchronous = FULL" if durable else "PRAGMA synchronous = NORMAL")
                self._durable = durable
            self._raw.execute("BEGIN IMMEDIATE")
        except sqlite3.Error as error:
            raise sqlite_files.broken(self._path, error) from error
        at = None if self._clock is None else self._clock.now()
        self._grown = self.fetch("serial_grown", at=at)[0][0]

    def commit(self) -> None:
        """See `Connection`; the counter beside the ledger follows what is surely on disk."""
        try:
            self._raw.execute("COMMIT")
        except sqlite3.Error as error:
            raise sqlite_files.broken(self._path, error) from error
        if self._serial is not None and self._durable:
            self._instance = self._instance or self.fetch("head")[0][1]
            try:
                self._serial.write(self._instance, self._grown)
            except OSError as error:
                raise sqlite_files.uncounted(self._path, error) from error

    def rollback(self) -> None:
        """See `Connection`."""
        try:
            if self._raw.in_transaction:
                self._raw.execute("ROLLBACK")
        except sqlite3.Error as error:
            raise sqlite_files.broken(self._path, error) from error

    def close(self) -> None:
        """See `Connection`."""
        self._raw.close()
        if self._serial is not None:
            self._serial.close()

    def _statements(
        self, name: str | Query, given: Sequence[Row] | None, values: dict[str, object]
    ) -> Iterator[tuple[str, list[object]]]:
        if given is None:
            sql, names = self._text(name, 0)
            yield sql, [values[word] for word in names]
            return
        for start in range(0, len(given), _SIZES[-1]):
            rows = given[start : start + _SIZES[-1]]
            size = next(size for size in _SIZES if size >= len(rows))
            sql, names = self._text(name, size)
            parameters: list[object] = list(chain.from_iterable(rows))
            parameters += [None] * ((size - len(rows)) * len(rows[0]))
            parameters += [values[word] for word in names]
            yield sql, parameters

    def _text(self, name: str | Query, size: int) -> tuple[str, list[str]]:
        if (name, size) not in self._texts:
            query = queries("sqlite")[name] if isinstance(name, str) else name
            sql = PARAMETER.sub("?", query.text)
            self._texts[name, size] = (_with_given(query, sql, size), PARAMETER.findall(query.text))
        return self._texts[name, size]


class SqliteDatabase:
    """The files of one ledger, and the connections to them."""

    def __init__(self, path: Path, clock: Clock, *, is_read_only: bool = False) -> None:
        """Look at what is there; a missing ledger is made by the first write, so that planning changes nothing.

        Raises:
            LedgerError: the file is no ledger, damaged, or of a newer runner.
        """
        self._path = path
        self._clock = clock
        self._is_read_only = is_read_only
        self._serial = SerialFile(path.with_name(f"{path.name}.serial"))
        self._outside = self._serial.read()  # before the ledger: it may be written in between
        self._threads = ThreadPoolExecutor(1, "ledger-scan")
        self._writer: SqliteConnection | None = None
        self._scanner: SqliteConnection | None = None
        self._is_there = path.exists()
        self._reader = self._open_reader() if self._is_there else nothing(str(path))
        try:
            count, written_at = self._count() if self._is_there else (None, None)
            self._regression = compare(count, self._outside, str(path), written_at)
        except LedgerError:
            self._reader.close()
            raise

    @property
    def place(self) -> str:
        """See `Database`."""
        return str(self._path)

    @property
    def regression(self) -> Regression | None:
        """See `Database`."""
        return self._regression

    def write(self) -> Connection:
        """See `Database`."""
        if self._is_read_only:
            raise written_to(self.place)
        if self._writer is None:
            if not self._path.exists():
                sqlite_files.create(self._path)
            self._writer = self._open_writer()
        return self._writer

    async def read(self, work: Callable[[Connection], T]) -> T:
        """See `Database`."""
        return work(self._readable())

    async def scan(self, work: Callable[[Connection], T]) -> T:
        """See `Database`."""
        reader = self._readable()
        if not self._is_there:
            return work(reader)
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._scan, work)

    def hurry(self) -> None:
        """See `Database`; a file is always reachable."""

    async def close(self) -> None:
        """See `Database`."""
        self._threads.shutdown()
        if self._scanner is not None:
            self._scanner.close()
        self._reader.close()

    def _readable(self) -> SqliteConnection:
        if not self._is_there and self._path.exists():
            self._reader.close()
            self._reader = self._open_reader()
            self._is_there = True
        return self._reader

    def _scan(self, work: Callable[[Connection], T]) -> T:
        if self._scanner is None:
            self._scanner = self._open_reader()
        return work(self._scanner)

    def _open_reader(self) -> SqliteConnection:
        sqlite_files.check(self._path)
        raw = sqlite_files.connect(self._path)
        try:
            sqlite_files.recognise(self._path, raw)
            for pragma in _READING:
                raw.execute(f"PRAGMA {pragma}")
        except sqlite3.Error as error:
            raw.close()
            raise sqlite_files.broken(self._path, error) from error
        except LedgerError:
            raw.close()
            raise
        return SqliteConnection(self._path, raw)

    def _open_writer(self) -> SqliteConnection:
        sqlite_files.check(self._path)
        raw = sqlite_files.connect(self._path)
        try:
            sqlite_files.recognise(self._path, raw)
            if self._path.stat().st_size <= _CHECKED_BYTES:
                sqlite_files.proof(self._path, raw)
            for pragma in _WRITING:
                raw.execute(f"PRAGMA {pragma}")
            writer = SqliteConnection(self._path, raw, self._serial, self._clock)
            self._write_regression(writer)
        except sqlite3.Error as error:
            raw.close()
            raise sqlite_files.broken(self._path, error) from error
        except LedgerError:
            raw.close()
            raise
        return writer

    def _write_regression(self, writer: SqliteConnection) -> None:
        if self._regression is not None:
            lost = self._regression
            writer.begin()
            writer.change("regression_added", at=self._clock.now(), reason=lost.reason, since=lost.since)
            writer.commit()
            self._regression = None

    def _count(self) -> tuple[Count, float | None]:
        _, instance, serial, written_at = self._reader.fetch("head")[0]
        return Count(instance, serial), written_at


def _with_given(query: Query, sql: str, size: int) -> str:
    if not query.given:
        return sql
    columns = ", ".join(name for name, _ in query.given)
    row = "(" + ", ".join("?" * len(query.given)) + ")"
    values = ", ".join([row] * size)
    # LIMIT tells the planner how few rows these are: it takes the number of a thousand VALUES for a power of two.
    # MATERIALIZED, or SQLite evaluates the values again for every row of the other table.
    table = f"SELECT * FROM (VALUES {values}) WHERE column1 IS NOT NULL LIMIT {size}"
    body = sql.replace("WITH ", ", ", 1) if sql.startswith("WITH ") else sql
    return f"WITH given ({columns}) AS MATERIALIZED ({table})\n{body}"


def nothing(place: str) -> SqliteConnection:
    """Return an empty ledger that is nowhere, to read from when there is none yet."""
    raw = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
    sqlite_files.migrate(raw, 0, migrations("sqlite"))
    return SqliteConnection(Path(place), raw)
