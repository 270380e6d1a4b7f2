"""How much one evaluation may build, and what its values weigh.

An expression has no loops, so its sizes bound its time: everything it builds is paid from one purse.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from runner.model.item import Json
from runner.templating.fault import Fault, out_of_bounds, wrong_value

MAX_TEXT: Final = 10_000_000
MAX_BITS: Final = 4_096
MAX_RANGE: Final = 100_000
PURSE: Final = 4 * MAX_TEXT
ELEMENT: Final = 16
CALL: Final = 200


def cost(value: Json) -> int:
    """Return what a value costs that was built or handed on: 1 per character, `ELEMENT` per element."""
    if isinstance(value, str):
        return len(value)
    return ELEMENT * len(value) if isinstance(value, (list, tuple, Mapping)) else 0


def size(value: Json) -> int:
    """Return how many elements or characters a value has."""
    return len(value) if isinstance(value, (str, list, tuple, Mapping)) else 0


def bounded_text(parts: list[str], separator: str = "") -> str:
    """Join texts, unless the result is too long.

    Raises:
        Fault: `template-bound`.
    """
    if sum(map(len, parts)) + len(separator) * len(parts) > MAX_TEXT:
        raise too_long()
    return separator.join(parts)


def too_long() -> Fault:
    """Make the fault of a text above `MAX_TEXT`."""
    return out_of_bounds(f"the expression gives a text of more than {MAX_TEXT:_} characters")


def bounded_number(value: Json) -> Json:
    """Return a number that arithmetic gave.

    Raises:
        Fault: it is too large, infinite or no real number.
    """
    if isinstance(value, int):
        if value.bit_length() > MAX_BITS:
            raise out_of_bounds(f"the expression gives a number of more than {MAX_BITS} bits")
    elif isinstance(value, complex) or value - value != 0:
        raise wrong_value("the result is not a finite number")
    return value
