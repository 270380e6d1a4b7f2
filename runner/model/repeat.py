"""Tell what is being repeated, and why, to whoever shows it: a progress line, or the terminal of a plan."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from typing import Final

LISTENER: Final[ContextVar[Callable[[str], None] | None]] = ContextVar("repeat_listener", default=None)
"""Takes the reason of every repetition in this context; None where nobody shows it."""


def tell_repeat(why: str) -> None:
    """Say that something failed, and will be tried again after a pause."""
    listener = LISTENER.get()
    if listener is not None:
        listener(why)
