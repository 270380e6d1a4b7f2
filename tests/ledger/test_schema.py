"""A ledger's schema is the sum of its migrations, and an old migration never changes."""

import sqlite3
from contextlib import closing
from hashlib import blake2b

import pytest

from runner.ledger.queries import Migration, migrations, refuse_newer
from runner.ledger.sqlite_files import migrate
from runner.model.errors import LedgerError

RELEASED = {"sqlite": {}}
"""Migration number to digest of its text: put in at every release, never changed after."""


def schema(steps):
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        for stop in range(len(steps)):
            migrate(connection, stop, steps[: stop + 1])
        return connection.execute("SELECT type, name, sql FROM sqlite_schema ORDER BY name").fetchall()


def whole(steps):
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        migrate(connection, 0, steps)
        return connection.execute("SELECT type, name, sql FROM sqlite_schema ORDER BY name").fetchall()


MORE = (
    *migrations("sqlite")[:1],
    Migration(2, "002_colour.sql", "ALTER TABLE item ADD COLUMN colour TEXT"),
    Migration(3, "003_index.sql", "CREATE INDEX item_colour ON item (colour)"),
)


def test_one_by_one_or_at_once_gives_the_same_schema():
    assert schema(MORE) == whole(MORE)
    assert schema(MORE) != whole(MORE[:2])


def test_a_migration_leaves_the_rows_and_the_new_version():
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        migrate(connection, 0, MORE[:1])
        connection.execute("INSERT INTO ledger VALUES (1, 1, 'i', 7, 1, 1)")
        migrate(connection, 1, MORE)
        assert connection.execute("SELECT schema_version, serial FROM ledger").fetchall() == [(3, 7)]


def test_a_migration_that_fails_changes_nothing():
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        migrate(connection, 0, MORE[:1])
        before = connection.execute("SELECT * FROM sqlite_schema").fetchall()
        with pytest.raises(sqlite3.OperationalError):
            migrate(connection, 1, (*MORE[:1], Migration(2, "002", "CREATE TABLE a (b); CREATE TABLE a (b)")))
        connection.execute("ROLLBACK")
        assert connection.execute("SELECT * FROM sqlite_schema").fetchall() == before


def test_numbers_have_no_gaps():
    for dialect in RELEASED:
        assert [step.number for step in migrations(dialect)] == list(range(1, len(migrations(dialect)) + 1))


def test_released_migrations_never_change():
    digests = {d: {step.number: blake2b(step.text.encode()).hexdigest() for step in migrations(d)} for d in RELEASED}
    assert {d: {n: digests[d][n] for n in known} for d, known in RELEASED.items()} == RELEASED


def test_a_newer_schema_is_refused():
    refuse_newer("x", 3, MORE)
    with pytest.raises(LedgerError, match=r"newer runner \(schema 4, this one knows 3\)"):
        refuse_newer("x", 4, MORE)
