"""Jinja's sandbox with our bounds: what generated code may touch while it runs.

The generated code holds no calls and no Python attributes, `expression` takes care of that; here is the second wall.
Source: Jinja documentation 3.1, "Sandbox" and "Undefined Types", read 2026-11-21.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, NoReturn

from jinja2 import StrictUndefined
from jinja2.nodes import EvalContext
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment

from runner.model.item import Json
from runner.model.secret import Secret
from runner.templating.bounds import ELEMENT, MAX_BITS, MAX_TEXT, PURSE, bounded_number, cost, too_long
from runner.templating.fault import Fault, out_of_bounds, undefined, wrong_value
from runner.templating.paths import Read, why_absent, why_no_element
from runner.templating.values import is_list, is_number, join_text, kind_of


class Missing(StrictUndefined):
    """A value that is not there: `default` and `is defined` may ask, everything else gets our fault."""

    __slots__ = ()

    def fault(self) -> Fault:
        """Say what is missing; only now, since a suggestion is dear."""
        if self._undefined_hint:
            return undefined(self._undefined_hint.rstrip("."), "give a value: | default(...)")
        key: Json = self._undefined_name
        if isinstance(key, tuple):
            return why_absent(key, self._undefined_obj)
        return why_no_element(self._undefined_obj, key, "the value")

    @property
    def _undefined_message(self) -> NoReturn:
        # Every forbidden use of an undefined value asks for its message before anything else.
        raise self.fault()


def refuse_missing(*values: Json) -> None:
    """Raise the fault of the first value that is not there."""
    for value in values:
        if isinstance(value, Missing):
            raise value.fault()


class Sandbox(ImmutableSandboxedEnvironment):
    """Jinja over JSON values: `.name` is always a key, arithmetic is bounded, nothing can be called."""

    intercepted_binops = frozenset(ImmutableSandboxedEnvironment.default_binop_table)

    def getitem(self, obj: Json, argument: Json) -> Json:
        """Return an element of a JSON value, or `Missing`."""
        if isinstance(obj, Missing):
            return obj
        try:
            return obj[argument]
        except (TypeError, LookupError):
            return argument if isinstance(argument, Missing) else Missing(obj=obj, name=argument)

    def getattr(self, obj: Json, attribute: str) -> Json:
        """Return the same: a field of an object is its key."""
        return self.getitem(obj, attribute)

    def is_safe_attribute(self, _obj: object, _attr: str, _value: object) -> bool:
        """Refuse: no attribute of Python is read."""
        return False

    def is_safe_callable(self, _obj: object) -> bool:
        """Refuse: methods and functions are filters of ours."""
        return False

    def call_binop(self, context: Json, operator: str, left: Json, right: Json) -> Json:
        """Calculate, bounded before and after."""
        refuse_missing(left, right)
        if is_number(left) and is_number(right):
            if operator == "**" and isinstance(left, int) and isinstance(right, int):
                _refuse_power(left, right)
            return bounded_number(self.binop_table[operator](left, right))
        if operator in _OF_TEXTS:
            return _OF_TEXTS[operator](context, left, right)
        raise _mismatch(operator, left, right)


def _refuse_power(base: int, exponent: int) -> None:
    if abs(exponent) * base.bit_length() > 2 * MAX_BITS:
        raise out_of_bounds(f"the power is a number of more than {MAX_BITS} bits")


def _plus(run: Evaluation, left: Json, right: Json) -> Json:
    if isinstance(left, (str, Secret)) and isinstance(right, (str, Secret)):
        run.spend(cost(left) + cost(right))
        return join_text((left, right))
    if is_list(left) and is_list(right):
        run.spend(ELEMENT * (len(left) + len(right)))
        return [*left, *right]
    raise _mismatch("+", left, right)


def _times(run: Evaluation, left: Json, right: Json) -> str:
    text, times = (right, left) if isinstance(right, str) else (left, right)
    if not isinstance(text, str) or not isinstance(times, int) or isinstance(times, bool):
        raise _mismatch("*", left, right)
    if len(text) * times > MAX_TEXT:
        raise too_long()
    run.spend(len(text) * max(times, 0))
    return text * times


_OF_TEXTS: Final[Mapping[str, Callable[[Evaluation, Json, Json], Json]]] = {"+": _plus, "*": _times}


def _mismatch(sign: str, left: Json, right: Json) -> Fault:
    mend = 'join texts with "~"' if sign == "+" and str in (type(left), type(right)) else "convert it: | int, | float"
    return wrong_value(f'"{sign}" does not take {kind_of(left)} and {kind_of(right)}', mend)


# optimized=False: Jinja would calculate constants when it compiles, before any bound of ours.
SANDBOX: Final = Sandbox(undefined=Missing, optimized=False, cache_size=0)
SANDBOX.globals.clear()
SANDBOX.filters.clear()
SANDBOX.tests.clear()


class Evaluation(Context):
    """One evaluation: reads the paths of the expression, and pays for what is built."""

    environment = SANDBOX
    eval_ctx = EvalContext(SANDBOX)

    def __init__(self, reads: Mapping[str, Read], scope: Mapping[str, Json]) -> None:
        # Not Context.__init__: that prepares blocks, exports and globals, which expressions do not have.
        self.vars: dict[str, Json] = {}
        self._reads = reads
        self._scope = scope
        self._left = PURSE

    def resolve_or_missing(self, key: str) -> Json:
        """Read one path; generated code asks for each of them once, at its beginning."""
        return self._reads[key](self._scope)

    def spend(self, amount: int) -> None:
        """Pay, before it is built when it may be large.

        Raises:
            Fault: `template-bound` when the purse is empty.
        """
        self._left -= amount
        if self._left < 0:
            raise out_of_bounds(f"the expression builds or copies more than {PURSE:_} characters in all")
