"""The walk over a source that knows its items again: what stands as it stood is not read item by item.

It gives exactly what the full walk gives, or nothing: at the first doubt (a line that is no item, a key that may have
come twice, a ledger that changed meanwhile, too much that is new) the full walk is made.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from contextlib import aclosing
from typing import Final

from runner.engine.decide import Decision, decide
from runner.engine.select import LINES
from runner.engine.walked import Walked
from runner.engine.work import Work
from runner.model.contracts import Recalling, Same
from runner.model.item import Batch, Item, Json

MOST: Final = 100_000
"""Items that may differ; beyond that the full walk is no slower."""


async def recalled(work: Work, *, with_items: bool) -> Walked | None:
    """Walk over what has changed since the last selection; None when the full walk must be made."""
    known = await work.ledger.fingerprint(work.scope)
    if LINES not in known or not _is_simple(work, known) or not isinstance(work.source, Recalling):
        return None
    name, count = known[LINES]
    pieces = await work.source.recall(name)
    version = await work.ledger.version(work.scope)
    loose = await work.ledger.loose(work.scope, work.work, MOST) if pieces is not None else None
    if pieces is None or loose is None:
        return None
    walk = _Walk(work, loose, Walked(work, with_items=with_items))
    async with aclosing(pieces) as stretches:
        async for stretch in stretches:
            await walk.go_on(stretch)
            if walk.is_lost:
                return None
    is_certain = not walk.has_twice() and await work.ledger.version(work.scope) == version
    return walk.ended(count) if is_certain else None


def _is_simple(work: Work, known: Mapping[str, Json]) -> bool:
    """Whether an item's fate hangs on nothing but itself and its own lines of the ledger."""
    same = known.get("work") == work.work and known.get("selector") == work.selector
    return same and not work.filters() and not work.siblings and work.skip == "succeeded"


class _Walk:
    """Where the walk stands.

    Attributes:
        is_lost: whether the full walk must be made.
    """

    def __init__(self, work: Work, loose: Sequence[tuple[int, str, bytes]], walked: Walked) -> None:
        self._work = work
        self._loose = loose
        self._loose_at = [position for position, _, _ in loose]
        self._walked = walked
        self._next = 0
        self._differs = False
        self._runs: list[Same] = []
        self._keys: set[str] = set()
        self._met: list[int] = []
        self.is_lost = False

    async def go_on(self, stretch: Sequence[Batch | Same]) -> None:
        """Take the next items, in the order of the source."""
        batches = [piece for piece in stretch if not isinstance(piece, Same)]
        items = [item for batch in batches for item in batch.items]
        keys = {item.key for item in items}
        is_odd = len(keys) < len(items) or not keys.isdisjoint(self._keys) or any(batch.rejected for batch in batches)
        self._keys |= keys
        self.is_lost = is_odd or len(self._keys) > MOST
        places = await self._work.ledger.places(self._work.scope, list(keys))
        self._met += [position for position, _ in places.values()]
        judged = iter(await self._judged(items))
        for piece in stretch:
            if isinstance(piece, Same):
                await self._same(piece)
                continue
            for item in piece.items:
                self._walked.add(item.key, item.content, *next(judged))
                self._follow(places.get(item.key) == (self._next, item.content), 1)

    async def _same(self, same: Same) -> None:
        first, last = (bisect_left(self._loose_at, at) for at in (same.first, same.first + same.count))
        self._walked.counts[Decision.DONE] += same.count - (last - first)
        if first < last:
            items = [Item(key, content, {}) for _, key, content in self._loose[first:last]]
            for item, judged in zip(items, await self._judged(items), strict=True):
                self._walked.add(item.key, item.content, *judged)
        self._runs.append(same)
        self._follow(same.first == self._next, same.count, same.first)

    def _follow(self, is_next: bool, count: int, first: int | None = None) -> None:  # noqa: FBT001
        """Note whether the selection goes on as it did; once it does not, it is another one."""
        self._differs |= not is_next
        self._next = (self._next if first is None else first) + count

    async def _judged(self, items: Sequence[Item]) -> list[tuple[Decision, str]]:
        """Return decision and what was seen of each item."""
        work = self._work
        standings = await work.ledger.standings(work.scope, work.work, items) if items else []
        return [(decide(one, skip=work.skip, attempts=work.run.attempts), one.seen) for one in standings]

    def has_twice(self) -> bool:
        """Whether an item that was given has the key of one that stands as it stood."""
        firsts = [run.first for run in self._runs]
        for position in self._met:
            at = bisect_right(firsts, position) - 1
            if at >= 0 and position < firsts[at] + self._runs[at].count:
                return True
        return False

    def ended(self, count: int) -> Walked:
        """Return what was found; `count` is the number of items of the last selection."""
        self._walked.selection_differs = self._differs or self._next != count
        stays = {position for run in self._runs for position in self._loose_in(run)} | set(self._met)
        gone = count - sum(run.count for run in self._runs) - len(set(self._met))
        self._walked.rows_gone = gone - sum(position not in stays for position in self._loose_at)
        return self._walked

    def _loose_in(self, run: Same) -> Sequence[int]:
        """Return the positions within a run of items that have not succeeded."""
        first, last = (bisect_left(self._loose_at, at) for at in (run.first, run.first + run.count))
        return self._loose_at[first:last]
