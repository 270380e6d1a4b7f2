"""The variables of a recipe: declared in it, given by the command line."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from runner.documents import Document
from runner.model.item import Json
from runner.model.problem import Mark, Problem
from runner.model.suggestion import did_you_mean

_TYPES: Final[Mapping[str, Callable[[Json], bool]]] = {
    "string": lambda value: isinstance(value, str),
    "integer": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "number": lambda value: isinstance(value, (int, float)) and not isinstance(value, bool),
    "boolean": lambda value: isinstance(value, bool),
    "list": lambda value: isinstance(value, list),
}
_WORDS: Final = {
    "string": "a text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "list": "a list",
}
_INTEGER: Final = re.compile(r"[-+]?[0-9]{1,300}")
_NUMBER: Final = re.compile(r"[-+]?(?:[0-9]{1,300}(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]{1,3})?")


@dataclass(frozen=True, slots=True)
class Variables:
    """What came of the declarations.

    Attributes:
        values: name to value; a name without a usable value is missing, and a problem says why.
    """

    values: Mapping[str, Json]
    problems: tuple[Problem, ...]


def values_of(declared: Mapping[str, Json], given: Mapping[str, str], document: Document) -> Variables:
    """Return the values of a recipe's variables.

    Args:
        declared: `vars` of the recipe, checked by its schema, with rendered defaults.
        given: `--var` of the command line; names that are not declared are passed over.
        document: for the places.
    """
    values: dict[str, Json] = {}
    problems: list[Problem] = []
    for name, declaration in declared.items():
        problem = _pattern_problem(name, declaration, document)
        value, fault = (None, problem) if problem else _value(name, declaration, given, document)
        if fault is None:
            values[name] = value
        else:
            problems.append(fault)
    return Variables(values, tuple(problems))


def _pattern_problem(name: str, declaration: Mapping[str, Json], document: Document) -> Problem | None:
    try:
        re.compile(declaration.get("pattern", ""))
    except re.error as error:
        mark = document.mark_of(("vars", name, "pattern"))
        return Problem("bad-pattern", f"the pattern of variable {name} is no regular expression: {error}", mark)
    return None


def _value(
    name: str, declaration: Mapping[str, Json], given: Mapping[str, str], document: Document
) -> tuple[Json, Problem | None]:
    place = document.key_mark_of(("vars", name))
    kind = declaration.get("type", "string")
    if name in given:
        try:
            value = parsed(given[name], kind)
        except ValueError as error:
            return None, Problem("bad-var", f"--var {name}: {error}", place, _mend(name, declaration))
        return value, _misfit(f"--var {name}", name, value, declaration, place)
    if "default" in declaration:
        value, mark = declaration["default"], document.mark_of(("vars", name, "default"))
        if not _TYPES[kind](value):
            what = f"the default of variable {name} must be {_WORDS[kind]}"
            return None, Problem("bad-var", what, mark, f"its type is {kind}")
        return value, _misfit(f"the default of variable {name}", name, value, declaration, mark)
    if declaration.get("required", True):
        return None, Problem("missing-var", f"the variable {name} has no value", place, _mend(name, declaration))
    return None, None


def _mend(name: str, declaration: Mapping[str, Json]) -> str:
    hint = declaration.get("help") or _WORDS[declaration.get("type", "string")]
    return f"give it: --var {name}=VALUE ({hint})"


def _misfit(noun: str, name: str, value: Json, declaration: Mapping[str, Json], mark: Mark) -> Problem | None:
    allowed = declaration.get("enum")
    pattern = declaration.get("pattern")
    if allowed is not None and value not in allowed:
        mend = did_you_mean(str(value), [str(one) for one in allowed], "Values", ordered=True)
        return Problem("bad-var", f"{noun} cannot be {value!r}", mark, mend)
    if pattern is not None and isinstance(value, str) and not re.search(pattern, value):
        mend = f"form: {declaration.get('help') or pattern}"
        return Problem("bad-var", f"{noun} does not have the right form: {value[:60]!r}", mark, mend)
    if _TYPES["number"](value) and (bound := _bound_broken(value, declaration)):
        return Problem("bad-var", f"{noun} is {value}, its {bound}", mark, _mend(name, declaration))
    return None


def _bound_broken(value: float, declaration: Mapping[str, Json]) -> str:
    low, high = declaration.get("minimum"), declaration.get("maximum")
    if low is not None and value < low:
        return f"minimum is {low}"
    return f"maximum is {high}" if high is not None and value > high else ""


def parsed(text: str, kind: str) -> Json:
    """Return a text of the command line as a value of the declared type.

    Raises:
        ValueError: it is none.
    """
    if kind == "integer" and _INTEGER.fullmatch(text):
        return int(text)
    if kind == "number" and _NUMBER.fullmatch(text):
        return int(text) if _INTEGER.fullmatch(text) else float(text)
    if kind == "boolean" and text.lower() in ("true", "false"):
        return text.lower() == "true"
    if kind == "list":
        return _list(text)
    if kind == "string":
        return text
    raise ValueError(f"{text[:60]!r} is not {_WORDS[kind]}")


def _list(text: str) -> list[Json]:
    if not text.lstrip().startswith("["):
        return [part.strip() for part in text.split(",")] if text.strip() else []
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{text[:60]!r} is no JSON list: {error}") from None
    if not isinstance(value, list):
        raise ValueError(f"{text[:60]!r} is no list")
    return value
