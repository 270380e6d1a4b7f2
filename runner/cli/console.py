"""Where texts go: standard output for results, standard error for everything else; colours only on a terminal.

Names, values and error texts come from files and servers. What could move the cursor, hide or reorder text on a
terminal is shown as an escape, like `\\x1b`; only styles of our own pass.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
from collections.abc import Mapping
from contextlib import suppress
from math import isfinite
from typing import Final, TextIO

import click

from runner.model.item import Json
from runner.model.redact import REDACTOR, redact

_STYLES: Final[Mapping[str, str]] = {"good": "32", "bad": "31", "warn": "33", "dim": "2", "strong": "1"}

# No text from outside can hold it, so no text from outside is a style.
_OURS: Final = f"\x1b{os.urandom(8).hex()}:"
_PAINTED: Final = re.compile(f"{_OURS}([0-9]+)m")

# C0 but tab and line feed, DEL, C1, separators that some read as line ends, marks that reorder text, lone surrogates.
_UNSAFE: Final = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


_ERASED: Final = "\r\x1b[K"
_drawn: list[TextIO] = []
"""Stream that shows a progress line now."""


def is_terminal(stream: TextIO) -> bool:
    """Whether a person looks at the stream; `TERM=dumb` is none."""
    return stream.isatty() and os.environ.get("TERM") != "dumb"


def has_colour(stream: TextIO) -> bool:
    """Whether to colour: on a terminal, unless `NO_COLOR` is set; always with `FORCE_COLOR`."""
    if os.environ.get("NO_COLOR"):
        return False
    return bool(os.environ.get("FORCE_COLOR")) or is_terminal(stream)


def paint(text: str, style: str, stream: TextIO | None = None) -> str:
    """Return the text in a style, plain where colours do not belong; to be printed with `out` or `err`."""
    if not has_colour(stream or sys.stdout):
        return text
    return f"{_OURS}{_STYLES[style]}m{text}{_OURS}0m"


def row(name: str, text: str) -> str:
    """Return one line of a block: its name, and a text that must not become a second line."""
    return f"  {name:<11}{one_line(text)}".rstrip()


def one_line(text: str) -> str:
    """Return the text with its line ends shown: what is said of a file must not look like a line of our own.

    A problem that became an error of an item says how to mend it on a line of its own: here behind a semicolon.
    """
    return text.replace("\n    mend: ", "; mend: ").replace("\n", "\\n")


def safe(text: str) -> str:
    """Return the text as it may be shown: without secrets, control characters as escapes, our own styles as styles."""
    pieces = _PAINTED.split(text)
    pieces[::2] = [_UNSAFE.sub(_escape, redact(piece)) for piece in pieces[::2]]
    pieces[1::2] = [f"\x1b[{code}m" for code in pieces[1::2]]
    return "".join(pieces)


def draw(text: str) -> None:
    """Redraw the last line of the terminal of standard error; what is printed next erases it. No-op elsewhere."""
    if is_terminal(sys.stderr):
        _drawn[:] = [sys.stderr]
        sys.stderr.write(f"{_ERASED}{safe(text)[: shutil.get_terminal_size().columns - 1]}")
        sys.stderr.flush()


def erase() -> None:
    """Erase the line that is drawn, with the ^C that a terminal may have put behind it."""
    if _drawn:
        stream = _drawn[-1]
        _drawn.clear()
        with suppress(OSError):  # the terminal was closed
            stream.write(_ERASED)
            stream.flush()


def out(text: str = "") -> None:
    """Print a result."""
    erase()
    click.echo(safe(text), color=True)


def err(text: str) -> None:
    """Print what is not a result: progress, problems, advice."""
    erase()
    click.echo(safe(text), err=True, color=True)


def out_json(document: Json, *, indent: int | None = 2) -> None:
    """Print a result as JSON in UTF-8; without `indent` on one line.

    What a terminal must not see is escaped as JSON escapes it; NaN and Infinity, which JSON has not, become null.
    """
    erase()
    document = REDACTOR.value(document)
    try:
        text = json.dumps(document, indent=indent, ensure_ascii=False, allow_nan=False, default=str)
    except ValueError:
        text = json.dumps(_finite(document), indent=indent, ensure_ascii=False, default=str)
    click.echo(_UNSAFE.sub(lambda found: f"\\u{ord(found[0]):04x}", redact(text)))


def out_event(facts: Mapping[str, Json]) -> None:
    """Print one event of `-o jsonl`, on one line, with the version of its form."""
    out_json({"format_version": 1, **facts}, indent=None)


def _finite(value: Json) -> Json:
    if isinstance(value, dict):
        return {name: _finite(each) for name, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(each) for each in value]
    return None if isinstance(value, float) and not isfinite(value) else value


def _escape(found: re.Match[str]) -> str:
    number = ord(found[0])
    return f"\\x{number:02x}" if number < 0x100 else f"\\u{number:04x}"
