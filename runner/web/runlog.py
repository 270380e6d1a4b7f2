"""The events of each run, in a file per run, for whoever looks: while it runs and afterwards.

For people only: nothing is decided by it, a failing disk costs events and no run.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

from runner import jsontext
from runner.model.item import Json
from runner.model.redact import REDACTOR

MOST_BYTES: Final = 1 << 24
"""A log that has grown so long takes only the events of the run itself."""

BEAT_S: Final = 15.0
READ_LINES: Final = 200
_SINGLE: Final = ("job_", "submit_", "log", "progress")


class RunLog:
    """The log of one run."""

    def __init__(self, path: Path, *, beat_s: float = BEAT_S) -> None:
        self._path = path
        self._beat_s = beat_s
        self._size = path.stat().st_size if path.exists() else 0
        self._grown = asyncio.Event()
        self.is_over = False
        self.latest: dict[str, Json] = {}

    def write(self, event: Mapping[str, Json]) -> None:
        """Add an event."""
        name = str(event["event"])
        for field in ("progress", "metadata", "stage"):
            if field in event:
                self.latest[field] = event[field]
        if self._size > MOST_BYTES and name.startswith(_SINGLE):
            return
        with suppress(OSError, ValueError):
            line = jsontext.write(REDACTOR.value(event)) + b"\n"
            with self._path.open("ab") as file:
                file.write(line)
            self._size += len(line)
        self._wake()

    def end(self) -> None:
        """No event will follow."""
        self.is_over = True
        self._wake()

    async def follow(self, after: int) -> AsyncIterator[tuple[int, bytes] | None]:
        """Give (number, line) of every event behind number `after`, from 1, until the log is over.

        None comes when nothing has for a while, so that a dead listener is noticed.
        """
        number = 0
        if self.is_over and not self._path.exists():
            return
        self._path.touch()
        with self._path.open("rb") as file:
            while True:
                grown, is_over = self._grown, self.is_over
                while line := file.readline():
                    number += 1
                    if number > after:
                        yield number, line.rstrip(b"\n")
                    if number % READ_LINES == 0:
                        await asyncio.sleep(0)
                if is_over:
                    return
                try:
                    async with asyncio.timeout(self._beat_s):
                        await grown.wait()
                except TimeoutError:
                    yield None

    def _wake(self) -> None:
        grown, self._grown = self._grown, asyncio.Event()
        grown.set()


class RunLogs:
    """The logs of all runs that are known."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._open: dict[str, RunLog] = {}

    def clear(self, known: Collection[str]) -> None:
        """Remove the logs of runs that nobody knows any more."""
        with suppress(OSError):
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            for path in self._folder.glob("*.jsonl"):
                if path.stem not in known:
                    path.unlink(missing_ok=True)

    def get(self, id_: str, *, is_over: bool) -> RunLog:
        """Return the log of a run; one that has ended is over."""
        if id_ in self._open:
            return self._open[id_]
        log = RunLog(self._folder / f"{id_}.jsonl")
        if is_over:
            log.is_over = True
        else:
            self._open[id_] = log
        return log

    def end(self, id_: str) -> None:
        """Close the log of a run that has ended."""
        if (log := self._open.pop(id_, None)) is not None:
            log.end()

    def close(self) -> None:
        """Let every listener go."""
        for id_ in list(self._open):
            self.end(id_)
