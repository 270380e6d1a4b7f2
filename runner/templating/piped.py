"""`path | filter`: the usual form in URLs and numbers, evaluated without Jinja as long as all goes well.

Only filters of ours, without arguments, on plain values of a usual size. At the first sign of anything else (a fault, a
secret, a list, a long text) the expression is compiled as every other one and says what there is to say.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final

from runner.model.item import Json
from runner.templating.fault import Fault
from runner.templating.filters import FILTERS
from runner.templating.paths import Path, Read, reader

QUICK: Final = frozenset({"b64", "epoch_ms", "epoch_s", "float", "int", "rfc3339", "segment", "sha256", "string"})
LONGEST: Final = 10_000
"""Characters; far below every bound of an evaluation."""
_CHAIN: Final = re.compile(r"\s*\|\s*([a-z_0-9]+)\s*")
_FAULTS: Final = (Fault, TypeError, ValueError, ArithmeticError, LookupError, AttributeError)


def filters_of(text: str) -> list[Callable[[Json], Json]] | None:
    """Return the filters of `| name | name`; None when one of them is not quick, or something else stands there."""
    found: list[Callable[[Json], Json]] = []
    at = 0
    while match := _CHAIN.match(text, at):
        if match[1] not in QUICK:
            return None
        found.append(FILTERS[match[1]])
        at = match.end()
    return found if found and at == len(text) else None


def piped(path: Path, filters: list[Callable[[Json], Json]], slowly: Callable[[], Read]) -> Read:
    """Return the function that reads a path and applies filters; `slowly` compiles the same expression in full."""
    read = reader(path, _absent)

    def evaluate(scope: Mapping[str, Json]) -> Json:
        try:
            value = read(scope)
            for apply in filters:
                if not _is_plain(value):
                    break
                value = apply(value)
            else:
                return value
        except _FAULTS:
            pass
        return slowly()(scope)

    return evaluate


def _is_plain(value: Json) -> bool:
    kind = type(value)
    return (kind is str and len(value) <= LONGEST) or kind is int or kind is float


def _absent(_path: Path, _scope: Mapping[str, Json]) -> Json:
    return None
