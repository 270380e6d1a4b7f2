"""The first items.

filter: {limit: 500}
"""

from __future__ import annotations

from dataclasses import dataclass

from runner.model.contracts import Place
from runner.model.errors import ConfigError
from runner.model.item import Batch


class Limit:
    """Keeps the first `count` items that reach it, then says that reading on is useless."""

    @dataclass(frozen=True, slots=True)
    class Config:
        """What the recipe says; schemas/filters/limit.json has the words."""

        count: int

    def __init__(self, config: Config, place: Place) -> None:
        if config.count < 0:
            raise ConfigError(f"limit {config.count} is below 0", mend="give the number of items to keep")
        self._left = config.count

    @property
    def is_over(self) -> bool:
        """Whether nothing more can pass; see `Ending`."""
        return self._left == 0

    def apply(self, batch: Batch) -> Batch:
        """Return what is still within the limit; see `Filter.apply`."""
        kept = batch.items[: self._left]
        self._left -= len(kept)
        return Batch(kept, batch.rejected)
