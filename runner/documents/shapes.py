"""A schema as one fast function: True means that a value surely fits, False that somebody must look closer.

Importing the JSON Schema library takes longer than all else that `validate` does, and nearly every document is right.
So the library is asked only when a shape says no, or when a schema uses a keyword that is not known here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Final, TypeAlias

from runner.model.item import Json

Shape: TypeAlias = Callable[[Json], bool]

_ANNOTATIONS: Final = frozenset(
    {"title", "description", "default", "examples", "format", "$schema", "$id", "$comment", "definitions", "deprecated"}
)
_TYPES: Final[Mapping[str, Shape]] = {
    "string": lambda value: isinstance(value, str),
    "integer": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "number": lambda value: isinstance(value, (int, float)) and not isinstance(value, bool),
    "boolean": lambda value: isinstance(value, bool),
    "null": lambda value: value is None,
    "object": lambda value: isinstance(value, dict),
    "array": lambda value: isinstance(value, list),
}


_FAULTS: Final = (TypeError, ValueError, KeyError, AttributeError, RecursionError, re.error)


def compile_shape(schema: Mapping[str, Json] | bool) -> Shape:  # noqa: FBT001 - a schema may be true or false
    """Compile a schema; never raises, a schema that is not understood gives a shape that always says False.

    What a field must be is compiled when a value has that field: most values have few of the fields that they may have.
    """
    return _Compiler(schema if isinstance(schema, Mapping) else {}).careful(schema)


def holds_template(text: str) -> bool:
    """Tell whether a text will be rendered: its type can be judged only afterwards."""
    return "{{" in text


def _unsure(_value: Json) -> bool:
    return False


def _sure(_value: Json) -> bool:
    return True


class _Compiler:
    def __init__(self, root: Mapping[str, Json]) -> None:
        self._root = root
        self._references: dict[str, list[Shape]] = {}

    def careful(self, schema: Mapping[str, Json] | bool) -> Shape:  # noqa: FBT001
        """Return the shape of a schema or part of one; one that always says False when it is not understood."""
        try:
            return self.shape(schema)
        except _FAULTS:
            return _unsure

    def shape(self, schema: Mapping[str, Json] | bool) -> Shape:  # noqa: FBT001
        """Return the shape of a schema or part of one; what is not understood is raised."""
        if isinstance(schema, bool):
            return _sure if schema else _unsure
        if "$ref" in schema:
            return self._reference(str(schema["$ref"]))
        checks = [
            self._check(word, schema) for word in schema if word not in _ANNOTATIONS and not word.startswith("x-")
        ]
        return _both([check for check in checks if check is not None])

    def _reference(self, reference: str) -> Shape:
        if not reference.startswith("#/"):
            return _unsure
        # A list as a cell: a schema may refer to itself while it is being compiled.
        if reference not in self._references:
            cell: list[Shape] = [_unsure]
            self._references[reference] = cell
            target: Json = self._root
            for part in reference[2:].split("/"):
                target = target[part]
            cell[0] = self.shape(target)
        found = self._references[reference]
        return lambda value: found[0](value)

    def _check(self, word: str, schema: Mapping[str, Json]) -> Shape | None:
        if word in ("additionalProperties", "required", "patternProperties") and "properties" in schema:
            return None  # one check does all of them
        if word in ("properties", "additionalProperties", "required"):
            return self._object(schema)
        if word == "items" and isinstance(schema[word], (Mapping, bool)):
            item = self.shape(schema[word])
            return lambda value: not isinstance(value, list) or all(map(item, value))
        if word == "anyOf":
            shapes = [self.shape(one) for one in schema[word]]
            return lambda value: any(shape(value) for shape in shapes)
        if word in ("if", "then", "else"):
            return self._choice(schema) if word == "if" else None
        if word == "propertyNames":
            name = self.shape(schema[word])
            return lambda value: not isinstance(value, dict) or all(map(name, value))
        return _LEAVES[word](schema[word]) if word in _LEAVES else _unsure

    def _choice(self, schema: Mapping[str, Json]) -> Shape:
        condition = schema["if"]
        if set(condition) != {"required"}:
            return _unsure  # a shape may say False of what fits, and a condition must be known for sure
        names = tuple(condition["required"])
        then, other = self.shape(schema.get("then", True)), self.shape(schema.get("else", True))

        def check(value: Json) -> bool:
            holds = not isinstance(value, dict) or all(name in value for name in names)
            return then(value) if holds else other(value)

        return check

    def _object(self, schema: Mapping[str, Json]) -> Shape:
        if "patternProperties" in schema:
            return _unsure
        fields = _Fields(self, schema.get("properties", {}), self.shape(schema.get("additionalProperties", True)))
        required = tuple(schema.get("required", ()))

        def check(value: Json) -> bool:
            if not isinstance(value, dict):
                return True
            for name, one in value.items():
                if not fields[name](one):
                    return False
            for name in required:  # noqa: SIM110 - a loop is twice as fast as all() here
                if name not in value:
                    return False
            return True

        return check


class _Fields(dict[str, Shape]):
    """The shapes of the fields that were met so far, known and unknown ones."""

    def __init__(self, compiler: _Compiler, fields: Mapping[str, Json], other: Shape) -> None:
        super().__init__()
        self._compiler = compiler
        self._fields = fields
        self._other = other

    def __missing__(self, name: str) -> Shape:
        if name not in self._fields:
            return self._other
        made = self[name] = self._compiler.careful(self._fields[name])
        return made


def _both(checks: Sequence[Shape]) -> Shape:
    if not checks:
        return _sure
    if len(checks) == 1:
        return checks[0]
    if len(checks) == 2:
        first, second = checks
        return lambda value: first(value) and second(value)

    def every(value: Json) -> bool:
        for check in checks:  # noqa: SIM110
            if not check(value):
                return False
        return True

    return every


def _type(names: str | Sequence[str]) -> Shape:
    shapes = [_TYPES[name] for name in ([names] if isinstance(names, str) else names)]
    if len(shapes) == 1:
        fits = shapes[0]
        return lambda value: fits(value) or (isinstance(value, str) and holds_template(value))
    return lambda value: any(shape(value) for shape in shapes) or (isinstance(value, str) and holds_template(value))


def _enum(values: Sequence[Json]) -> Shape:
    texts = frozenset(value for value in values if isinstance(value, str))
    others = [value for value in values if not isinstance(value, str)]

    def check(value: Json) -> bool:
        if isinstance(value, str):
            return value in texts or holds_template(value)
        return any(type(value) is type(other) and value == other for other in others)

    return check


def _text(fits: Callable[[str], bool]) -> Shape:
    return lambda value: not isinstance(value, str) or fits(value) or holds_template(value)


def _number(fits: Callable[[float], bool]) -> Shape:
    return lambda value: not isinstance(value, (int, float)) or isinstance(value, bool) or fits(value)


def _pattern(pattern: str) -> Shape:
    search = re.compile(pattern).search
    return _text(lambda text: search(text) is not None)


def _sized(kind: type[list[Json] | dict[str, Json]], fits: Callable[[int], bool]) -> Shape:
    return lambda value: not isinstance(value, kind) or fits(len(value))


def _unique(wanted: bool) -> Shape:  # noqa: FBT001
    def check(value: Json) -> bool:
        if not wanted or not isinstance(value, list):
            return True
        return all(isinstance(one, str) for one in value) and len(set(value)) == len(value)

    return check


_LEAVES: Final[Mapping[str, Callable[[Json], Shape]]] = {
    "type": _type,
    "enum": _enum,
    "const": lambda wanted: _enum([wanted]),
    "pattern": _pattern,
    "minLength": lambda bound: _text(lambda text: len(text) >= bound),
    "maxLength": lambda bound: _text(lambda text: len(text) <= bound),
    "minimum": lambda bound: _number(lambda number: number >= bound),
    "maximum": lambda bound: _number(lambda number: number <= bound),
    "exclusiveMinimum": lambda bound: _number(lambda number: number > bound),
    "exclusiveMaximum": lambda bound: _number(lambda number: number < bound),
    "minItems": lambda bound: _sized(list, lambda size: size >= bound),
    "maxItems": lambda bound: _sized(list, lambda size: size <= bound),
    "minProperties": lambda bound: _sized(dict, lambda size: size >= bound),
    "maxProperties": lambda bound: _sized(dict, lambda size: size <= bound),
    "uniqueItems": _unique,
}
