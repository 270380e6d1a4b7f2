"""The few harmless methods of texts: `item.name.startswith('a')`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from runner.model.item import Json
from runner.templating.fault import out_of_bounds, wrong_value
from runner.templating.filters import replaced
from runner.templating.meter import MAX_RANGE, Meter

Method = Callable[..., Json]


def _split(meter: Meter, text: str, separator: str | None = None, most: int = -1) -> list[str]:
    parts = text.split(separator, most if 0 <= most < MAX_RANGE else MAX_RANGE)
    if len(parts) > MAX_RANGE and not 0 <= most < MAX_RANGE:
        raise out_of_bounds(f"a text splits into more than {MAX_RANGE:_} parts")
    meter.elements(len(parts))
    return parts


def _rsplit(meter: Meter, text: str, separator: str | None = None, most: int = -1) -> list[str]:
    if not 0 <= most < MAX_RANGE:
        return _split(meter, text, separator, most)
    parts = text.rsplit(separator, most)
    meter.elements(len(parts))
    return parts


def _same(name: str) -> Method:
    def method(meter: Meter, text: str, *arguments: Json) -> Json:
        value = getattr(text, name)(*arguments)
        return meter.text(value) if isinstance(value, str) else value

    return method


_PLAIN: Final = (
    *("capitalize", "casefold", "count", "endswith", "find", "isalnum", "isalpha", "isdecimal", "isdigit", "islower"),
    *("isnumeric", "isspace", "isupper", "lower", "lstrip", "removeprefix", "removesuffix", "rfind", "rstrip"),
    *("startswith", "strip", "title", "upper"),
)

METHODS: Final[Mapping[str, Method]] = {name: _same(name) for name in _PLAIN} | {
    "replace": replaced,
    "rsplit": _rsplit,
    "split": _split,
}


def call_method(meter: Meter, text: str, name: str, arguments: Sequence[Json]) -> Json:
    """Call one of the allowed methods of a text.

    Raises:
        Fault: `template-value` for arguments that the method does not take.
    """
    try:
        return METHODS[name](meter, text, *arguments)
    except (TypeError, ValueError) as error:
        raise wrong_value(f'the method "{name}" does not take these arguments: {error}') from None
