"""A file of JSON lines in which every line is on disk before its writer goes on; many writers share one fsync.

It is locked while it is open: two services on one state folder would start everything twice. It is written anew when
it is opened, and again when it has grown much, with only what still counts.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from runner import jsontext
from runner.local import blocking
from runner.local.replacement import Replacement
from runner.model.errors import ConfigError, LeaseHeld, LedgerError
from runner.model.item import Json
from runner.model.redact import REDACTOR

NAME: Final = "journal.jsonl"
GROWN_BYTES: Final = 1 << 24
_BROKEN: Final = "restart the service once the disk is mended; what was accepted is on it"

_Waiting = list[tuple[bytes, asyncio.Future[None]]]


class Journal:
    """Lines on disk; `open`, then `append`, at the end `close`."""

    def __init__(self, folder: Path, living: Callable[[], Iterable[Json]], *, grown_bytes: int = GROWN_BYTES) -> None:
        """Build it; nothing is touched.

        Args:
            folder: its own; made when missing.
            living: gives the lines that still count, when the file is written anew.
            grown_bytes: by how much the file may grow before that.
        """
        self.fault = ""
        self._path = folder / NAME
        self._living = living
        self._grown_bytes = grown_bytes
        self._lock = self._file = -1
        self._size = self._size_then = 0
        self._waiting: _Waiting = []
        self._writer: asyncio.Task[None] | None = None

    def open(self) -> Sequence[Json]:
        """Lock it and return its lines; a torn last line was never promised to anybody and is left out.

        Raises:
            LeaseHeld: another service has it.
            LedgerError: it cannot be read, or a line in the middle is damaged.
        """
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._take_lock()
            return self._lines(self._path.read_bytes()) if self._path.exists() else []
        except OSError as error:
            raise LedgerError(f"the queue {self._path} cannot be read: {error.strerror}") from error

    def rewrite(self) -> None:
        """Write what still counts into a new file, which takes the place of the old one.

        Raises:
            ConfigError, OSError: the disk refuses; the old file is left as it was.
        """
        new = Replacement(self._path)
        try:
            new.open()
            for line in self._living():
                new.write(jsontext.write(REDACTOR.value(line)) + b"\n")
            new.commit()
        finally:
            new.abort()
        self._reopen()

    async def append(self, line: Json) -> None:
        """Return when the line is on disk.

        Raises:
            LedgerError: it is not; a later one may be, unless `fault` is set.
        """
        if self.fault:
            raise LedgerError(self.fault, mend=_BROKEN)
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((jsontext.write(REDACTOR.value(line)) + b"\n", done))
        if self._writer is None or self._writer.done():
            self._writer = asyncio.create_task(self._write())
        await done

    async def close(self) -> None:
        """Write what waits and let go of the file."""
        if self._writer is not None:
            await self._writer
        for file in (self._file, self._lock):
            if file >= 0:
                os.close(file)
        self._file = self._lock = -1

    def _take_lock(self) -> None:
        self._lock = os.open(self._path.with_name("lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(self._lock, 20).decode(errors="replace").strip()
            os.close(self._lock)
            self._lock = -1
            what = f"another runner serve (pid {holder or 'unknown'}) works on {self._path.parent}"
            raise LeaseHeld(what, holder={"pid": holder}, mend="one service per state folder") from None
        os.ftruncate(self._lock, 0)
        os.pwrite(self._lock, f"{os.getpid()}\n".encode(), 0)

    def _lines(self, data: bytes) -> Sequence[Json]:
        whole, _, _ = data.rpartition(b"\n")
        found: list[Json] = []
        for number, line in enumerate(whole.split(b"\n") if whole else (), 1):
            try:
                found.append(jsontext.read(line))
            except ValueError as error:
                what = f"line {number} of the queue {self._path} is damaged: {error}"
                raise LedgerError(what, mend="delete the line: its run is not known any more") from error
        return found

    def _reopen(self) -> None:
        if self._file >= 0:
            os.close(self._file)
        self._file = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)
        os.fchmod(self._file, 0o600)
        self._size = self._size_then = os.fstat(self._file).st_size

    async def _write(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting, []
            error = await blocking.call(self._put, b"".join(line for line, _ in batch))
            for _, done in batch:
                if done.done():  # its writer was cancelled; the line is written all the same
                    continue
                if error is None:
                    done.set_result(None)
                else:
                    done.set_exception(error)
            if self._size - self._size_then > self._grown_bytes and not self.fault:
                with suppress(OSError, ConfigError):  # the old file is as good, only longer
                    await blocking.call(self.rewrite)

    def _put(self, data: bytes) -> LedgerError | None:
        try:
            rest = memoryview(data)
            while rest:
                rest = rest[os.write(self._file, rest) :]
        except OSError as error:
            self._cut()
            return LedgerError(f"the queue {self._path} cannot be written: {error.strerror}", mend="mend the disk")
        try:
            os.fsync(self._file)
        except OSError as error:
            # what the disk holds now is unknown, and a second fsync would not tell
            self.fault = f"the queue {self._path} cannot be made durable: {error.strerror}"
            return LedgerError(self.fault, mend=_BROKEN)
        self._size += len(data)
        return None

    def _cut(self) -> None:
        """Take back a line that was written in part."""
        try:
            os.ftruncate(self._file, self._size)
        except OSError as error:
            self.fault = f"the queue {self._path} is torn: {error.strerror}"
