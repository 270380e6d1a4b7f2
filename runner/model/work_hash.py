"""The work hash: what reaches a target, as one text."""

from __future__ import annotations


class WorkHash(str):
    """A work hash that carries what it was in the first version of the hash.

    Attributes:
        first: what an old ledger has done under it is done; empty when there was no other version.
    """

    __slots__ = ("first",)
    first: str

    def __new__(cls, now: str, *, first: str = "") -> WorkHash:
        """Return the hash of today."""
        made = super().__new__(cls, now)
        made.first = first
        return made

    @staticmethod
    def first_of(work: str) -> str:
        """Return the first version of a work hash, empty without one."""
        return work.first if isinstance(work, WorkHash) else ""
