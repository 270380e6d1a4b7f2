"""The event loop of commands that talk to a platform: uvloop where it is installed, else the standard one."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from runner.cli.console import err, one_line
from runner.cli.main import SELDOM
from runner.model.repeat import LISTENER

T = TypeVar("T")


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end on a new loop; print the reason of every retry meanwhile, each reason once."""
    work = _reporting_retries(work)
    with _collected_seldom():
        try:
            import uvloop  # type: ignore[import-not-found, unused-ignore] # an extra; 10 ms that only long commands take
        except ImportError:
            return asyncio.run(work)
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            return runner.run(work)


async def _reporting_retries(work: Coroutine[Any, Any, T]) -> T:
    shown: set[str] = set()

    def show_once(why: str) -> None:
        if why not in shown:
            shown.add(why)
            err(f"trying again: {one_line(why)}")

    LISTENER.set(show_once)
    return await work


@contextmanager
def _collected_seldom() -> Iterator[None]:
    """Look for cycles seldom, and never among what was imported: a tenth to a fifth of an apply went there.

    Batches of items are many young objects without a cycle; reference counting alone gives them back.
    """
    usual = gc.get_threshold()
    gc.set_threshold(*SELDOM)
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()
        gc.set_threshold(*usual)
