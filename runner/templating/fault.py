"""What is wrong inside an expression, before it gets its place in a file."""

from __future__ import annotations

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
