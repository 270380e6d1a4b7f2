"""Why an apply stops before everything is done, and what still goes on then."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from enum import StrEnum
from typing import Any, TypeVar

from runner.model.errors import Interrupted

T = TypeVar("T")


class Reason(StrEnum):
    """BUDGET ends submitting only: what runs is finished. The others end the apply; what runs goes on remotely."""

    BUDGET = "budget"
    WAIT = "wait"
    DEADLINE = "deadline"
    INTERRUPTED = "interrupted"
    ERROR = "error"


class Stop:
    """A request to stop, set once by whoever has a reason; the first reason that ends the apply stands."""

    def __init__(self) -> None:
        self.reason: Reason | None = None
        self.error: Exception | None = None
        self._ended = asyncio.Event()
        self._children: list[Stop] = []

    @property
    def submitting(self) -> bool:
        """Whether no further job may be submitted."""
        return self.reason is not None

    @property
    def everything(self) -> bool:
        """Whether nothing further may begin."""
        return self._ended.is_set()

    def ask(self, reason: Reason, error: Exception | None = None) -> None:
        """Ask to stop; a budget stop may be followed by one that ends everything."""
        if self.everything:
            return
        self.reason = reason
        self.error = error
        for child in self._children:
            child.ask(reason, error)
        if reason is not Reason.BUDGET:
            self._ended.set()

    def child(self) -> Stop:
        """Return a Stop for one of several applies: what ends this one ends it too, its own reasons stay its own."""
        child = Stop()
        self._children.append(child)
        if self.everything and self.reason is not None:
            child.ask(self.reason, self.error)
        return child

    async def unless(self, work: Coroutine[Any, Any, T]) -> T:
        """Await some work, but cut it off when everything must end.

        Raises:
            Interrupted: it was cut off.
        """
        task = asyncio.create_task(work)
        ended = asyncio.create_task(self._ended.wait())
        try:
            await asyncio.wait({task, ended}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            ended.cancel()
            if not task.done():
                task.cancel()
            await asyncio.gather(task, ended, return_exceptions=True)
        if task.cancelled():
            raise Interrupted("interrupted")
        return task.result()

    async def wait(self) -> None:
        """Return when everything must end."""
        await self._ended.wait()
