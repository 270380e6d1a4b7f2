"""Switches of an emulator: the JSON a user posts, fitted to the fields of a frozen dataclass."""

import dataclasses
import types
from collections.abc import Mapping
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

K = TypeVar("K")


def names(knobs: object) -> list[str]:
    """List the knobs a dataclass instance has, in the order they are written."""
    return [field.name for field in dataclasses.fields(_dataclass(knobs))]


def turned(knobs: K, changes: Mapping[str, object]) -> K:
    """Make a copy with some knobs set; the given instance is left as it was.

    Args:
        knobs: an instance of a (frozen) dataclass; a `ValueError` from its `__post_init__` is passed on.
        changes: JSON values by name. Lists become tuples where the field is a tuple, whole numbers floats.

    Raises:
        ValueError: a name that is no knob, or a value that does not fit the field's type.
    """
    hints = get_type_hints(type(knobs))
    unknown = sorted(set(changes) - set(names(knobs)))
    if unknown:
        raise ValueError(f"there is no {', '.join(unknown)}; known: {', '.join(names(knobs))}")
    fitted = {name: fit(value, hints[name], name) for name, value in changes.items()}
    made: K = dataclasses.replace(_dataclass(knobs), **fitted)
    return made


def fit(value: object, hint: object, name: str) -> object:
    """Check one JSON value against a type hint and convert it where JSON has no such type.

    Raises:
        ValueError: names the knob, what it was given and what it takes.
    """
    for option in get_args(hint) if get_origin(hint) in (Union, types.UnionType) else (hint,):
        matches, fitted = _fit_one(value, option, name)
        if matches:
            return fitted
    raise ValueError(f"knob {name} does not take {value!r}; it takes {hint}")


def _fit_one(value: object, hint: object, name: str) -> tuple[bool, object]:
    shape, inner = get_origin(hint) or hint, get_args(hint)
    if shape is tuple and isinstance(value, list | tuple):
        return True, tuple(fit(each, inner[0], name) for each in value)
    if shape is list and isinstance(value, list):
        return True, [fit(each, inner[0], name) for each in value]
    if shape is dict and isinstance(value, dict):
        return True, {str(key): fit(each, inner[1], name) for key, each in value.items()}
    if shape is float and isinstance(value, int | float) and not isinstance(value, bool):
        return True, float(value)
    if shape in (object, Any):
        return True, value
    if shape is None or shape is type(None):
        return value is None, None
    right = type(value) is shape if shape in (bool, int, str) else False
    return right, value


def _dataclass(knobs: object) -> Any:  # noqa: ANN401 - the dataclass protocol has no public name
    if not dataclasses.is_dataclass(knobs) or isinstance(knobs, type):
        raise TypeError(f"knobs must be an instance of a dataclass, not {knobs!r}")
    return knobs
