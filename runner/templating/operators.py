"""Arithmetic and comparison, each bounded before it is done."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from typing import Final

from runner.model.item import Json
from runner.model.secret import Secret
from runner.templating.fault import Fault, out_of_bounds, wrong_value
from runner.templating.meter import MAX_BITS, Meter, bounded
from runner.templating.values import is_list, is_number, join_text, kind_of

Operation = Callable[[Json, Json, Meter], Json]


def _mismatch(sign: str, left: Json, right: Json) -> Fault:
    mend = 'join texts with "~"' if sign == "+" and str in (type(left), type(right)) else "convert it: | int, | float"
    return wrong_value(f'"{sign}" does not take {kind_of(left)} and {kind_of(right)}', mend)


def _arithmetic(sign: str, operate: Callable[[Json, Json], Json]) -> Operation:
    def calculate(left: Json, right: Json, _meter: Meter) -> Json:
        if not (is_number(left) and is_number(right)):
            raise _mismatch(sign, left, right)
        try:
            return bounded(operate(left, right))
        except ZeroDivisionError:
            raise wrong_value(f'"{sign}" divides by zero') from None
        except OverflowError:
            raise out_of_bounds("the expression gives a number that is too large") from None

    return calculate


_plus_numbers = _arithmetic("+", operator.add)
_times_numbers = _arithmetic("*", operator.mul)


def _plus(left: Json, right: Json, meter: Meter) -> Json:
    if isinstance(left, (str, Secret)) and isinstance(right, (str, Secret)):
        return join_text((left, right), meter)
    if is_list(left) and is_list(right):
        meter.elements(len(left) + len(right))
        return [*left, *right]
    return _plus_numbers(left, right, meter)


def _times(left: Json, right: Json, meter: Meter) -> Json:
    if isinstance(left, int) and isinstance(right, str):
        left, right = right, left
    if isinstance(left, str) and isinstance(right, int) and not isinstance(right, bool):
        meter.spend(len(left) * max(right, 0))
        return meter.text(left * right)
    return _times_numbers(left, right, meter)


def _power(base: Json, exponent: Json) -> Json:
    if isinstance(base, int) and isinstance(exponent, int) and abs(exponent) * base.bit_length() > 2 * MAX_BITS:
        raise out_of_bounds(f"the power is a number of more than {MAX_BITS} bits")
    return base**exponent


BINARY: Final[Mapping[str, Operation]] = {
    "+": _plus,
    "-": _arithmetic("-", operator.sub),
    "*": _times,
    "/": _arithmetic("/", operator.truediv),
    "//": _arithmetic("//", operator.floordiv),
    "%": _arithmetic("%", operator.mod),
    "**": _arithmetic("**", _power),
    "~": lambda left, right, meter: join_text((left, right), meter),
}


def _ordering(sign: str, operate: Callable[[Json, Json], bool]) -> Callable[[Json, Json], bool]:
    def compare(left: Json, right: Json) -> bool:
        try:
            return bool(operate(left, right))
        except TypeError:
            raise _mismatch(sign, left, right) from None

    return compare


def _contains(left: Json, right: Json) -> bool:
    if isinstance(right, str) and not isinstance(left, str):
        raise wrong_value(f'"in" looks for a text in a text, not for {kind_of(left)}')
    if not (is_list(right) or isinstance(right, (str, Mapping))):
        raise wrong_value(f'"in" looks into a list, text or object, not into {kind_of(right)}')
    try:
        return left in right
    except TypeError:
        return False


COMPARE: Final[Mapping[str, Callable[[Json, Json], bool]]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": _ordering("<", operator.lt),
    "<=": _ordering("<=", operator.le),
    ">": _ordering(">", operator.gt),
    ">=": _ordering(">=", operator.ge),
    "in": _contains,
    "not in": lambda left, right: not _contains(left, right),
}


def signed(sign: str, value: Json) -> Json:
    """Return `+value` or `-value`."""
    if not is_number(value):
        raise wrong_value(f'"{sign}" does not take {kind_of(value)}', "convert it: | int, | float")
    return -value if sign == "-" else value
