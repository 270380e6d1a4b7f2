"""The event loop of commands that talk to a platform: uvloop where it is installed, else the standard one."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end on a new loop."""
    try:
        import uvloop  # type: ignore[import-not-found, unused-ignore] # an extra; 10 ms that only long commands take
    except ImportError:
        return asyncio.run(work)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(work)
