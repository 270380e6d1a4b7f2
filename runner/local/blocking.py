"""Work that blocks, done in a thread, so that the event loop lives."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import suppress
from typing import Final, ParamSpec, TypeVar

T = TypeVar("T")
P = ParamSpec("P")

_END: Final = object()


async def call(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Run a blocking function in a thread.

    Every cancellation, a repeated one too, waits until the function has returned: no file is closed and no generator
    ended that a thread still works on.
    """
    step = asyncio.ensure_future(asyncio.to_thread(function, *args, **kwargs))
    try:
        return await asyncio.shield(step)
    except asyncio.CancelledError:
        while not step.done():
            with suppress(asyncio.CancelledError):
                await asyncio.wait([step])
        if not step.cancelled():
            step.exception()  # retrieved, so that asyncio does not print it: the caller is gone
        raise


async def walk(steps: Generator[T, None, None]) -> AsyncGenerator[T, None]:
    """Drive a blocking generator in a thread, one step at a time; it is closed at the end, also an early one."""
    try:
        while True:
            value = await call(next, steps, _END)
            if value is _END:
                return
            yield value  # type: ignore[misc]
    finally:
        steps.close()
