"""Why an apply stops before everything is done, and what still goes on then."""

from __future__ import annotations

import asyncio
from enum import StrEnum


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

    async def wait(self) -> None:
        """Return when everything must end."""
        await self._ended.wait()
