"""Looking values up, and turning them into text."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TypeGuard

from runner.model.item import Json
from runner.model.secret import Secret
from runner.templating.fault import Fault, suggestion, undefined, wrong_value
from runner.templating.meter import Meter

_KINDS = {bool: "true or false", int: "a number", float: "a number", str: "a text", list: "a list", dict: "an object"}


def kind_of(value: Json) -> str:
    """Name the JSON type of a value for a message."""
    if value is None:
        return "null"
    return _KINDS.get(type(value)) or ("an object" if isinstance(value, Mapping) else type(value).__name__)


def is_list(value: Json) -> TypeGuard[Sequence[Json]]:
    """Tell whether a value is a JSON list."""
    return isinstance(value, (list, tuple))


def is_number(value: Json) -> TypeGuard[int | float]:
    """Tell whether a value is a number; true and false are none."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def field(value: Json, name: str, path: str) -> Json:
    """Return the value under a key of a mapping; `path` names the mapping in the message.

    Raises:
        Fault: `undefined-value`, or `template-forbidden` for a Python attribute.
    """
    if isinstance(value, Mapping):
        try:
            return value[name]
        except KeyError:
            mend = suggestion(name, value, "Fields")
            raise undefined(f'{path} has no field "{name}"', f"{mend}; or give a value: | default(...)") from None
    if name.startswith("_"):
        raise forbidden_attribute(name)
    raise undefined(f'{path} is {kind_of(value)}, it has no field "{name}"')


def forbidden_attribute(name: str) -> Fault:
    """Make the fault of reaching for what is Python's."""
    return Fault("template-forbidden", f'"{name}" is no field of data', "only fields of data can be read")


def element(value: Json, key: Json, path: str) -> Json:
    """Return `value[key]` of a list, text or mapping; a negative number counts from the end."""
    if isinstance(value, Mapping):
        if not isinstance(key, str):
            raise wrong_value(f"the fields of {path} are named by texts, not by {kind_of(key)}")
        return field(value, key, path)
    if isinstance(key, str):
        return field(value, key, path)
    if not (is_list(value) or isinstance(value, str)):
        raise undefined(f"{path} is {kind_of(value)}, it has no elements")
    if not isinstance(key, int) or isinstance(key, bool):
        raise wrong_value(f"an element of {path} is named by a whole number, not by {kind_of(key)}")
    if not -len(value) <= key < len(value):
        raise undefined(f"{path} has {len(value)} elements, none at {key}")
    return value[key]


def text_of(value: Json) -> str:
    """Return a value as it stands inside a text: texts as they are, anything else as JSON.

    Raises:
        Fault: null, bytes or a number that is not finite.
    """
    if isinstance(value, str):
        return value
    if value is None:
        raise Fault("undefined-value", "a null cannot stand in a text", "give a value: | default('', true)")
    return json_text(value)


def json_text(value: Json) -> str:
    """Return compact JSON."""
    try:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False, default=_plain)
    except (TypeError, ValueError) as error:
        raise wrong_value(f"{kind_of(value)} cannot be written as JSON: {error}") from error


def _plain(value: Json) -> Json:
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, Secret):
        raise TypeError("a secret may not stand inside data")
    raise TypeError(f"{type(value).__name__} is no JSON value")


def join_text(values: Sequence[Json], meter: Meter) -> str | Secret:
    """Join values as one text; with a secret among them the whole is a secret."""
    parts: list[str] = []
    is_secret = False
    for value in values:
        if isinstance(value, Secret):
            is_secret = True
            parts.append(value.reveal())
        else:
            parts.append(meter.text(text_of(value)))
    joined = meter.text("".join(parts))
    return Secret(joined) if is_secret else joined
