"""A counter beside the SQLite ledger, so that a ledger that was deleted or went back in time is noticed.

SQLite repairs a damaged write-ahead log by dropping its end without a word. The counter says how often the ledger was
written; a ledger that knows less than its counter has lost something, and its jobs must be looked for before any is
sent. The counter follows each commit, so it is never ahead of a healthy ledger.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_FORM: Final = re.compile(rb"runner ledger serial 1\n([0-9a-f]{32})\n(\d{20})\n")
_SIZE: Final = 77


@dataclass(frozen=True, slots=True)
class Count:
    """Which ledger was written how often."""

    instance: str
    serial: int


class SerialFile:
    """The counter's file; opened for writing by the first `write`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: int | None = None
        self._last: Count | None = None

    def read(self) -> Count | str | None:
        """Return the counter, None when there is no file, or why it cannot be read."""
        try:
            found = _FORM.fullmatch(self.path.read_bytes())
        except FileNotFoundError:
            return None
        except OSError as error:
            return f"{self.path} cannot be read: {error.strerror}"
        return Count(found[1].decode(), int(found[2])) if found else f"{self.path} is damaged"

    def write(self, instance: str, serial: int) -> None:
        """Follow a commit; not synced, for a process that is killed leaves it in the page cache.

        Raises:
            OSError: the file cannot be written.
        """
        if self._last is not None and self._last.instance == instance and self._last.serial >= serial:
            return
        if self._file is None:
            self._file = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
            os.ftruncate(self._file, _SIZE)
        os.pwrite(self._file, b"runner ledger serial 1\n%s\n%020d\n" % (instance.encode(), serial), 0)
        self._last = Count(instance, serial)

    def close(self) -> None:
        """Sync it and let go of it."""
        if self._file is not None:
            os.fsync(self._file)
            os.close(self._file)
            self._file = None


def compare(ledger: Count | None, outside: Count | str | None, place: str) -> str:
    """Say why the ledger is older than its counter; empty when it is not.

    Args:
        ledger: what the ledger says, None when there is no ledger.
        outside: what `SerialFile.read` gave.
        place: path of the ledger.
    """
    if outside is None:
        return ""
    if isinstance(outside, str):
        return f"whether ledger {place} is complete is unknown: {outside}"
    if ledger is None:
        return f"ledger {place} was deleted after {outside.serial} writes"
    if ledger.instance != outside.instance:
        return f"ledger {place} was replaced by another one"
    if ledger.serial < outside.serial:
        return f"ledger {place} went back in time: {outside.serial - ledger.serial} of {outside.serial} writes are lost"
    return ""
