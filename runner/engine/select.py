"""Which items a stage is about: the source seen through its filters, and what proves that nothing has changed."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from hashlib import blake2b

from runner.engine.work import Work
from runner.model.contracts import Ending, Filter, Fingerprinted, Holding
from runner.model.item import Batch, Item, Json, Rejected


async def filtered(work: Work) -> AsyncIterator[Batch]:
    """Give the items that pass the filters, in source order, in batches."""
    filters = work.filters()
    async for batch in work.source.read():
        yield _through(filters, batch)
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


def duplicate(key: str) -> Rejected:
    """Say that a key came twice."""
    return Rejected(f"item {key!r}", "a second item with this key; keys must be unique within a source")
