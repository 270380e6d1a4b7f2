"""Run several awaitables concurrently."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from typing import Any


async def run_all(works: Sequence[Coroutine[Any, Any, None]]) -> None:
    """Run all; the first failure cancels the others and is raised alone."""
    try:
        async with asyncio.TaskGroup() as group:
            for work in works:
                group.create_task(work)
    except BaseExceptionGroup as failures:
        raise failures.exceptions[0] from None
