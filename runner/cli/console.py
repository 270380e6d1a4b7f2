"""Where texts go: standard output for results, standard error for everything else; colours only on a terminal."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from typing import TextIO

import click

_STYLES: Mapping[str, Mapping[str, object]] = {
    "good": {"fg": "green"},
    "bad": {"fg": "red"},
    "warn": {"fg": "yellow"},
    "dim": {"dim": True},
    "strong": {"bold": True},
}


def is_terminal(stream: TextIO) -> bool:
    """Whether a person looks at the stream; `TERM=dumb` is none."""
    return stream.isatty() and os.environ.get("TERM") != "dumb"


def has_colour(stream: TextIO) -> bool:
    """Whether to colour: on a terminal, unless `NO_COLOR` is set; always with `FORCE_COLOR`."""
    if os.environ.get("NO_COLOR"):
        return False
    return bool(os.environ.get("FORCE_COLOR")) or is_terminal(stream)


def paint(text: str, style: str, stream: TextIO | None = None) -> str:
    """Return the text in a style, plain where colours do not belong."""
    if not has_colour(stream or sys.stdout):
        return text
    return click.style(text, **_STYLES[style])  # type: ignore[arg-type]


def out(text: str = "") -> None:
    """Print a result."""
    click.echo(text, color=True)


def err(text: str) -> None:
    """Print what is not a result: progress, problems, advice."""
    click.echo(text, err=True, color=True)
