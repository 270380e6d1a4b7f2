"""A run that somebody or the clock asked for, from the order to its end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from enum import StrEnum
from typing import Final

from runner.model.item import Json

WELL: Final = ("done",)
"""Outcomes after which the same order, when it may come once only, starts nothing."""


class Status(StrEnum):
    """Where a run stands."""

    WAITING = "waiting"
    RUNNING = "running"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class Order:
    """Asks for a run.

    Attributes:
        recipe: name of the recipe.
        kind: of the trigger, `labelbox.model_run`.
        key: what makes two orders the same.
        trigger: what templates read as `trigger`.
        once: the same order never starts twice, unless its run ended badly; else only while it still waits.
    """

    recipe: str
    kind: str
    key: str
    trigger: Mapping[str, Json] = field(default_factory=dict)
    once: bool = False


@dataclass(frozen=True, slots=True)
class Entry:
    """One run in the queue.

    Attributes:
        id: 16 hex letters, later ones are greater.
        again: what failed in an earlier run is tried once more.
        interrupted: the service stopped in the middle of it, and ended its local processes.
        started_at: of the latest start; None before the first. All times are epoch seconds.
        outcome: as the event run_ended has it; empty before.
        items: status to number, at the end.
    """

    id: str
    recipe: str
    kind: str
    key: str
    trigger: Mapping[str, Json]
    accepted_at: float
    again: bool = False
    interrupted: bool = False
    started_at: float | None = None
    ended_at: float | None = None
    outcome: str = ""
    error: str = ""
    items: Mapping[str, Json] = field(default_factory=dict)

    @property
    def status(self) -> Status:
        """Where it stands; one that was running when its process died is running."""
        if self.ended_at is not None:
            return Status.ENDED
        return Status.WAITING if self.started_at is None else Status.RUNNING


_NAMES: Final = tuple(one.name for one in fields(Entry))


def as_line(entry: Entry) -> dict[str, Json]:
    """Return the entry as it stands in the journal."""
    return asdict(entry)


def from_line(line: Mapping[str, Json]) -> Entry:
    """Return the entry of a line; names of a newer version are passed over.

    Raises:
        TypeError: a field is missing.
    """
    return Entry(**{name: line[name] for name in _NAMES if name in line})
