"""How lists go on over many replies, and the guard against those that never end.

Pure: a *turn* says what one page was; `following` says where the next one begins, or that there is none.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from runner.model.errors import Unavailable
from runner.model.item import Json


@dataclass(frozen=True, slots=True)
class Turn:
    """What is known after a page has been read.

    Attributes:
        length: elements on it.
        has_more: what the platform says; None when it does not say.
        next: a cursor, a URL or an offset that the platform gave; None or an empty text ends the list.
    """

    length: int
    has_more: bool | None = None
    next: Json = None


class Pages:
    """Where a walk over pages stands."""

    def __init__(
        self,
        kind: str,
        *,
        first: int = 1,
        step: int | None = None,
        until: str = "",
        most: int = 100_000,
        constant: bool = False,
    ) -> None:
        """Start at the first page.

        Args:
            kind: `offset`, `number`, `cursor` or `url`.
            first: number of the first page.
            step: length of a full page, or how far the offset moves.
            until: `short` or `empty`: the page that ends the list; else the platform says so.
            most: more pages than this are an error.
            constant: whether the cursor may stay the same: the platform keeps the position, an empty page is the end.
        """
        self._kind, self._step, self._until, self._most = kind, step, until, most
        self._constant = constant
        self._seen: set[Json] = set()
        self._read = 0
        self.offset, self.number = 0, first
        self.cursor: Json = None
        self.url: str | None = None

    @property
    def page(self) -> Mapping[str, Json]:
        """What templates read as `page`."""
        return {"offset": self.offset, "number": self.number, "cursor": self.cursor}

    def go_on(self, turn: Turn) -> bool:
        """Move to the next page; False when there is none.

        Raises:
            Unavailable: the list does not move on, or never ends.
        """
        self._read += 1
        if not self._has_next(turn):
            return False
        if self._read >= self._most:
            raise Unavailable(f"the list has not ended after {self._read:,} pages")
        if self._kind == "offset":
            self._move(turn)
        elif self._kind == "number":
            self._refuse_empty(turn)
            self.number += 1
        else:
            self._follow(turn)
        return True

    def _has_next(self, turn: Turn) -> bool:
        if turn.has_more is False:
            return False
        if self._kind in ("cursor", "url"):
            return turn.next not in (None, "") and (turn.length > 0 or not self._constant)
        if self._until == "short":
            return turn.length >= (self._step or 1)
        return turn.length > 0 if self._until == "empty" else True

    def _move(self, turn: Turn) -> None:
        before = self.offset
        if turn.next is not None:
            self.offset = int(turn.next)
        else:
            self.offset += self._step if self._step is not None else turn.length
        if self.offset <= before:
            raise Unavailable(f"the platform says that there is more after {before}, but its page is empty")
        if turn.next is None and self._step is not None:
            self._refuse_empty(turn)

    def _refuse_empty(self, turn: Turn) -> None:
        if turn.length == 0:
            raise Unavailable("the platform says that there is more, but its page is empty")

    def _follow(self, turn: Turn) -> None:
        mark = turn.next if isinstance(turn.next, str | int) else repr(turn.next)
        if mark in self._seen and not self._constant:
            mend = "where one handle serves all pages (a scroll), say so: pages: {cursor: {constant: true}}"
            raise Unavailable("the platform's list leads back to a page that was read already", mend=mend)
        self._seen.add(mark)
        if self._kind == "cursor":
            self.cursor = turn.next
        else:
            self.url = str(turn.next)
