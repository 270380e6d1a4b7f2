"""The items for which an expression is true.

    filter: {where: "{{ item.size < 25_000_000 }}"}

Anything but true or false, or an error while judging, rejects the item by name: nothing is chosen by accident.
"""

from __future__ import annotations

from dataclasses import dataclass

from runner.model.contracts import Expression, Place
from runner.model.errors import RecipeError
from runner.model.item import Batch, Item, Rejected


class Where:
    """Keeps what an expression over `item` says yes to."""

    @dataclass(frozen=True, slots=True)
    class Config:
        """What the recipe says; schemas/filters/where.json has the words."""

        where: bool | Expression

    def __init__(self, config: Config, place: Place) -> None:
        self._where = config.where

    def apply(self, batch: Batch) -> Batch:
        """Return the items that pass; see `Filter.apply`."""
        kept: list[Item] = []
        rejected = list(batch.rejected)
        for item in batch.items:
            answer = self._judge(item)
            if answer is True:
                kept.append(item)
            elif answer is not False:
                rejected.append(Rejected(f"item {item.key!r}", answer))
        return Batch(kept, rejected)

    def _judge(self, item: Item) -> bool | str:
        """Return true or false, or why neither can be said."""
        if isinstance(self._where, bool):
            return self._where
        try:
            answer = self._where({"item": item.value})
        except RecipeError as error:
            return f"where: {error}"
        if isinstance(answer, bool):
            return answer
        return f"where: {self._where.text} gives {answer!r:.80}, not true or false"
