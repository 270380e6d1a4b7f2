"""Cut one expression into tokens."""

from __future__ import annotations

import re
from typing import NamedTuple

from runner.templating.fault import Fault

_TOKEN = re.compile(
    r"""
    (?P<space>\s+)
  | (?P<float>\d+(?:_\d+)*(?:\.\d+(?:_\d+)*)?[eE][+-]?\d+(?:_\d+)*|\d+(?:_\d+)*\.\d+(?:_\d+)*)
  | (?P<int>0[bB](?:_?[01])+|0[oO](?:_?[0-7])+|0[xX](?:_?[0-9a-fA-F])+|[1-9](?:_?\d)*|0(?:_?0)*)
  | (?P<name>[^\W\d]\w*)
  | (?P<text>'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")
  | (?P<sign>\*\*|//|==|!=|<=|>=|[-+*/%~<>()\[\]{},:.|=])
    """,
    re.VERBOSE | re.DOTALL,
)
_ESCAPE = re.compile(r"\\(x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|.)", re.DOTALL)
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f", "0": "\0", "\n": ""} | {c: c for c in "\\'\"/"}
_MAX_DIGITS = 1_000


class Token(NamedTuple):
    """One word: `kind` is name, int, float, text, sign or end."""

    kind: str
    text: str
    at: int


def tokens(source: str) -> list[Token]:
    """Return the words of an expression; the last one is of kind `end`.

    Raises:
        Fault: a character that belongs to no word.
    """
    found: list[Token] = []
    position = 0
    while position < len(source):
        match = _TOKEN.match(source, position)
        if match is None:
            raise _strange(source, position)
        kind = match.lastgroup or ""
        if kind != "space":
            found.append(Token(kind, match[0], position))
        _refuse_run_together(source, kind, match.end())
        position = match.end()
    found.append(Token("end", "", len(source)))
    return found


def _strange(source: str, at: int) -> Fault:
    sign = source[at]
    if sign in "'\"":
        return Fault("template-syntax", "a text begins here and does not end", f"close it with {sign}", at)
    mends = {"&": 'write "and"', "!": 'write "not"', "?": 'write "a if condition else b"'}
    return Fault("template-syntax", f"{sign!r} has no meaning in an expression", mends.get(sign, ""), at)


def _refuse_run_together(source: str, kind: str, end: int) -> None:
    if kind in ("int", "float") and (source[end : end + 1].isalnum() or source[end : end + 1] == "_"):
        raise Fault("template-syntax", "a number is followed by a letter or digit that is not part of it", at=end)


def number(token: Token) -> int | float:
    """Return the value of an int or float token."""
    digits = token.text.replace("_", "")
    if len(digits) > _MAX_DIGITS:
        raise Fault("template-bound", f"a number has more than {_MAX_DIGITS} digits", at=token.at)
    value = int(digits, 0) if token.kind == "int" else float(digits)
    if value in (float("inf"), float("-inf")):
        raise Fault("template-bound", f"the number {token.text[:20]} is too large", at=token.at)
    return value


def literal(token: Token) -> str:
    """Return the value of a text token."""

    def replaced(match: re.Match[str]) -> str:
        code = match[1]
        if len(code) > 1:
            return _character(int(code[1:], 16), token.at + match.start() + 1)
        if code not in _ESCAPES:
            what = f"\\{code} is no escape in a text"
            raise Fault("template-syntax", what, f"write \\\\{code} for a backslash", token.at + match.start() + 1)
        return _ESCAPES[code]

    body = token.text[1:-1]
    return _ESCAPE.sub(replaced, body) if "\\" in body else body


def _character(code: int, at: int) -> str:
    if code > 0x10FFFF or 0xD800 <= code <= 0xDFFF:
        raise Fault("template-syntax", f"U+{code:04X} is not a character", at=at)
    return chr(code)
