"""Find `options.x | default(y)` where the option may be null: `default` replaces undefined values, but keeps null."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

_DEFAULT: Final = re.compile(r"\boptions\.(\w+)(\.\w+)*\s*\|\s*default\(")
_NULL: Final = frozenset({"none", "None", "null"})


def vain_defaults(text: str) -> Iterator[tuple[str, bool, str]]:
    """Yield each default of an option that keeps null.

    Args:
        text: with expressions.

    Yields:
        Name of the option, whether only a part of it is read, and the expression as written.
    """
    for found in _DEFAULT.finditer(text):
        arguments = _arguments(text[found.end() :])
        if len(arguments) == 1 and arguments[0] not in _NULL:
            yield found[1], found[2] is not None, f"{found[0]}{arguments[0]})"


def _arguments(text: str) -> list[str]:
    """Split the text before the closing bracket at its commas; ignore commas inside brackets and texts."""
    found, depth, quote = [""], 0, ""
    for letter in text:
        if quote:
            quote = "" if letter == quote else quote
        elif letter in "'\"":
            quote = letter
        elif letter in "([{":
            depth += 1
        elif letter in ")]}":
            depth -= 1
            if depth < 0:
                break
        elif letter == "," and not depth:
            found.append("")
            continue
        found[-1] += letter
    return [one.strip() for one in found]
