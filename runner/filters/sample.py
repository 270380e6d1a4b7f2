"""A part of the items, chosen by a hash of seed and key: the same ones in every run, and when the source grows.

    filter: {sample: {count: 1000, seed: 7}}
    filter: {sample: {ratio: 0.05}}

With `ratio` each item is judged by itself, for ever the same. With `count` the items with the smallest hashes are
taken: when the source grows, new ones may push out as many old ones, the rest stays.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b
from heapq import heappush, heappushpop

from runner.model.contracts import Place
from runner.model.errors import ConfigError
from runner.model.item import Batch, Item


class Sample:
    """Keeps a ratio of the items, or a number of them; only the latter holds items back."""

    @dataclass(frozen=True, slots=True)
    class Config:
        """What the recipe says; schemas/filters/sample.json has the words."""

        count: int | None = None
        ratio: float | None = None
        seed: int = 0

    def __init__(self, config: Config, place: Place) -> None:
        if (config.count is None) == (config.ratio is None):
            raise ConfigError("sample needs count or ratio, and not both", mend="sample: {count: 1000}")
        if (config.count or 0) < 0 or not 0 <= (config.ratio or 0) <= 1:
            raise ConfigError("sample is out of bounds", mend="count from 0, ratio from 0 to 1")
        self._config = config
        self._chosen: list[tuple[int, int, Item]] = []
        self._position = 0

    def apply(self, batch: Batch) -> Batch:
        """Return the chosen items, or with `count` nothing yet; see `Filter.apply`."""
        if self._config.ratio is not None:
            bound = int(self._config.ratio * 2**64)
            return Batch([item for item in batch.items if self._hash(item.key) < bound], batch.rejected)
        for item in batch.items:
            self._hold(item)
        return Batch((), batch.rejected)

    def rest(self) -> Batch:
        """Return the `count` chosen ones in source order; see `Holding.rest`."""
        chosen = sorted((position, item.key, item) for _, position, item in self._chosen)
        return Batch([item for _, _, item in chosen])

    def _hold(self, item: Item) -> None:
        # the largest hash is on top of the heap, hence the minus; positions are unique, so items are never compared
        entry = (-self._hash(item.key), self._position, item)
        self._position += 1
        if len(self._chosen) < (self._config.count or 0):
            heappush(self._chosen, entry)
        elif self._chosen:
            heappushpop(self._chosen, entry)

    def _hash(self, key: str) -> int:
        text = f"{self._config.seed}:{key}".encode(errors="surrogatepass")
        return int.from_bytes(blake2b(text, digest_size=8).digest(), "big")
