"""The files of a SQLite ledger: made whole or not at all, recognised, refused when damaged, newer or foreign."""

from __future__ import annotations

import os
import shutil
import sqlite3
from contextlib import suppress
from errno import EACCES
from pathlib import Path
from typing import Final
from uuid import uuid4

from runner.ledger.database import StoreBroken, StoreLocked
from runner.ledger.queries import Migration, migrations, refuse_newer
from runner.model.errors import LedgerError

_APPLICATION: Final = 0x72756E72  # "runr"
_BUSY_S: Final = 30.0
_RESTORE: Final = (
    "restore it from a copy; without one move it away and leave {name}.serial where it is: the next apply then looks "
    "for every job on the platform before it sends one"
)


def connect(path: Path, *, options: str = "") -> sqlite3.Connection:
    """Open an existing file; nothing is ever created here."""
    try:
        return sqlite3.connect(
            f"{path.absolute().as_uri()}?mode=rw{options}",
            uri=True,
            timeout=_BUSY_S,
            isolation_level=None,
            check_same_thread=False,
            cached_statements=512,
        )
    except sqlite3.Error as error:
        raise broken(path, error) from error


def create(path: Path) -> None:
    """Make a new ledger beside its place and link it there, so that an existing file is always a whole one.

    Raises:
        LedgerError: the folder cannot be written.
    """
    draft = path.with_name(f"{path.name}.new-{os.getpid()}")
    log = path.with_name(f"{path.name}-wal")
    if log.exists() and not path.exists():
        raise LedgerError(
            f"ledger {path} is gone, but its write-ahead log {log} is still there",
            mend=f"restore the ledger from a copy, or remove {log} to begin anew",
        )
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft.unlink(missing_ok=True)
        os.close(os.open(draft, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
        _fill(draft)
        with suppress(FileExistsError):  # another process was faster: its ledger is as good
            os.link(draft, path)
        draft.unlink()
        _sync_folder(path.parent)
    except OSError as error:
        raise LedgerError(
            f"ledger {path} cannot be created: {error.strerror}", mend="make the folder writable, or name another path"
        ) from error


def check(path: Path) -> None:
    """Refuse an empty file, before SQLite takes it for a new database.

    The file is never opened here: closing it again would give up the locks of every connection that this process has
    to it, and another process would then delete the write-ahead log under our feet.

    Source: sqlite.org "How To Corrupt An SQLite Database File", section 2.2, read 2026-11.
    """
    try:
        size = path.stat().st_size
        if not os.access(path, os.R_OK):
            raise PermissionError(EACCES, os.strerror(EACCES))
    except OSError as error:
        raise LedgerError(
            f"ledger {path} cannot be read: {error.strerror}", mend="give this user the right to read and write it"
        ) from error
    if not size:
        raise _no_database(path, "is empty")


def recognise(path: Path, connection: sqlite3.Connection) -> None:
    """Refuse a database that is not a ledger or newer than this runner; bring an older one up to date."""
    try:
        if connection.execute("PRAGMA application_id").fetchone()[0] != _APPLICATION:
            raise LedgerError(
                f"{path} is a SQLite database, but not a ledger of this program", mend="name another path as `ledger`"
            )
        version = connection.execute("SELECT schema_version FROM ledger").fetchone()[0]
        refuse_newer(str(path), version, migrations("sqlite"))
        migrate(connection, version, migrations("sqlite"))
    except sqlite3.Error as error:
        raise broken(path, error) from error


def migrate(connection: sqlite3.Connection, version: int, steps: tuple[Migration, ...]) -> None:
    """Do the steps after `version`, each in a transaction of its own."""
    for step in steps:
        if step.number > version:
            done = f"UPDATE ledger SET schema_version = {step.number}"
            connection.executescript(f"BEGIN EXCLUSIVE;\n{step.text};\n{done};\nCOMMIT;")


def proof(path: Path, connection: sqlite3.Connection) -> None:
    """Refuse a damaged database before anything is written to it."""
    try:
        found = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
    except sqlite3.Error as error:
        raise broken(path, error) from error
    if found != "ok":
        raise StoreBroken(f"ledger {path} is damaged: {found}", mend=_RESTORE.format(name=path.name))


def broken(path: Path, error: sqlite3.Error) -> StoreBroken:
    """Say what SQLite could not do, and how to mend it."""
    code = getattr(error, "sqlite_errorname", "")
    if code.startswith("SQLITE_NOTADB"):
        return _no_database(path, "is not a SQLite database")
    if code.startswith("SQLITE_CORRUPT") or "no such table" in str(error):
        return StoreBroken(f"ledger {path} is damaged: {error}", mend=_RESTORE.format(name=path.name))
    if code.startswith(("SQLITE_FULL", "SQLITE_IOERR")):
        return StoreBroken(
            f"ledger {path} cannot be written: {error} ({_free_bytes(path)} bytes free on its disk)",
            mend="make room on the disk, then apply again: what was recorded is safe",
        )
    if code.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        return StoreLocked(
            f"ledger {path} was locked by another process for {_BUSY_S:.0f} s: {error}",
            mend="resume the process that is writing to it (it may be stopped), or end it; then apply again",
        )
    return StoreBroken(
        f"ledger {path} cannot be used: {error}",
        mend="its folder must be writable and on a local disk, for the write-ahead log lies beside it",
    )


def _no_database(path: Path, what: str) -> StoreBroken:
    return StoreBroken(f"ledger {path} {what}: it was truncated or overwritten", mend=_RESTORE.format(name=path.name))


def uncounted(path: Path, error: OSError) -> StoreBroken:
    """Say that the counter beside the ledger cannot follow a commit."""
    return StoreBroken(
        f"{path}.serial cannot be written: {error.strerror} ({_free_bytes(path)} bytes free on its disk)",
        mend="make room on the disk and the file writable, then apply again: what was recorded is safe",
    )


def _fill(draft: Path) -> None:
    connection = connect(draft)
    try:
        steps = migrations("sqlite")
        migrate(connection, 0, steps)
        connection.execute("INSERT INTO ledger VALUES (1, ?, ?, 0, 1, 1, NULL)", (steps[-1].number, uuid4().hex))
        connection.execute(f"PRAGMA application_id = {_APPLICATION}")
        mode = connection.execute("PRAGMA journal_mode = WAL").fetchone()[0]
        if mode != "wal":
            raise LedgerError(
                f"SQLite cannot keep a write-ahead log in {draft.parent}", mend="put the ledger on a local disk"
            )
    except sqlite3.Error as error:
        raise broken(draft, error) from error
    finally:
        connection.close()


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _free_bytes(path: Path) -> int:
    try:
        return shutil.disk_usage(path.parent).free
    except OSError:
        return 0
