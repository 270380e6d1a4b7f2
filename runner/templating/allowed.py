"""Everything an expression may apply, each thing behind one guard: filters, tests, functions, methods.

Functions, methods and a few signs are filters too, under names that nobody can write (`.upper`, `range()`, `~`):
`expression` turns them into these, so that generated code calls nothing but what stands here.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, Final

from jinja2 import filters as jinja_filters
from jinja2 import pass_context
from jinja2 import tests as jinja_tests
from jinja2.exceptions import TemplateError

from runner.model.item import Json
from runner.model.secret import Secret
from runner.templating import metered
from runner.templating.bounds import CALL, ELEMENT, cost, size
from runner.templating.fault import Fault, out_of_bounds, wrong_value
from runner.templating.filters import FILTERS as OUR_FILTERS
from runner.templating.filters import needs_text
from runner.templating.metered import Function
from runner.templating.sandbox import SANDBOX, Evaluation, Missing, refuse_missing
from runner.templating.values import kind_of

_JINJA_FILTERS: Final[Mapping[str, Any]] = jinja_filters.FILTERS
_JINJA_TESTS: Final[Mapping[str, Any]] = jinja_tests.TESTS
PYTHON_ERRORS: Final = (TypeError, ValueError, ArithmeticError, LookupError, AttributeError, TemplateError)

_JINJAS: Final = ("abs", "count", "d", "default", "dictsort", "length", "reverse")
_JINJAS_OF_TEXTS: Final = ("capitalize", "lower", "title", "upper")
_JINJAS_WITH_ENVIRONMENT: Final = ("first", "last", "max", "min", "sort", "unique")
_JINJAS_WITH_CONTEXT: Final = ("reject", "rejectattr", "select", "selectattr")

_GIVES_LIST: Final = frozenset(
    {"dictsort", "map", "reject", "rejectattr", "reverse", "select", "selectattr", "sort", "unique"}
)
_GOES_THROUGH: Final = _GIVES_LIST | {
    *("batch", "items", "join", "json", "keys", "list", "max", "min", "segment", "sum", "title", "values"),
}
_TAKES_MISSING: Final = frozenset({"d", "default", "in"})
_TAKES_SECRET: Final = frozenset({"b64", "d", "default", "~", "[]", "in"})


def _of_text(name: str) -> Function:
    apply = _JINJA_FILTERS[name]
    return lambda value: apply(needs_text(value, name))


FILTERS: Final[Mapping[str, Function]] = {
    **{name: _JINJA_FILTERS[name] for name in _JINJAS},
    **{name: _of_text(name) for name in _JINJAS_OF_TEXTS},
    **{name: partial(_JINJA_FILTERS[name], SANDBOX) for name in _JINJAS_WITH_ENVIRONMENT},
    **OUR_FILTERS,
}
"""The filters in the form (value, ...)."""

METERED: Final[Mapping[str, Function]] = {
    **{name: _JINJA_FILTERS[name] for name in _JINJAS_WITH_CONTEXT},
    **metered.FILTERS,
}
"""The filters in the form (evaluation, value, ...)."""


# -- tests
def _whole(value: Json) -> int:
    # A text would be a format to "%": '%1000000000d' is even.
    if not isinstance(value, int) or isinstance(value, bool):
        raise wrong_value(f"even, odd and divisibleby take whole numbers, not {kind_of(value)}")
    return value


TESTS: Final[Mapping[str, Function]] = {
    name: _JINJA_TESTS[name]
    for name in (
        *("boolean", "defined", "eq", "equalto", "false", "float", "ge", "greaterthan", "gt", "in", "integer"),
        *("iterable", "le", "lessthan", "lower", "lt", "mapping", "ne", "none", "number", "sequence", "string"),
        *("true", "undefined", "upper"),
    )
} | {
    "divisibleby": lambda value, by: _whole(value) % _whole(by) == 0,
    "endswith": lambda value, end: needs_text(value, "endswith").endswith(needs_text(end, "endswith")),
    "even": lambda value: _whole(value) % 2 == 0,
    "odd": lambda value: _whole(value) % 2 == 1,
    "startswith": lambda value, start: needs_text(value, "startswith").startswith(needs_text(start, "startswith")),
}
"""The tests in the form (value, ...)."""


# -- the guards
def python_fault(error: Exception, where: str) -> Fault:
    """Say in our words what Python or Jinja said about a value."""
    if isinstance(error, ZeroDivisionError):
        return wrong_value(f"{where} divides by zero")
    if isinstance(error, OverflowError):
        return out_of_bounds(f"{where} gives a number that is too large")
    return wrong_value(f"{where} cannot take these values: {error}", "convert them: | int, | float, | string")


def _guarded(name: str, noun: str, function: Function, *, with_run: bool) -> Function:
    takes_missing, takes_secret = name in _TAKES_MISSING, name in _TAKES_SECRET
    gives_list, goes_through = name in _GIVES_LIST, name in _GOES_THROUGH

    @pass_context
    def run(context: Evaluation, value: Json, /, *arguments: Json, **named: Json) -> Json:
        if isinstance(value, Missing) and not takes_missing:
            return value
        if isinstance(value, Secret) and not takes_secret:
            raise Fault("template-forbidden", f"{noun} may not see a secret", "only b64 and ~ may")
        if goes_through or arguments or named:
            handed = (*arguments, *named.values())
            if not takes_missing:
                refuse_missing(*handed)
            # What is handed to every element is paid for every element.
            context.spend((size(value) if goes_through else 1) * (ELEMENT + sum(map(cost, handed))))
        try:
            result = function(context, value, *arguments, **named) if with_run else function(value, *arguments, **named)
            if gives_list:
                result = _settled(result)
        except PYTHON_ERRORS as error:
            raise python_fault(error, noun) from None
        context.spend(CALL if result is value else CALL + cost(result))
        return result

    return run


def _settled(result: Json) -> Json:
    """Make JSON of the iterators and pairs that Jinja's filters give."""
    if isinstance(result, str):
        return result
    found = [list(one) if isinstance(one, tuple) else one for one in result]
    refuse_missing(*found)
    return found


def _guarded_test(name: str, function: Function) -> Function:
    asks_missing = name in ("defined", "undefined")

    @pass_context
    def run(context: Evaluation, value: Json, /, *arguments: Json, **named: Json) -> bool:
        if not asks_missing:
            refuse_missing(value)
        handed = (*arguments, *named.values())
        refuse_missing(*handed)
        context.spend(CALL + sum(map(cost, handed)))
        try:
            return bool(function(value, *arguments, **named))
        except PYTHON_ERRORS as error:
            raise python_fault(error, f'the test "{name}"') from None

    return run


SANDBOX.filters.update(
    {name: _guarded(name, f'the filter "{name}"', function, with_run=False) for name, function in FILTERS.items()}
    | {name: _guarded(name, f'the filter "{name}"', function, with_run=True) for name, function in METERED.items()}
    | {name: _guarded(name, f'"{name}"', function, with_run=True) for name, function in metered.SYNTAX.items()}
    | {
        f"{name}()": _guarded(name, f'"{name}"', function, with_run=True)
        for name, function in metered.FUNCTIONS.items()
    }
    | {
        f".{name}": _guarded(f".{name}", f'the method "{name}"', function, with_run=True)
        for name, function in metered.METHODS.items()
    }
)
SANDBOX.tests.update({name: _guarded_test(name, function) for name, function in TESTS.items()})
