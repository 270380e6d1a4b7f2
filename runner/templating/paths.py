"""Plain paths, `item.name`: read without Jinja, and what is said when nothing is there."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias

from runner.model.item import Json
from runner.model.suggestion import did_you_mean
from runner.templating.fault import Fault, undefined, wrong_value
from runner.templating.values import is_list, kind_of

Path: TypeAlias = tuple[str | int, ...]
Read: TypeAlias = Callable[[Mapping[str, Json]], Json]


def reader(path: Path, absent: Callable[[Path, Mapping[str, Json]], Json]) -> Read:
    """Return the function that reads a path in a scope; what `absent` returns stands for a value that is not there."""
    if len(path) == 2:
        first, second = path

        def read_two(scope: Mapping[str, Json]) -> Json:
            try:
                return scope[first][second]  # type: ignore[index]
            except (KeyError, TypeError, IndexError):
                return absent(path, scope)

        return read_two

    def read(scope: Mapping[str, Json]) -> Json:
        value: Json = scope
        try:
            for step in path:
                value = value[step]
        except (KeyError, TypeError, IndexError):
            return absent(path, scope)
        return value

    return read


def spelled(path: Path) -> str:
    """Write a path as a person would, `item.tags[0]`."""
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path).removeprefix(".")


def why_absent(path: Path, scope: Mapping[str, Json]) -> Fault:
    """Say why a path leads nowhere."""
    if path[0] not in scope:
        return undefined(f'there is no name "{path[0]}" here', did_you_mean(str(path[0]), scope, "Names"))
    value: Json = scope
    for position, step in enumerate(path):
        try:
            value = value[step]
        except (KeyError, TypeError, IndexError):
            return why_no_element(value, step, spelled(path[:position]))
    return undefined(f"{spelled(path)} was not there a moment ago")


def why_no_element(value: Json, key: Json, where: str) -> Fault:
    """Say why `value[key]` is nothing; `where` names the value in the message."""
    if isinstance(key, str) and isinstance(value, Mapping):
        mend = did_you_mean(key, value, "Fields")
        return undefined(f'{where} has no field "{key}"', f"{mend}; or give a value: | default(...)")
    if isinstance(key, str):
        if key.startswith("_"):
            return forbidden_attribute(key)
        return undefined(f'{where} is {kind_of(value)}, it has no field "{key}"')
    if isinstance(value, Mapping):
        return wrong_value(f"the fields of {where} are named by texts, not by {kind_of(key)}")
    if not (is_list(value) or isinstance(value, str)):
        return undefined(f"{where} is {kind_of(value)}, it has no elements")
    if not isinstance(key, int):
        return wrong_value(f"an element of {where} is named by a whole number, not by {kind_of(key)}")
    return undefined(f"{where} has {len(value)} elements, none at {key}")


def forbidden_attribute(name: str, at: int | None = None) -> Fault:
    """Make the fault of reaching for what is Python's."""
    return Fault("template-forbidden", f'"{name}" is no field of data', "only fields of data can be read", at)
