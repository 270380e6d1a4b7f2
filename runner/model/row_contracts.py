"""Optional contracts of sources, checks and sinks about rows, tested with `isinstance`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol, runtime_checkable

from runner.model.item import Json


@runtime_checkable
class SupportsNotes(Protocol):
    """A source that makes decisions about the data that it reads: a delimiter, the name of a column."""

    def notes(self) -> Sequence[str]:
        """Return one readable sentence per decision; called once everything was read."""


@runtime_checkable
class SupportsRejected(Protocol):
    """A check that counts the rows of the source that hold no usable item."""

    def reject(self, count: int) -> None:
        """Take the number of rejected rows; called once, before `verdict`."""


@runtime_checkable
class SupportsRemember(Protocol):
    """A check that compares with what was found when the checks of the stage passed last."""

    def remember(self, last: Sequence[Mapping[str, Json]]) -> None:
        """Take the details of those verdicts; called before `add`, never when the checks have not passed yet.

        The last of them is always `{"published_rows": number}`.
        """


@runtime_checkable
class SupportsOverwrite(Protocol):
    """A sink that writes to a place that may hold something else."""

    async def overwrites(self) -> bool:
        """Whether a publication would replace something that is there. Cheap; may be called without `open`."""
