"""The schema of a recipe without its components: those are checked one by one, each by the schema of its kind."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache

from runner.documents import Document, Pointer, Schema, resolved
from runner.documents.schemas import ROOM
from runner.model.item import Json
from runner.model.problem import Problem
from runner.templating import is_template


@cache
def frame_of(schema: Schema) -> Schema:
    """Return a schema in which every component is just an object."""
    return Schema(schema.name, _framed(schema.data))


@cache
def part_of(schema: Schema, name: str) -> Schema:
    """Return the schema of one field at the top of a recipe, or of one definition, as a schema of its own."""
    definitions: Mapping[str, Json] = schema.data["definitions"]
    found = schema.data["properties"].get(name) or definitions[name]
    return Schema(name, {**resolved(found, schema.data), "definitions": definitions})


def _framed(data: Json) -> Json:
    if isinstance(data, list):
        return [_framed(one) for one in data]
    if not isinstance(data, Mapping):
        return data
    if ROOM in data:
        return _component(data)
    return {name: _framed(one) for name, one in data.items()}


def _component(data: Mapping[str, Json]) -> Mapping[str, Json]:
    if data.get("additionalProperties") is False:  # filters: several kinds in one object, all of them known
        known: Mapping[str, Json] = dict.fromkeys(data["properties"], True)
        return {"type": "object", "properties": known, "additionalProperties": False}
    return {"type": "object"}


def fixed_text_problems(document: Document) -> Iterator[Problem]:
    """Give a problem for every template in a field that names something: a name never depends on a value."""
    for pointer, value in _names(document.value):
        if isinstance(value, str) and is_template(value):
            what = f'the field "{pointer[-1] if isinstance(pointer[-1], str) else "needs"}" holds no template'
            yield Problem("template-forbidden", what, document.mark_of(pointer), "write it out")


def _names(value: Mapping[str, Json]) -> Iterator[tuple[Pointer, Json]]:
    for name in ("apiVersion", "kind", "name"):
        yield (name,), value.get(name)
    stages = value.get("stages")
    for at, stage in enumerate(stages if isinstance(stages, list) else ()):
        if isinstance(stage, dict):
            yield ("stages", at, "name"), stage.get("name")
            needs = stage.get("needs")
            yield from (
                (("stages", at, "needs", n), one) for n, one in enumerate(needs if isinstance(needs, list) else ())
            )
