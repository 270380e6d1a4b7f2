"""JSON values: their names in messages, and how they stand inside a text."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import TypeGuard

from runner.model.item import Json
from runner.model.secret import Secret
from runner.templating.bounds import MAX_TEXT, too_long
from runner.templating.fault import Fault, wrong_value

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


def join_text(values: Iterable[Json]) -> str | Secret:
    """Join values as one text; with a secret among them the whole is a secret."""
    parts: list[str] = []
    length, is_secret = 0, False
    for value in values:
        if isinstance(value, Secret):
            is_secret, part = True, value.reveal()
        else:
            part = text_of(value)
        length += len(part)
        if length > MAX_TEXT:
            raise too_long()
        parts.append(part)
    joined = "".join(parts)
    return Secret(joined) if is_secret else joined
