"""Optional contracts about the rows of a source; asked for by `isinstance`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable


@runtime_checkable
class SupportsNotes(Protocol):
    """A source that decides something about what it reads: a delimiter, the name of a column."""

    def notes(self) -> Sequence[str]:
        """Return one sentence per decision, for people; asked for once everything was read."""


@runtime_checkable
class SupportsRejected(Protocol):
    """A check that counts the rows of the source that hold no usable item."""

    def reject(self, count: int) -> None:
        """Take the number of rejected rows; called once, before `verdict`."""
