"""What a failed store means: locked, unreachable or broken, and what to do about it."""

import sqlite3
from pathlib import Path

import psycopg
import pytest

from runner.ledger import postgres_connection, sqlite_files
from runner.ledger.database import StoreBroken, StoreLocked, StoreUnavailable


def failure(code: str, text: str = "failed") -> sqlite3.OperationalError:
    error = sqlite3.OperationalError(text)
    error.sqlite_errorname = code
    return error


@pytest.mark.parametrize(
    ("error", "kind", "says", "helps"),
    [
        (failure("SQLITE_NOTADB"), StoreBroken, "is not a SQLite database", "copy"),
        (failure("SQLITE_CORRUPT_INDEX"), StoreBroken, "is damaged", "copy"),
        (failure("SQLITE_ERROR", "no such table: job"), StoreBroken, "is damaged", "copy"),
        (failure("SQLITE_FULL"), StoreBroken, "bytes free", "make room"),
        (failure("SQLITE_IOERR_WRITE"), StoreBroken, "bytes free", "make room"),
        (failure("SQLITE_BUSY"), StoreLocked, "was locked by another process", "apply again"),
        (failure("SQLITE_LOCKED_SHAREDCACHE"), StoreLocked, "was locked by another process", "apply again"),
        (failure("SQLITE_READONLY"), StoreBroken, "cannot be used", "must be writable"),
    ],
)
def test_failure_of_sqlite(tmp_path: Path, error, kind, says, helps):
    found = sqlite_files.broken(tmp_path / "ledger.db", error)
    assert (type(found), says in found.what, helps in found.mend) == (kind, True, True), (found.what, found.mend)


@pytest.mark.parametrize(
    ("error", "kind", "says"),
    [
        (psycopg.errors.DiskFull("no space left"), StoreBroken, "cannot be written: no space left"),
        (psycopg.OperationalError("refused\nby the host"), StoreUnavailable, "cannot be reached: refused"),
        (psycopg.errors.InsufficientPrivilege("no right"), StoreBroken, "cannot be used: no right"),
        (psycopg.InternalError(""), StoreBroken, "cannot be used: InternalError"),
    ],
)
def test_failure_of_postgres(error, kind, says):
    found = postgres_connection.broken("db", error)
    assert (type(found), says in found.what, bool(found.mend)) == (kind, True, True), found.what
