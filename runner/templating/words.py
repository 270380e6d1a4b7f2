"""The words of one expression, by Jinja's own lexer and parser; every fault gets its place."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from jinja2 import TemplateSyntaxError, nodes
from jinja2.parser import Parser

from runner.templating.fault import Fault
from runner.templating.sandbox import SANDBOX

MAX_BRACKETS: Final = 40
MAX_WORDS: Final = 1_000
_BAD_ESCAPE: Final = re.compile(r"(?<!\\)(?:\\\\)*(\\[^\\'\"abfnrtv0xuUN\n])")
_MENDS: Final = {
    "=": 'compare with "=="',
    "&": 'write "and"',
    "!": 'write "not"',
    "?": 'write "a if condition else b"',
}


@dataclass(frozen=True, slots=True)
class Words:
    """The words of an expression, each on a line of its own: so the line that Jinja tells names the word.

    Attributes:
        lines: the words; a text that is written over several lines takes as many.
        offsets: where the word of each line begins in the source, and the end of the source.
    """

    lines: Sequence[str]
    offsets: Sequence[int]

    def offset(self, line: int) -> int:
        """Return the place of the word on a line, counted from 1; after the last one it is the end."""
        return self.offsets[min(line, len(self.offsets)) - 1]


def words_of(source: str) -> Words:
    """Cut an expression into words.

    Raises:
        Fault: `template-syntax`, or `template-bound` when it is too long or nested too deep.
    """
    lines: list[str] = []
    offsets: list[int] = []
    at = depth = 0
    try:
        for _, kind, word in SANDBOX.lexer.tokeniter(source, None, state="variable"):
            if kind != "whitespace":
                lines += word.split("\n")
                offsets += [at] * (len(lines) - len(offsets))
                depth += (word in ("(", "[", "{")) - (word in (")", "]", "}"))
                _check_word(kind, word, at, depth)
            at += len(word)
    except TemplateSyntaxError as error:
        what = str(error.message).partition(" at ")[0]
        raise Fault("template-syntax", what, _MENDS.get(source[at : at + 1], ""), at) from None
    if not lines:
        raise Fault("template-syntax", "the expression is empty", "write a name between {{ and }}", 0)
    if len(lines) > MAX_WORDS:
        raise Fault("template-bound", f"an expression has more than {MAX_WORDS} words", at=0)
    return Words(lines, (*offsets, len(source)))


def _check_word(kind: str, word: str, at: int, depth: int) -> None:
    if depth > MAX_BRACKETS:
        raise Fault("template-bound", f"the expression is nested deeper than {MAX_BRACKETS}", at=at)
    if kind == "string" and (bad := _BAD_ESCAPE.search(word)):
        what, mend = f"{bad[1]} is no escape in a text", f"write \\{bad[1]} for a backslash"
        raise Fault("template-syntax", what, mend, at + bad.start(1))


def parse(words: Words) -> nodes.Expr:
    """Return the tree of an expression; the lines of its nodes are those of `words`.

    Raises:
        Fault: `template-syntax`, or `template-bound` for a number of too many digits.
    """
    try:
        parser = Parser(SANDBOX, "\n".join(words.lines), state="variable")
        expression = parser.parse_expression()
        if parser.stream.eos:
            return expression
        line, what = parser.stream.current.lineno, ""
    except TemplateSyntaxError as error:
        line, what = error.lineno, str(error.message).replace("end of template", "the end of the expression")
    except ValueError:
        raise Fault("template-bound", "a number has too many digits", at=0) from None
    word = words.lines[line - 1] if line <= len(words.lines) else ""
    what = what or f'"{word[:40]}" does not belong here'
    raise Fault("template-syntax", what, _MENDS.get(word, ""), words.offset(line))
