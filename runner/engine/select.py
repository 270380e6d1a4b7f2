"""Which items a stage is about: the source seen through its filters, and what proves that nothing has changed."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from hashlib import blake2b
from typing import Final

from runner.engine.work import Work
from runner.model.contracts import Ending, Filter, Fingerprinted, Holding, Recalling
from runner.model.errors import ConfigError
from runner.model.item import Batch, Item, Json, Rejected
from runner.model.ledger import Lease

DUPLICATE = "duplicate"
"""Status of a standing whose key came before in the same selection."""

LINES = "lines"
"""In what the ledger keeps beside a selection: name of the source's memory of it, and number of items."""


ROWS_UNTIL_REFUSAL: Final = 1000
"""Rejected rows at the beginning of a source, and no usable one, that stop the apply."""


class RowTally:
    """Counts the rows of a source: usable ones, whether the filters choose them or not, and rejected ones."""

    def __init__(self) -> None:
        self._usable = self._rejected = 0
        self._first: Rejected | None = None

    def add(self, given: Batch, chosen: Batch) -> None:
        """Take what the source gave, and what the filters made of it."""
        by_filters = len(chosen.rejected) - len(given.rejected)
        self._usable += len(given.items) - by_filters
        self._rejected += len(chosen.rejected)
        self._first = self._first or next(iter(chosen.rejected), None)

    def refusal(self, *, is_whole: bool) -> str:
        """Return why nothing may be submitted; empty when some row is usable, or it is too early to say.

        Args:
            is_whole: whether the source was read to its end.
        """
        if self._usable or self._first is None or (self._rejected < ROWS_UNTIL_REFUSAL and not is_whole):
            return ""
        which = (
            "not one row"
            if self._rejected < ROWS_UNTIL_REFUSAL
            else f"not one of the first {ROWS_UNTIL_REFUSAL:,} rows"
        )
        return f"{which} of the source is usable; the first: {self._first.place}: {self._first.what}"


def refused(reason: str) -> ConfigError:
    """Return the error of a source without a usable row."""
    return ConfigError(reason, mend="check the source and its options, `key:` above all; nothing was submitted")


async def filtered(work: Work, tally: RowTally | None = None) -> AsyncIterator[Batch]:
    """Yield the items that pass the filters, in source order, in batches; `tally` counts the rows before each batch."""
    filters = work.filters()
    async for batch in work.source.read():
        chosen = _through(filters, batch)
        if tally is not None:
            tally.add(batch, chosen)
        yield chosen
        if any(isinstance(each, Ending) and each.is_over for each in filters):
            break
    for position, each in enumerate(filters):
        if isinstance(each, Holding):
            yield _through(filters[position + 1 :], each.rest())


def _through(filters: Sequence[Filter], batch: Batch) -> Batch:
    for each in filters:
        batch = each.apply(batch)
    return batch


async def selection_mark(work: Work) -> dict[str, Json]:
    """Return what proves later that the selection is still the same; empty when nothing can."""
    if not isinstance(work.source, Fingerprinted):
        return {}
    fingerprint = await work.source.fingerprint()
    if fingerprint is None:
        return {}
    return {"source": fingerprint, "selector": work.selector, "work": work.work}


async def memory(work: Work, mark: Mapping[str, Json], count: int) -> dict[str, Json]:
    """Let the source remember the selection that a walk has just made; return what to add to the selection's mark.

    Args:
        work: the stage.
        mark: of the source before the walk: it must be the same afterwards.
        count: number of items of the walk; none was rejected.
    """
    if not isinstance(work.source, Recalling) or work.filters() or not mark:
        return {}
    try:
        kept = await work.source.remember()
        if kept is None or kept[1] != count or await selection_mark(work) != mark:
            return {}
    except (ConfigError, OSError):  # it went away after it was read: the work is done all the same
        return {}
    return {LINES: list(kept)}


async def select_all(work: Work, lease: Callable[[], Lease]) -> None:
    """Make what the source and its filters give now the current selection, and submit nothing.

    An apply that is cut off before it has seen the whole source leaves no selection behind.

    Raises:
        ConfigError: not one row of the source is usable.
    """
    mark, position, digest, rejected, tally = await selection_mark(work), 0, SelectionDigest(), 0, RowTally()
    async for batch in filtered(work, tally):
        standings = await work.ledger.select(work.scope, lease(), work.work, position, batch.items)
        chosen = [item for item, one in zip(batch.items, standings, strict=True) if one.status != DUPLICATE]
        for item in chosen:
            digest.add(item)
        position += len(chosen)
        rejected += len(batch.rejected) + len(batch.items) - len(chosen)
    if reason := tally.refusal(is_whole=True):
        raise refused(reason)
    mark.update(await memory(work, mark, position) if not rejected else {}, digest=digest.text(), rejected=rejected)
    await work.ledger.finish_selection(work.scope, lease(), position, mark)


class SelectionDigest:
    """Adds up keys and contents in order; equal texts mean an equal selection."""

    def __init__(self) -> None:
        self._digest = blake2b(digest_size=16)

    def add(self, item: Item) -> None:
        """Take the next selected item."""
        self._digest.update(item.key.encode("utf-8", "surrogatepass") + b"\0" + item.content)

    def text(self) -> str:
        """Return 32 hex letters."""
        return self._digest.hexdigest()


async def rejected_rows(work: Work) -> AsyncIterator[Rejected]:
    """Read the source and yield every row without a usable item, further rows of a key among them."""
    seen: set[int] = set()
    async for batch in filtered(work):
        for one in batch.rejected:
            yield one
        for item in batch.items:
            known = hash(item.key)
            if known in seen:
                yield duplicate(item.key)
            seen.add(known)


def duplicate(key: str) -> Rejected:
    """Say that a key came twice."""
    return Rejected(f"item {key!r}", "a second item with this key; keys must be unique within a source")
