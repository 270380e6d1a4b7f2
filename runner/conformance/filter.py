"""Conformance suite of filters: a test class inherits `FilterContract` and makes a filter."""

from __future__ import annotations

from runner.model.contracts import Ending, Holding
from runner.model.item import Batch, Item, Rejected


def items(count, **value):
    """Return items with the keys k0, k1, ..."""
    return [Item(f"k{number}", number.to_bytes(16, "big"), {"n": number, **value}) for number in range(count)]


def passed(filter_, batches):
    """Return what a filter lets through of several batches, as the engine would ask it."""
    kept, rejected = [], []
    for batch in batches:
        given = filter_.apply(batch)
        kept += given.items
        rejected += given.rejected
    if isinstance(filter_, Holding):
        kept += filter_.rest().items
    return kept, rejected


class FilterContract:
    """Inherit, and define `make`: a filter that keeps some of the items k0 ... k99 and not all."""

    keeps_all = False

    def make(self, root):
        """Return a filter of this kind."""
        raise NotImplementedError

    def test_keeps_some(self, tmp_path):
        kept, _ = passed(self.make(tmp_path), [Batch(items(100))])
        assert len(kept) > 0
        assert len(kept) < 100 or self.keeps_all

    def test_keeps_the_order(self, tmp_path):
        kept, _ = passed(self.make(tmp_path), [Batch(items(100))])
        assert [item.value["n"] for item in kept] == sorted(item.value["n"] for item in kept)

    def test_batches_do_not_matter(self, tmp_path):
        whole, _ = passed(self.make(tmp_path), [Batch(items(100))])
        every = items(100)
        parts, _ = passed(self.make(tmp_path), [Batch(every[at : at + 7]) for at in range(0, 100, 7)])
        assert parts == whole

    def test_is_the_same_in_every_run(self, tmp_path):
        assert passed(self.make(tmp_path), [Batch(items(100))]) == passed(self.make(tmp_path), [Batch(items(100))])

    def test_passes_rejections_on(self, tmp_path):
        _, rejected = passed(self.make(tmp_path), [Batch(items(3), [Rejected("a:1", "bad")])])
        assert Rejected("a:1", "bad") in rejected

    def test_nothing_gives_nothing(self, tmp_path):
        assert passed(self.make(tmp_path), [Batch(())]) == ([], [])

    def test_after_the_end_nothing_passes(self, tmp_path):
        filter_ = self.make(tmp_path)
        if isinstance(filter_, Ending):
            passed(filter_, [Batch(items(100))])
            assert not filter_.is_over or passed(filter_, [Batch(items(5))])[0] == []
