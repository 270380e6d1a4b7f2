"""The tests: `{{ value is name }}`, and the same names in `select('name', ...)`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from runner.model.item import Json
from runner.templating.fault import wrong_value
from runner.templating.operators import COMPARE
from runner.templating.values import is_list, is_number, kind_of

Predicate = Callable[..., bool]


def _whole(value: Json, name: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise wrong_value(f'the test "{name}" takes a whole number, not {kind_of(value)}')
    return value


def _divisible(value: Json, by: Json) -> bool:
    divisor = _whole(by, "divisibleby")
    if divisor == 0:
        raise wrong_value("nothing is divisible by zero")
    return _whole(value, "divisibleby") % divisor == 0


def _text(value: Json, name: str) -> str:
    if not isinstance(value, str):
        raise wrong_value(f'the test "{name}" takes a text, not {kind_of(value)}')
    return value


def _compare(sign: str) -> Predicate:
    operate = COMPARE[sign]
    return lambda value, other: operate(value, other)


PREDICATES: Final[Mapping[str, Predicate]] = {
    "boolean": lambda value: isinstance(value, bool),
    "divisibleby": _divisible,
    "endswith": lambda value, end: _text(value, "endswith").endswith(_text(end, "endswith")),
    "even": lambda value: _whole(value, "even") % 2 == 0,
    "false": lambda value: value is False,
    "float": lambda value: isinstance(value, float),
    "integer": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "iterable": lambda value: is_list(value) or isinstance(value, (str, Mapping)),
    "lower": lambda value: _text(value, "lower").islower(),
    "mapping": lambda value: isinstance(value, Mapping),
    "none": lambda value: value is None,
    "number": lambda value: isinstance(value, bool) or is_number(value),
    "odd": lambda value: _whole(value, "odd") % 2 == 1,
    "sequence": lambda value: is_list(value) or isinstance(value, (str, Mapping)),
    "startswith": lambda value, start: _text(value, "startswith").startswith(_text(start, "startswith")),
    "string": lambda value: isinstance(value, str),
    "true": lambda value: value is True,
    "upper": lambda value: _text(value, "upper").isupper(),
    "in": _compare("in"),
    **{name: _compare("==") for name in ("eq", "equalto")},
    "ne": _compare("!="),
    **{name: _compare(">") for name in ("gt", "greaterthan")},
    "ge": _compare(">="),
    **{name: _compare("<") for name in ("lt", "lessthan")},
    "le": _compare("<="),
}
"""Besides them `defined` and `undefined`, which the compiler answers itself."""
