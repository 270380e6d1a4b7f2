"""How much one evaluation may build: every text, list and number that is made is paid from one purse."""

from __future__ import annotations

from runner.model.item import Json
from runner.templating.fault import out_of_bounds, wrong_value

MAX_TEXT = 10_000_000
PURSE = 3 * MAX_TEXT
ELEMENT = 16
MAX_BITS = 4_096
MAX_RANGE = 100_000


class Meter:
    """Count down what one evaluation builds; characters cost 1, elements of lists cost `ELEMENT`."""

    __slots__ = ("_left",)

    def __init__(self) -> None:
        self._left = PURSE

    def spend(self, amount: int) -> None:
        """Pay before building.

        Raises:
            Fault: `template-bound` when the purse is empty.
        """
        self._left -= amount
        if self._left < 0:
            raise out_of_bounds(
                f"the expression builds more than {PURSE:_} characters or {PURSE // ELEMENT:_} elements"
            )

    def elements(self, count: int) -> None:
        """Pay for a list of `count` elements."""
        self.spend(count * ELEMENT)

    def text(self, text: str) -> str:
        """Pay for a text that was built, and return it."""
        self.spend(len(text))
        if len(text) > MAX_TEXT:
            raise out_of_bounds(f"the expression gives a text of more than {MAX_TEXT:_} characters")
        return text


def bounded(value: Json) -> Json:
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
