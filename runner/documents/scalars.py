"""What a plain YAML scalar is: the core schema of YAML 1.2.

Unlike YAML 1.1 `no`, `on`, `1:30`, `2026-08-01` and `1_000` are texts. Stricter than 1.2: a number with leading zeros
(`0123`, a postcode) is the text that it looks like, and infinity and not-a-number are refused.

Source: YAML 1.2.2, section 10.3.2 "Tag Resolution", read 2026-11-20.
"""

from __future__ import annotations

import re
from typing import Final

from runner.model.item import Json

_WORDS: Final = {
    **dict.fromkeys(["", "~", "null", "Null", "NULL"]),
    **dict.fromkeys(["true", "True", "TRUE"], True),
    **dict.fromkeys(["false", "False", "FALSE"], False),
}
_FIRST: Final = frozenset("0123456789+-.~ntfNTF")
_INT: Final = re.compile(r"[-+]?(?:0|[1-9][0-9]*)")
_BASED: Final = re.compile(r"0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT: Final = re.compile(r"[-+]?(?:\.[0-9]+|(?:0|[1-9][0-9]*)(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_NOT_FINITE: Final = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")
_MAX_DIGITS: Final = 1_000


class NotFinite(ValueError):
    """A number that JSON cannot hold: infinite, not a number, or of absurd length."""


def resolve(text: str) -> Json:
    """Return the value of a plain scalar.

    Raises:
        NotFinite: `.inf`, `.nan`, or more digits than a number can have.
    """
    if text and text[0] not in _FIRST:
        return text
    if text in _WORDS:
        return _WORDS[text]
    if _INT.fullmatch(text):
        return int(_short(text))
    if _BASED.fullmatch(text):
        return int(_short(text), 0)
    if _FLOAT.fullmatch(text):
        number = float(_short(text))
        if number in (float("inf"), float("-inf")):
            raise NotFinite(f"the number {text[:40]} is too large")
        return number
    if _NOT_FINITE.fullmatch(text):
        raise NotFinite(f"{text} is no number that JSON can hold")
    return text


def _short(text: str) -> str:
    if len(text) > _MAX_DIGITS:
        raise NotFinite(f"a number has more than {_MAX_DIGITS} digits")
    return text
