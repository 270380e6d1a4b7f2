"""Filters, functions and text methods that could build or search without bound: they pay from the purse beforehand."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

from jinja2.filters import FILTERS as JINJA_FILTERS
from jinja2.filters import make_attrgetter
from jinja2.sandbox import safe_range

from runner.model.item import Json
from runner.model.secret import Secret
from runner.templating.bounds import MAX_RANGE, bounded_number, bounded_text, cost
from runner.templating.fault import Fault, out_of_bounds, wrong_value
from runner.templating.filters import needs_text
from runner.templating.sandbox import Evaluation, refuse_missing
from runner.templating.values import is_number, join_text, kind_of, text_of

Function: TypeAlias = Callable[..., Any]
_ROUND_DIGITS: Final = 30
_MAX_WHOLE: Final = 2**53


def _attributes(run: Evaluation, values: Json, attribute: Json) -> list[Json]:
    found = [*values] if attribute is None else [*map(make_attrgetter(run.environment, attribute), values)]
    refuse_missing(*found)
    return found


def _join(run: Evaluation, value: Json, separator: str = "", attribute: Json = None) -> str:
    parts = [text_of(one) for one in _attributes(run, value, attribute)]
    run.spend(sum(map(len, parts)))
    return bounded_text(parts, text_of(separator))


def _sum(run: Evaluation, value: Json, attribute: Json = None, start: Json = 0) -> Json:
    total = start
    for number in _attributes(run, value, attribute):
        if not is_number(number) or not is_number(total):
            raise wrong_value(f'the filter "sum" adds numbers, not {kind_of(number)}', "convert them: | map('float')")
        total = bounded_number(total + number)
    return total


def _map(run: Evaluation, value: Json, *arguments: Json, **named: Json) -> Json:
    if any(one and isinstance(one, (list, Mapping)) for one in (*arguments, *named.values())):
        # One list standing in many elements, and that again: a few words would make gigabytes of JSON.
        raise Fault("template-forbidden", '"map" hands on texts and numbers, no lists and objects')
    return JINJA_FILTERS["map"](run, value, *arguments, **named)


def _round(_run: Evaluation, value: Json, precision: int = 0, method: str = "common") -> Json:
    if not isinstance(precision, int) or abs(precision) > _ROUND_DIGITS:
        raise out_of_bounds(f"round takes -{_ROUND_DIGITS} to {_ROUND_DIGITS} digits")
    return bounded_number(JINJA_FILTERS["round"](value, precision, method))


def _trim(run: Evaluation, value: Json, chars: str | None = None) -> Json:
    return METHODS["strip"](run, needs_text(value, "trim"), chars)


def _replace(run: Evaluation, value: Json, old: str, new: str, count: int = -1) -> str:
    text = needs_text(value, "replace")
    found = text.count(old) if count < 0 else min(text.count(old), count)
    run.spend(len(text) + found * max(len(new) - len(old), 0))
    return text.replace(old, new, count)


FILTERS: Final[Mapping[str, Function]] = {
    "join": _join,
    "map": _map,
    "replace": _replace,
    "round": _round,
    "sum": _sum,
    "trim": _trim,
}


# -- what the syntax itself does: `a ~ b`, `a[1:2]`, `[a, b]`, `range(...)`
def _concat(_run: Evaluation, values: Json) -> str | Secret:
    refuse_missing(*values)
    return join_text(values)


def _slice(_run: Evaluation, value: Json, *ends: Json) -> Json:
    return value[slice(*ends)]


def _literal(run: Evaluation, value: Json) -> Json:
    values = value
    if isinstance(value, dict):
        values = value.values()
        if not all(isinstance(name, str) for name in value):
            raise wrong_value("the fields of an object are named by texts")
    refuse_missing(*values)
    run.spend(sum(map(cost, values)))
    return value


def _required(_run: Evaluation, value: Json) -> Json:
    refuse_missing(value)
    return value


def _range(_run: Evaluation, *bounds: Json) -> list[int]:
    if not all(isinstance(bound, int) for bound in bounds):
        raise wrong_value("range takes one to three whole numbers")
    try:
        # Above 2**61 - 1 there are numbers of equal hash: a set of them takes quadratic time.
        if any(abs(bound) > _MAX_WHOLE for bound in bounds):
            raise OverflowError
        return list(safe_range(*bounds))
    except OverflowError:
        raise out_of_bounds(f"a range has more than {MAX_RANGE:_} numbers, or too large ones") from None


SYNTAX: Final[Mapping[str, Function]] = {"~": _concat, "[:]": _slice, "[]": _literal, "in": _required}
FUNCTIONS: Final[Mapping[str, Function]] = {"range": _range}


# -- methods of texts
_SEARCHES_SLOWLY: Final = frozenset({"lstrip", "rfind", "rsplit", "rstrip", "strip"})
_PLAIN: Final = (
    *("capitalize", "casefold", "count", "endswith", "find", "isalnum", "isalpha", "isdecimal", "isdigit", "islower"),
    *("isnumeric", "isspace", "isupper", "lower", "lstrip", "removeprefix", "removesuffix", "rfind", "rstrip"),
    *("startswith", "strip", "title", "upper"),
)


def _method(name: str) -> Function:
    apply: Function = getattr(str, name)

    def method(run: Evaluation, value: Json, *arguments: Json) -> Json:
        if not isinstance(value, str):
            raise wrong_value(f"the value is {kind_of(value)}; the method {name!r} is one of texts")
        if name in _SEARCHES_SLOWLY and arguments and isinstance(arguments[0], str):
            run.spend(len(value) * len(arguments[0]))
        return apply(value, *arguments)

    return method


def _splitting(name: str) -> Function:
    apply = _method(name)

    def split(run: Evaluation, value: Json, separator: str | None = None, most: int = -1) -> list[str]:
        is_limited = 0 <= most < MAX_RANGE
        parts: list[str] = apply(run, value, separator, most if is_limited else MAX_RANGE)
        if len(parts) > MAX_RANGE and not is_limited:
            raise out_of_bounds(f"a text splits into more than {MAX_RANGE:_} parts")
        return parts

    return split


METHODS: Final[Mapping[str, Function]] = {name: _method(name) for name in _PLAIN} | {
    "replace": _replace,
    "rsplit": _splitting("rsplit"),
    "split": _splitting("split"),
}
