"""Report retries and their reasons to a listener: a progress line, or the terminal of a plan."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from typing import Final

LISTENER: Final[ContextVar[Callable[[str], None] | None]] = ContextVar("repeat_listener", default=None)
"""Receives the reason of every retry in this context; None where none are shown."""


def report_retry(why: str) -> None:
    """Report that something failed and is retried after a pause."""
    listener = LISTENER.get()
    if listener is not None:
        listener(why)
