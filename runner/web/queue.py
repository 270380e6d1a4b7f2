"""The runs that were asked for: durable before anybody is told yes, each order once, at most so many at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from secrets import token_hex
from typing import Any, Final

from runner import jsontext
from runner.model.contracts import Clock
from runner.model.errors import LedgerError, RunnerError
from runner.model.item import Json
from runner.web.entry import WELL, Entry, Order, Status, as_line, from_line
from runner.web.journal import Journal

KEPT: Final = 2_000
"""Ended runs that are remembered: their orders, when they may come once only, start nothing again."""

KEPT_TRIGGER_BYTES: Final = 4_096


class QueueFull(RunnerError):
    """So many runs wait or run that no further one is taken."""


class Queue:
    """Entries by id, in the order of their acceptance."""

    def __init__(self, folder: Path, clock: Clock, most: int) -> None:
        """Build it; nothing is touched.

        Args:
            folder: its own, below the state folder.
            clock: the time.
            most: entries that may wait and run at one time.
        """
        self.most = most
        self._clock = clock
        self._journal = Journal(folder, self._lines)
        self._entries: dict[str, Entry] = {}
        self._by_key: dict[str, str] = {}
        self._ticks: dict[str, float] = {}
        self._open = 0
        self._writing: dict[str, asyncio.Task[None]] = {}

    def open(self) -> None:
        """Read what an earlier process left.

        Raises:
            LeaseHeld, LedgerError: another process has it, or it cannot be used.
        """
        for line in self._journal.open():
            if "tick" in line:
                self._ticks[line["tick"]] = line["at"]
            else:
                self._put(from_line(line["run"]))
        self._forget()
        try:
            self._journal.rewrite()
        except OSError as error:
            raise LedgerError(f"the queue cannot be written: {error.strerror}") from error

    async def close(self) -> None:
        """Write what waits and let go of the files."""
        await self._journal.close()

    @property
    def fault(self) -> str:
        """Why nothing more can be taken; empty when all is well."""
        return self._journal.fault

    @property
    def open_count(self) -> int:
        """How many entries wait or run."""
        return self._open

    def get(self, id_: str) -> Entry | None:
        """Return an entry; None when there is none of this id, or it ended long ago."""
        return self._entries.get(id_)

    def entries(self) -> Sequence[Entry]:
        """Return all entries, newest first."""
        return list(reversed(self._entries.values()))

    def unended(self) -> Sequence[Entry]:
        """Return the entries that wait or run, oldest first."""
        return [entry for entry in self._entries.values() if entry.status is not Status.ENDED] if self._open else []

    async def accept(self, order: Order) -> tuple[Entry, bool]:
        """Take an order; on return it is on disk.

        Returns:
            Its entry, and whether it is a new one: the same order may have come before.

        Raises:
            QueueFull: too many wait and run.
            LedgerError: it could not be made durable; it was not taken.
        """
        known = self._entries.get(self._by_key.get(order.key, ""))
        if known is not None and _stands_for(known, order):
            await self._durable(known.id)
            return known, False
        if self._open >= self.most:
            raise QueueFull(f"{self._open} runs wait or run already", mend="raise --max-runs, or come again later")
        entry = self._new(order, again=order.once and known is not None)
        self._put(entry)
        self._writing[entry.id] = asyncio.create_task(self._first_write(entry))
        await self._durable(entry.id)
        return entry, True

    async def change(self, id_: str, **changes: Any) -> Entry:  # noqa: ANN401 - the fields of Entry
        """Change an entry, durably.

        Raises:
            LedgerError: it could not be made durable; in memory it is changed.
        """
        entry = replace(self._entries[id_], **changes)
        if entry.status is Status.ENDED and len(jsontext.write(entry.trigger)) > KEPT_TRIGGER_BYTES:
            entry = replace(entry, trigger={})
        self._put(entry)
        self._forget()
        await self._journal.append({"run": as_line(entry)})
        return entry

    def last_tick(self, schedule: str) -> float | None:
        """Return the latest time of a schedule that was taken care of; None for a schedule that is new."""
        return self._ticks.get(schedule)

    async def tick(self, schedule: str, at: float) -> None:
        """Write down that a time of a schedule was taken care of."""
        self._ticks[schedule] = at
        await self._journal.append({"tick": schedule, "at": at})

    def _new(self, order: Order, *, again: bool) -> Entry:
        now = self._clock.now()
        id_ = f"{int(now * 1000):011x}{token_hex(3)[:5]}"
        return Entry(id_, order.recipe, order.kind, order.key, order.trigger, now, again=again)

    async def _first_write(self, entry: Entry) -> None:
        try:
            await self._journal.append({"run": as_line(entry)})
        except BaseException:
            self._drop(entry)
            raise
        finally:
            self._writing.pop(entry.id, None)

    async def _durable(self, id_: str) -> None:
        """Wait until the first line of an entry is on disk; whoever waits beside shares its fate."""
        if (writing := self._writing.get(id_)) is not None:
            await asyncio.shield(writing)

    def _put(self, entry: Entry) -> None:
        before = self._entries.get(entry.id)
        was_open = before is not None and before.status is not Status.ENDED
        self._open += (entry.status is not Status.ENDED) - was_open
        self._entries[entry.id] = entry
        self._by_key[entry.key] = entry.id

    def _drop(self, entry: Entry) -> None:
        self._open -= entry.status is not Status.ENDED
        del self._entries[entry.id]
        with suppress(KeyError):
            if self._by_key[entry.key] == entry.id:
                del self._by_key[entry.key]

    def _forget(self) -> None:
        if len(self._entries) - self._open > KEPT:
            ended = [entry for entry in self._entries.values() if entry.status is Status.ENDED]
            for entry in ended[: len(ended) - KEPT]:
                self._drop(entry)

    def _lines(self) -> Iterator[Mapping[str, Json]]:
        for schedule, at in list(self._ticks.items()):
            yield {"tick": schedule, "at": at}
        for entry in list(self._entries.values()):
            yield {"run": as_line(entry)}


def _stands_for(entry: Entry, order: Order) -> bool:
    """Whether a run that is known makes another one for this order needless."""
    if entry.status is Status.WAITING:
        return True
    return order.once and (entry.status is Status.RUNNING or entry.outcome in WELL)
