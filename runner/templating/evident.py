"""What an expression of the usual form reads, told without Jinja: it is compiled when it is first evaluated.

Paths and literals, filters with a literal or nothing in their brackets, comparisons, sums, `and`, `or`. Whatever has
this form is right, and most expressions have it: so recipes and manifests are looked at without Jinja.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

from runner.model.item import Json
from runner.templating.paths import Path, Read, reader

FILTERS: Final[Mapping[str, int]] = {
    **dict.fromkeys(("b64", "count", "epoch_ms", "epoch_s", "first", "json", "keys", "last", "length", "list"), 0),
    **dict.fromkeys(("lower", "nfc", "rfc3339", "segment", "sha256", "string", "upper", "values"), 0),
    **dict.fromkeys(("d", "default", "float", "int", "join", "truncate"), 1),
}
"""Filters, and how many arguments each may be given here."""
LITERALS: Final[Mapping[str, Json]] = {
    **dict.fromkeys(("true", "True"), True),
    **dict.fromkeys(("false", "False"), False),
    **dict.fromkeys(("none", "None", "null")),
}
NO_NAMES: Final = frozenset({*LITERALS, "and", "or", "not", "in", "is", "if", "else"})

_DEFAULTS: Final = frozenset({"d", "default"})
_MOST_OPERANDS: Final = 20
_MOST_FILTERS: Final = 4
_TEXT: Final = r"'[^'\\\r\n]*'" + r'|"[^"\\\r\n]*"'
_NUMBER: Final = r"(?:0|[1-9](?:_?[0-9]){0,14})(?:\.[0-9]{1,15})?(?![\w.])"
_OPERAND: Final = re.compile(rf"\s*(?:({_TEXT}|{_NUMBER})|([A-Za-z_]\w*(?:\.[A-Za-z]\w*)*))\s*", re.ASCII)
_FILTER: Final = re.compile(rf"\|\s*([a-z_0-9]+)\s*(?:\(\s*({_TEXT}|{_NUMBER}|[A-Za-z]+)?\s*\)\s*)?", re.ASCII)
_SIGN: Final = re.compile(r"([=!<>]=|[<>+-]|(?:and|or)\b)", re.ASCII)
_SHORT: Final = 10_000
_ABSENT: Final = object()


class Evident(NamedTuple):
    """What is known of an expression before it is compiled.

    Attributes:
        paths: the plain paths that it reads.
        needed: those that must be there whatever the values are.
        quickly: evaluates `path | default(literal)` with the function of the compiled expression at hand; None for
            every other form.
    """

    paths: frozenset[tuple[str, ...]]
    needed: frozenset[tuple[str, ...]]
    quickly: Callable[[Callable[[], Read]], Read] | None = None


class _Operand(NamedTuple):
    path: tuple[str, ...]
    filters: list[tuple[str, str | None]]
    end: int

    @property
    def may_be_missing(self) -> bool:
        return any(name in _DEFAULTS for name, _ in self.filters)


def evident(text: str) -> Evident | None:
    """Return what an expression reads; None when it has not the usual form, and may be wrong."""
    paths: set[tuple[str, ...]] = set()
    needed: set[tuple[str, ...]] = set()
    at, is_sure = 0, True
    for _ in range(_MOST_OPERANDS):
        operand = _operand(text, at)
        if operand is None:
            return None
        if operand.path:
            paths.add(operand.path)
            if is_sure and not operand.may_be_missing:
                needed.add(operand.path)
        if operand.end == len(text):
            return Evident(frozenset(paths), frozenset(needed), None if at else _quickly(operand))
        sign = _SIGN.match(text, operand.end)
        if sign is None:
            return None
        is_sure = is_sure and sign[1] not in ("and", "or")  # what follows may never be looked at
        at = sign.end()
    return None


def _operand(text: str, at: int) -> _Operand | None:
    found = _OPERAND.match(text, at)
    if found is None:
        return None
    path = tuple(found[2].split(".")) if found[2] else ()
    if path and path[0] in NO_NAMES:
        if len(path) > 1 or path[0] not in LITERALS:
            return None
        path = ()
    filters: list[tuple[str, str | None]] = []
    at = found.end()
    while applied := _FILTER.match(text, at):
        name, argument = applied[1], applied[2]
        if FILTERS.get(name, -1) < (argument is not None) or len(filters) == _MOST_FILTERS:
            return None
        if argument is not None and argument.isalpha() and argument not in LITERALS:
            return None
        filters.append((name, argument))
        at = applied.end()
    return _Operand(path, filters, at)


def _quickly(operand: _Operand) -> Callable[[Callable[[], Read]], Read] | None:
    if not operand.path or len(operand.filters) != 1 or operand.filters[0][0] not in _DEFAULTS:
        return None
    argument = operand.filters[0][1]
    return lambda slowly: _defaulted(operand.path, "" if argument is None else _literal(argument), slowly)


def _literal(word: str) -> Json:
    if word[0] in "'\"":
        return word[1:-1]
    if word in LITERALS:
        return LITERALS[word]
    return float(word) if "." in word else int(word)


def _defaulted(path: Path, default: Json, slowly: Callable[[], Read]) -> Read:
    read = reader(path, _absent)

    def evaluate(scope: Mapping[str, Json]) -> Json:
        value = read(scope)
        if value is _ABSENT:
            return default
        # Other values are weighed by the sandbox.
        return value if type(value) is str and len(value) < _SHORT else slowly()(scope)

    return evaluate


def _absent(_path: Path, _scope: Mapping[str, Json]) -> Json:
    return _ABSENT
