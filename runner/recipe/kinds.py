"""The schemas of all kinds, by room: Python kinds from the house, kinds with a dot from the catalog."""

from __future__ import annotations

from typing import Final

from runner.documents import Schema, load_schema, schema_names
from runner.kinds import package_kinds, package_schema
from runner.recipe.catalog import Catalog

ONE: Final = {
    "sources": "source",
    "filters": "filter",
    "targets": "target",
    "checks": "check",
    "sinks": "sink",
    "triggers": "trigger",
    "notifiers": "notifier",
}
"""Room to the word for one of its kinds, as messages have it."""


PACKAGED: Final = ("sources", "targets", "checks", "sinks")
"""Groups that other packages may add kinds to; not filters, whose order is fixed."""

SHORT: Final = "x-short"
"""On the schema of a kind: the field that a value stands for when it is no object, `limit: 500`."""


class Kinds:
    """Answers which kinds there are; every schema is compiled once."""

    def __init__(self, catalog: Catalog) -> None:
        self.catalog = catalog
        self._schemas: dict[tuple[str, str], Schema | None] = {}

    def schema(self, room: str, kind: str) -> Schema | None:
        """Return the schema of a kind's options; None when there is no such kind."""
        key = (room, kind)
        if key not in self._schemas:
            self._schemas[key] = self._found(room, kind)
        return self._schemas[key]

    def is_on_platform(self, room: str, kind: str) -> bool:
        """Whether the kind works over a connection; a trigger of the house is only called by its platform."""
        return "." in kind and kind not in schema_names(room)

    def short(self, room: str, kind: str) -> tuple[str, Schema] | None:
        """Return the field that a value stands for when it is no object, and its schema; None without a short form."""
        whole = self.schema(room, kind)
        field = None if whole is None else whole.data.get(SHORT)
        if whole is None or not isinstance(field, str):
            return None
        key = (room, f"{kind} {field}")
        if key not in self._schemas:
            self._schemas[key] = Schema(f"{room}/{kind}", whole.data["properties"][field])
        schema = self._schemas[key]
        return None if schema is None else (field, schema)

    def _found(self, room: str, kind: str) -> Schema | None:
        known = load_schema(f"{room}/{kind}") if kind in schema_names(room) else None
        if known is not None:
            return known
        data = self.catalog.options_schema(room, kind)
        if data is None and room in PACKAGED and "." not in kind:
            data = package_schema(kind, f"runner.{room}")
        return None if data is None else Schema(f"{room}/{kind}", data)

    def names(self, room: str) -> list[str]:
        """Return the names of all kinds of a room, sorted."""
        packaged = package_kinds(f"runner.{room}") if room in PACKAGED else ()
        return sorted({*schema_names(room), *self.catalog.kinds(room), *packaged})
