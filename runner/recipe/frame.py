"""The schema of a recipe without its components: those are checked one by one, each by the schema of its kind."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Final

from runner.documents import Document, Pointer, Schema, resolved
from runner.documents.schemas import ROOM
from runner.model.item import Json
from runner.model.problem import Problem
from runner.templating import is_template

_NAMES: Final = ("apiVersion", "kind", "name")
_LISTS: Final = ("checks", "sinks", "triggers", "notify")
_PARTS: Final = ("vars", "source", "filter", "target", "record", "stages", *_LISTS)


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
    """Give a problem for every template that stands where the form of the recipe itself must be written out.

    That is where something is named, and where an object or a list of the recipe is expected.
    """
    for pointer, value in _fixed(document.value):
        if isinstance(value, str) and is_template(value):
            names = [step for step in pointer if isinstance(step, str)]
            what = f'the field "{names[-1]}" holds no template'
            yield Problem("template-forbidden", what, document.mark_of(pointer), "write it out")


def _fixed(value: Mapping[str, Json]) -> Iterator[tuple[Pointer, Json]]:
    for name in (*_NAMES, *_PARTS):
        yield (name,), value.get(name)
    yield from _below(value, (), _LISTS)
    yield from _elements(value.get("vars"), ("vars",))
    for pointer, stage in _elements(value.get("stages"), ("stages",)):
        yield pointer, stage
        if isinstance(stage, dict):
            for name in ("name", "needs", *_PARTS):
                yield (*pointer, name), stage.get(name)
            yield from _below(stage, pointer, ("needs", *_LISTS))


def _below(value: Mapping[str, Json], pointer: Pointer, names: Sequence[str]) -> Iterator[tuple[Pointer, Json]]:
    for name in names:
        yield from _elements(value.get(name), (*pointer, name))


def _elements(value: Json, pointer: Pointer) -> Iterator[tuple[Pointer, Json]]:
    steps = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, one in steps:
        yield (*pointer, step), one
