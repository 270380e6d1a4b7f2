"""The options of a connector as templates see them: every described one is there, its expressions are grown."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from runner.model.item import Json


class Options:
    """What the recipe gave, over the defaults of the manifest."""

    def __init__(self, described: Mapping[str, Json], given: Mapping[str, Json]) -> None:
        """Fill in what was not given.

        Args:
            described: the manifest's `options`.
            given: as the recipe has them; a field over the item holds an expression.
        """
        properties: Mapping[str, Json] = described.get("properties", {})
        defaults = {name: rule.get("default") for name, rule in properties.items()}
        self._all = {**defaults, **{name: value for name, value in given.items() if name != "connection"}}
        self.is_constant = not _has_expression(self._all)

    def over(self, item: Mapping[str, Json] | None = None, **more: Json) -> Mapping[str, Json]:
        """Return the options for one item; without one, expressions are null.

        Args:
            item: the value of the item.
            more: what expressions may read besides, in a sink the record.

        Raises:
            RecipeError: an expression of the recipe met a value it cannot use.
        """
        if self.is_constant:
            return self._all
        grown: Mapping[str, Json] = _grown(self._all, None if item is None else {"item": item, **more})
        return grown


def _has_expression(value: Json) -> bool:
    if isinstance(value, Mapping):
        return any(_has_expression(one) for one in value.values())
    if isinstance(value, list | tuple):
        return any(_has_expression(one) for one in value)
    return callable(value)


def _grown(value: Json, scope: Mapping[str, Any] | None) -> Json:
    if isinstance(value, Mapping):
        return {name: _grown(one, scope) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_grown(one, scope) for one in value]
    if callable(value):
        return None if scope is None else value(scope)
    return value
