"""What is wrong inside an expression, before it gets its place in a file."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

_SHOWN = 10


class Fault(Exception):
    """One fault of one expression.

    Attributes:
        slug: `template-syntax`, `template-forbidden`, `unknown-filter`, `undefined-value`, `template-value`,
            `template-bound`.
        at: offset in characters inside the expression; None when the fault is met at run time.
    """

    def __init__(self, slug: str, what: str, mend: str = "", at: int | None = None) -> None:
        super().__init__(what)
        self.slug = slug
        self.what = what
        self.mend = mend
        self.at = at


def undefined(what: str, mend: str = "") -> Fault:
    """Make the fault that `default` and `is defined` can answer."""
    return Fault("undefined-value", what, mend)


def wrong_value(what: str, mend: str = "") -> Fault:
    """Make the fault of a value that an operation cannot take."""
    return Fault("template-value", what, mend)


def out_of_bounds(what: str) -> Fault:
    """Make the fault of an expression that would build too much."""
    return Fault("template-bound", what, "expressions shape values; make large data in the source or in the target")


def suggestion(word: str, known: Iterable[str], noun: str) -> str:
    """Say which known word was probably meant, and list the known ones while they are few."""
    names = sorted({str(name) for name in known})
    close = get_close_matches(word, names, n=1, cutoff=0.6)
    guess = f'did you mean "{close[0]}"? ' if close else ""
    if not names:
        return f"there are no {noun.lower()}"
    shown = ", ".join(names[:_SHOWN]) + (", ..." if len(names) > _SHOWN else "")
    return f"{guess}{noun}: {shown}"
