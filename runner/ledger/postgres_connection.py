"""Run named queries over one Postgres connection, and classify its failures."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Protocol

import psycopg

from runner.ledger.database import Row, StoreBroken, StoreLost, StoreUnavailable
from runner.ledger.queries import PARAMETER, Query, queries

_TYPES: Final = {"int": "bigint", "real": "double precision", "text": "text", "bytes": "bytea"}
_KINDS: Final[dict[str, Callable[[Any], object]]] = {"int": int, "real": float, "text": str, "bytes": bytes}
_REACH: Final = "check that the server runs and accepts this user, then apply again: what was recorded is safe"


class LedgerOnServer(Protocol):
    """What a connection needs from its database when it commits."""

    def is_committed(self, transaction: int) -> bool:
        """Return, over another connection, the outcome of a transaction whose connection was lost.

        Raises:
            StoreUnavailable: it does not answer, or does not know.
        """

    def follow(self, written: Mapping[str, int], *, durable: bool) -> None:
        """Note a commit: lease to how often the ledger was written under it.

        Raises:
            StoreBroken: the counters next to the project cannot be written.
        """


class PostgresConnection:
    """Named queries over one Postgres connection."""

    def __init__(
        self,
        place: str,
        raw: psycopg.Connection[Row],
        *,
        judges_leases: bool = True,
        ledger: LedgerOnServer | None = None,
    ) -> None:
        self._place = place
        self._raw = raw
        self._judges_leases = judges_leases
        self._ledger = ledger
        self._written: dict[str, int] = {}
        self._durable = True
        self._transaction = 0
        self._texts: dict[str | Query, bytes] = {}

    def fetch(self, name: str | Query, given: Sequence[Row] | None = None, /, **values: object) -> list[Row]:
        """See `Connection`."""
        try:
            with self._run(name, given, values) as cursor:
                rows = cursor.fetchall() if cursor.description else []
        except psycopg.Error as error:
            raise self._broken(error) from error
        if name == "fence" and rows:
            self._written[str(values["name"])] = rows[0][1]
        return rows

    def change(self, name: str | Query, given: Sequence[Row] | None = None, /, **values: object) -> int:
        """See `Connection`."""
        try:
            with self._run(name, given, values) as cursor:
                return cursor.rowcount
        except psycopg.Error as error:
            raise self._broken(error) from error

    def now(self, given: float) -> float:
        """See `Connection`; the clocks of two machines may differ by more than a lease lasts."""
        found: float = self.fetch("clock")[0][0] if self._judges_leases else given
        return found

    def begin(self, *, durable: bool = True) -> None:
        """See `Connection`."""
        self._durable = durable
        relaxed = "" if durable else "SET LOCAL synchronous_commit = off; "
        try:
            cursor = self._raw.execute(f"BEGIN; {relaxed}SELECT txid_current()".encode())
            while cursor.nextset():
                pass
            self._transaction = int(cursor.fetchall()[0][0])
        except psycopg.Error as error:
            raise self._broken(error) from error

    def commit(self) -> None:
        """See `Connection`; the counters next to the project count only commits that are on the server's disk.

        When the connection is lost during the commit, the server is asked whether it was done.
        """
        try:
            self._command("COMMIT")
        except StoreLost:
            if self._ledger is None or not self._ledger.is_committed(self._transaction):
                raise
        if self._ledger is not None:
            self._ledger.follow(self._written, durable=self._durable)
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
            raise self._broken(error) from error

    def _broken(self, error: psycopg.Error) -> StoreBroken:
        """Classify a failure; after the loss of the connection an open transaction is rolled back."""
        if self._raw.closed or isinstance(error, psycopg.errors.ReadOnlySqlTransaction):
            return StoreLost(str(broken(self._place, error)), mend=_REACH)
        return broken(self._place, error)

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


def broken(place: str, error: psycopg.Error) -> StoreBroken:
    """Return the error for a failure of Postgres, with how to fix it."""
    what = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
    if isinstance(error, psycopg.errors.DiskFull):
        return StoreBroken(
            f"ledger {place} cannot be written: {what}", mend="make room on the server, then apply again"
        )
    if isinstance(error, psycopg.OperationalError):
        return StoreUnavailable(f"ledger {place} cannot be reached: {what}", mend=_REACH)
    return StoreBroken(f"ledger {place} cannot be used: {what}", mend="grant the user the privileges on its tables")


def _text(query: Query) -> str:
    sql = PARAMETER.sub(r"%(\1)s", query.text)
    if not query.given:
        return sql
    columns = ", ".join(name for name, _ in query.given)
    arrays = ", ".join(f"%(given_{name})s::{_TYPES[kind]}[]" for name, kind in query.given)
    return f"WITH given ({columns}) AS MATERIALIZED (SELECT * FROM unnest({arrays}))\n{sql}"
