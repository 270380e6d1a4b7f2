"""The jobs between intent and settlement, and the room for more of them."""

from __future__ import annotations

import asyncio
from collections import deque

from runner.model.job import Job


class Flight:
    """Keeps at most `most` jobs in flight; resumed jobs count too, even above it.

    Attributes:
        waiting_human: keys of jobs that wait for a human on the platform.
        resumed: keys of jobs that an earlier apply began: their end time is unknown, as they were not polled meanwhile.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._reserved: dict[str, float | None] = {}
        self._born: dict[str, float] = {}
        self._waiters: deque[asyncio.Future[None]] = deque()
        self._empty = asyncio.Event()
        self._empty.set()
        self.waiting_human: set[str] = set()
        self.resumed: set[str] = set()

    def __len__(self) -> int:
        return len(self._reserved)

    def __contains__(self, key: str) -> bool:
        return key in self._reserved

    def start(self, job: Job, reserved: float | None = 0.0) -> None:
        """Count a job in; `reserved` is the money taken out of this budget for it, None when another one paid."""
        self._reserved[job.key] = reserved
        self._empty.clear()

    def reserved(self, job: Job) -> float:
        """Return what is reserved for a job."""
        return self._reserved.get(job.key) or 0.0

    def born(self, job: Job, monotonic: float) -> None:
        """Note when the platform accepted a job, on the clock that nobody can set."""
        self._born[job.key] = monotonic

    def age_s(self, job: Job, monotonic: float) -> float:
        """Return the seconds since a job was accepted."""
        return monotonic - self._born.get(job.key, monotonic)

    def land(self, job: Job) -> float | None:
        """Count a job out; return what was reserved for it."""
        reserved = self._reserved.pop(job.key, None)
        self._born.pop(job.key, None)
        self.waiting_human.discard(job.key)
        self.resumed.discard(job.key)
        self._tell()
        return reserved

    def human(self, job: Job, *, waits: bool) -> None:
        """Note whether a job waits for a human on the platform."""
        if waits:
            self.waiting_human.add(job.key)
        else:
            self.waiting_human.discard(job.key)
        self._tell()

    def _tell(self) -> None:
        if len(self._reserved) <= len(self.waiting_human):
            self._empty.set()
        else:
            self._empty.clear()
        while self._waiters and len(self._reserved) < self._most:
            waiter = self._waiters.popleft()
            if not waiter.done():
                waiter.set_result(None)
                break

    async def room(self) -> None:
        """Wait until another job may start; one caller at a time."""
        while len(self._reserved) >= self._most:
            waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiters.append(waiter)
            await waiter

    async def drained(self) -> None:
        """Wait until no job is left but those that wait for a human."""
        await self._empty.wait()
