"""A part of the items that platforms know by name; here it is computed.

    filter: {subset: has_ground_truth}
    filter: {subset: {name: sample, size: 50}}
    filter: {subset: {name: custom, keys: [T-001, T-002]}}

`has_ground_truth` are the items with `ground_truth` or `ground_truths` (not null, false or empty), with
`is_ground_truth: true`, or with an annotation that has `ground_truth: true`. `sample` are the first `size` items, as on
the platforms; for a random sample there is the filter of that name.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from runner.model.contracts import Place
from runner.model.errors import ConfigError
from runner.model.item import Batch, Item, Json


class Subset:
    """Keeps all items, those with a ground truth, the first ones, or the named ones."""

    @dataclass(frozen=True, slots=True)
    class Config:
        """What the recipe says; schemas/filters/subset.json has the words."""

        name: str
        size: int = 20
        keys: Sequence[str | int] = ()

    def __init__(self, config: Config, place: Place) -> None:
        if config.name not in ("all", "has_ground_truth", "sample", "custom"):
            raise ConfigError(f"there is no subset {config.name!r}", mend="all, has_ground_truth, sample or custom")
        if config.name == "custom" and not config.keys:
            raise ConfigError("subset custom needs keys", mend="subset: {name: custom, keys: [a, b]}")
        self._name = config.name
        self._left = config.size
        self._keys = frozenset(map(str, config.keys))

    @property
    def is_over(self) -> bool:
        """Whether nothing more can pass; see `Ending`."""
        return self._name == "sample" and self._left <= 0

    def apply(self, batch: Batch) -> Batch:
        """Return the items of the subset; see `Filter.apply`."""
        if self._name == "all":
            return batch
        return Batch([item for item in batch.items if self._has(item)], batch.rejected)

    def _has(self, item: Item) -> bool:
        if self._name == "custom":
            return item.key in self._keys
        if self._name == "has_ground_truth":
            return has_ground_truth(item.value)
        self._left -= 1
        return self._left >= 0


def has_ground_truth(value: Mapping[str, Json]) -> bool:
    """Return whether an item's value carries a ground truth, by any of the names in use."""
    if value.get("is_ground_truth") is True:
        return True
    for name in ("ground_truth", "ground_truths"):
        if value.get(name) not in (None, False, "", [], {}):
            return True
    annotations = value.get("annotations")
    if not isinstance(annotations, list):
        return False
    return any(isinstance(one, dict) and one.get("ground_truth") is True for one in annotations)
