"""Work that blocks, done in a thread, so that the event loop lives."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Generator
from typing import Final, ParamSpec, TypeVar

T = TypeVar("T")
P = ParamSpec("P")

_END: Final = object()


async def call(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Run a blocking function in a thread.

    A cancellation waits until the function has returned: nobody closes a file that a thread still writes.
    """
    step = asyncio.ensure_future(asyncio.to_thread(function, *args, **kwargs))
    try:
        return await asyncio.shield(step)
    except asyncio.CancelledError:
        await asyncio.wait([step])
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
