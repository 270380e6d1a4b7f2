"""The JSON Schemas of the house: found, loaded, walked."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Final

from runner.documents.shapes import Shape, compile_shape
from runner.model.item import Json

SCOPE: Final = "x-scope"
"""On a field: the names that its templates may read at run time, besides those known at load time."""
ROOM: Final = "x-room"
"""On an object: its only key is a kind of this room, and the value is checked by the schema of that kind."""


class Schema:
    """A draft-07 schema, compiled once.

    Attributes:
        name: `recipe`, `sources/files`, or whatever names a schema that is in no file.
        data: the schema itself; do not change it.
    """

    __slots__ = ("_shape", "data", "name")

    def __init__(self, name: str, data: Mapping[str, Json]) -> None:
        self.name = name
        self.data = data
        self._shape: Shape | None = None

    def fits(self, value: Json) -> bool:
        """Tell whether a value surely fits; a False must be looked at more closely.

        A text with a template fits wherever any scalar does.
        """
        if self._shape is None:
            self._shape = compile_shape(self.data)
        return self._shape(value)


def _folder() -> Path:
    package = Path(__file__).resolve().parent.parent
    shipped = package / "schemas"
    return shipped if shipped.is_dir() else package.parent / "schemas"


@cache
def load_schema(name: str) -> Schema | None:
    """Return a schema by name, `recipe` or `sources/files`; None when there is none."""
    path = _folder() / f"{name}.json"
    if not path.is_file():
        return None
    data: Mapping[str, Json] = json.loads(path.read_bytes())
    return Schema(name, data)


@cache
def schema_names(room: str = "") -> Sequence[str]:
    """Return the names of all schemas of a room, without one those at the top."""
    return tuple(sorted(path.stem for path in (_folder() / room).glob("*.json")))


def all_schema_names() -> Sequence[str]:
    """Return the names of all schemas: those at the top first, then those of the rooms."""
    folder = _folder()
    found = (path.relative_to(folder).with_suffix("").as_posix() for path in folder.rglob("*.json"))
    return sorted(found, key=lambda name: (name.count("/"), name))


def schema_of(schema: Mapping[str, Json], step: str | int, root: Mapping[str, Json]) -> Mapping[str, Json]:
    """Return the schema of a field or element inside a schema, empty when it says nothing about it.

    Args:
        schema: of the object or list.
        step: name of the field, number of the element.
        root: the whole schema, for `#/definitions/...`.
    """
    if isinstance(step, int):
        found = schema.get("items", {})
    else:
        found = schema.get("properties", {}).get(step, schema.get("additionalProperties", {}))
    return resolved(found, root) if isinstance(found, Mapping) else {}


def resolved(schema: Mapping[str, Json], root: Mapping[str, Json]) -> Mapping[str, Json]:
    """Follow a reference inside the same file; a reference to another file says nothing here."""
    seen = 0
    while "$ref" in schema and seen < 16:
        reference = str(schema["$ref"])
        if not reference.startswith("#/"):
            return {}
        schema = root
        for part in reference[2:].split("/"):
            schema = schema.get(part, {})
        seen += 1
    return schema
