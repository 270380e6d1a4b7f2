"""The published records of another recipe.

    source: {recipe: {name: invoices}}

A record's key is the key of the item it came from, its value is the row; only succeeded records are published.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Final

from runner import jsontext
from runner.model.contracts import Place
from runner.model.errors import ConfigError
from runner.model.item import Batch, Item, Record, Rejected

BATCH_ITEMS: Final = 1000


class RecipeRecords:
    """The rows that another recipe, or one stage of it, would write to its sinks."""

    @dataclass(frozen=True, slots=True)
    class Config:
        """What the recipe says; schemas/sources/recipe.json has the words."""

        name: str
        stage: str = ""

    def __init__(self, config: Config, place: Place) -> None:
        self._config = config
        self._place = place

    async def read(self) -> AsyncIterator[Batch]:
        """Give the items in the other recipe's order; see `Source.read`."""
        if self._place.records is None:
            raise ConfigError(
                f"the records of recipe {self._config.name!r} cannot be read here", mend="apply the recipes together"
            )
        async for records in self._place.records(self._config.name, self._config.stage):
            for start in range(0, len(records), BATCH_ITEMS):
                yield self._batch(records[start : start + BATCH_ITEMS])

    def _batch(self, records: Sequence[Record]) -> Batch:
        items: list[Item] = []
        rejected: list[Rejected] = []
        for record in records:
            try:
                jsontext.refuse_surrogates(record.row)
                items.append(Item(record.key, jsontext.digest(record.row), record.row))
            except (ValueError, TypeError) as error:
                rejected.append(Rejected(f"recipe {self._config.name}: {record.key!r}", str(error)))
        return Batch(items, rejected)
