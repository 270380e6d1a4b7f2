"""Counters next to a ledger, to detect that it was deleted, restored or went back in time.

SQLite repairs a damaged write-ahead log by dropping its end without a word. The counter says how often the ledger was
written; a ledger that knows less than its counter has lost something, and its jobs must be looked for before any is
sent. The counter follows each commit, so it is never ahead of a healthy ledger.

A ledger on a server is written by many machines at one time: it counts for each lease, and each machine keeps what it
wrote itself next to its project.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Final

_FORM: Final = re.compile(rb"runner ledger serial 1\n([0-9a-f]{32})\n(\d{20})\n")
_SIZE: Final = 77


@dataclass(frozen=True, slots=True)
class Count:
    """Which ledger was written how often."""

    instance: str
    serial: int


@dataclass(frozen=True, slots=True)
class Regression:
    """A ledger that knows less than it once did.

    Attributes:
        reason: human-readable.
        since: epoch seconds; nothing that was written before is missing. None when unknown.
    """

    reason: str
    since: float | None = None


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


def compare(
    ledger: Count | None, outside: Count | str | None, place: str, written_at: float | None = None
) -> Regression | None:
    """Describe how the ledger is older than its counter; None when it is not.

    Only the newest writes can be missing, so all of them are younger than the last write in the ledger.

    Args:
        ledger: what the ledger says, None when there is no ledger.
        outside: what `SerialFile.read` gave.
        place: path of the ledger.
        written_at: epoch seconds of the last write that is in the ledger, None when it does not say.
    """
    if outside is None:
        return None
    if isinstance(outside, str):
        return Regression(f"whether ledger {place} is complete is unknown: {outside}")
    if ledger is None:
        return Regression(f"ledger {place} was deleted after {outside.serial} writes")
    if ledger.instance != outside.instance:
        return Regression(f"ledger {place} was replaced by another one")
    if ledger.serial < outside.serial:
        lost = f"{outside.serial - ledger.serial} of {outside.serial} writes are lost"
        return Regression(f"ledger {place} went back in time: {lost}", written_at)
    return None


class SerialFolder:
    """The counters of a ledger on a server, one for each lease under which this machine wrote."""

    def __init__(self, folder: Path, place: str) -> None:
        self._folder = folder / f"ledger-{_digest(place)}"
        self._place = place
        self._files: dict[str, SerialFile] = {}

    def read(self) -> Mapping[str, Count | str]:
        """Return lease digest to its counter, or why it cannot be read."""
        found = {path.stem: SerialFile(path).read() for path in self._folder.glob("*.serial")}
        return {lease: count for lease, count in found.items() if count is not None}

    def write(self, lease: str, count: Count) -> None:
        """Count a commit.

        Raises:
            OSError: the file cannot be written.
        """
        name = _digest(lease)
        if name not in self._files:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._files[name] = SerialFile(self._folder / f"{name}.serial")
        self._files[name].write(count.instance, count.serial)

    def compare(
        self, outside: Mapping[str, Count | str], instance: str, counts: Mapping[str, tuple[int, float | None]]
    ) -> Regression | None:
        """Describe how the ledger is older than its counters.

        Args:
            outside: what `read` gave.
            instance: of the ledger; empty when there is none.
            counts: lease to how often it was written and when last.
        """
        named = {_digest(lease): (lease, *count) for lease, count in counts.items()}
        found = []
        for digest, count in outside.items():
            lease, serial, written_at = named.get(digest, ("", 0, None))
            place = f"{self._place} under {lease}" if lease else self._place
            lost = compare(Count(instance, serial) if instance else None, count, place, written_at)
            if lost is not None:
                found.append(lost)
        moments = [each.since for each in found if each.since is not None]
        since = min(moments) if len(moments) == len(found) and moments else None
        return Regression(found[0].reason, since) if found else None

    def forget(self) -> None:
        """Remove all counters: the ledger has recorded their findings."""
        for path in self._folder.glob("*.serial"):
            path.unlink(missing_ok=True)
        self.close()

    def close(self) -> None:
        """Close all files."""
        for file in self._files.values():
            with suppress(OSError):
                file.close()
        self._files = {}


def _digest(text: str) -> str:
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8, person=b"serial").hexdigest()
