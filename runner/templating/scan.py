"""Cut a text into literal pieces and `{{ ... }}` expressions."""

from __future__ import annotations

import re
from typing import NamedTuple

from runner.templating.fault import Fault

OPEN = "{{"
MAX_EXPRESSION = 20_000
MAX_PIECES = 1_000
_FOREIGN = (("{%", "%}", "a statement"), ("{#", "#}", "a comment"))
# A text that is not closed runs to the end: so the search stays linear.
_STEP = re.compile(r"""'(?:[^'\\]|\\.)*+(?:'|\Z|\\\Z)|"(?:[^"\\]|\\.)*+(?:"|\Z|\\\Z)|[{}()\[\]]""", re.DOTALL)


class Piece(NamedTuple):
    """A part of a template.

    Attributes:
        text: literal text, or the source of an expression without its braces.
        at: offset of `text` in the template.
    """

    text: str
    at: int
    is_expression: bool


def has_markup(text: str) -> bool:
    """Tell whether a text is more than itself: holds an expression, or a statement that will be refused."""
    return OPEN in text or ("{" in text and _statement(text) is not None)


def scan(text: str) -> list[Piece]:
    """Cut a template into pieces, in order; empty literal pieces are left out.

    Raises:
        Fault: an expression that is not closed, or a statement or comment of Jinja.
    """
    pieces: list[Piece] = []
    position = 0
    while True:
        start = text.find(OPEN, position)
        end = len(text) if start < 0 else start
        if end > position:
            _refuse_statements(text[position:end], position)
            pieces.append(Piece(text[position:end], position, is_expression=False))
        if start < 0:
            return pieces
        close = _closing(text, start + 2)
        pieces.append(Piece(text[start + 2 : close], start + 2, is_expression=True))
        position = close + 2
        if len(pieces) > MAX_PIECES:
            raise Fault("template-bound", f"a text has more than {MAX_PIECES} pieces", at=start)


def _statement(literal: str) -> tuple[int, int, str] | None:
    for opening, closing, noun in _FOREIGN:
        start = literal.find(opening)
        end = literal.find(closing, start + 2) if start >= 0 else -1
        if end >= 0:
            return start, end + 2, noun
    return None


def _refuse_statements(literal: str, offset: int) -> None:
    if found := _statement(literal):
        start, end, noun = found
        shown = literal[start : min(end, start + 40)]
        raise Fault(
            "template-forbidden",
            f"{shown!r} is {noun}; only expressions {{{{ ... }}}} are allowed",
            f"leave it out, or write the text itself as {{{{ {shown[:2]!r} }}}}",
            offset + start,
        )


def _closing(text: str, start: int) -> int:
    depth = 0
    position = start
    while found := _STEP.search(text, position, start + MAX_EXPRESSION + 2):
        sign = found[0]
        position = found.end()
        if sign == "}" and depth == 0:
            if text.startswith("}", position):
                return found.start()
            break
        if sign in "{([":
            depth += 1
        elif sign in "})]":
            depth -= 1
    if len(text) > start + MAX_EXPRESSION:
        raise Fault("template-bound", f"an expression is longer than {MAX_EXPRESSION} characters", at=start)
    raise Fault(
        "template-syntax", 'an expression begins with "{{" and does not end', 'close it with "}}"', max(start - 2, 0)
    )
