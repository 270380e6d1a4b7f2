"""Count replies that fit the manifest, and limit the paying requests until the first one was understood.

A manifest that does not fit its platform spoils every job in the same way. So only a few paying requests are in flight
until one reply was understood, and an apply stops submitting when the first replies, or many in a row, do not fit.
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass
from typing import Final

from runner.model.errors import RunnerError, StopRun
from runner.model.job import Job

FIRST_REQUESTS: Final = 3
"""Paying requests in flight while no reply of the manifest has been understood; so many misfits stop the run."""

MISFITS_IN_A_ROW: Final = 10
"""Misfits in a row that stop the run although earlier replies were understood."""


@dataclass(slots=True)
class Streak:
    """Misfits in a row of one sort of reply."""

    misfits: int = 0
    any_fits: bool = False

    def fits(self) -> None:
        """Count a reply that fits."""
        self.misfits, self.any_fits = 0, True


class ReplyMonitor:
    """Counts replies that fit and misfit, and admits paying requests; one object serves one apply of one stage."""

    def __init__(self, *, is_understood: bool) -> None:
        """Begin; `is_understood`: whether a reply of this manifest was understood before."""
        self.is_understood = is_understood
        self._submits, self._others = Streak(), Streak()
        self._spent = 0
        self._admitted: set[str] = set()
        self._waiting: deque[asyncio.Future[None]] = deque()

    def try_enter(self, job: Job) -> bool:
        """Admit the paying request of a job if it may leave now."""
        if self.is_understood or job.key in self._admitted:
            return True
        if len(self._admitted) + self._spent >= FIRST_REQUESTS:
            return False
        self._admitted.add(job.key)
        return True

    async def enter(self, job: Job) -> None:
        """Wait until the paying request of a job may leave, and admit it."""
        while not self.try_enter(job):
            waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.append(waiter)
            await waiter

    def leave(self, job: Job) -> None:
        """Let the next request in; no-op for a job that was not admitted."""
        if job.key in self._admitted:
            self._admitted.discard(job.key)
            self._wake()

    def fits(self) -> None:
        """Count a reply to a paying request that was understood: from now on every request may leave."""
        self.is_understood = True
        self._submits.fits()
        self._wake()

    def job_fits(self) -> None:
        """Count a job that came to its end, so that the replies behind its acceptance were understood."""
        self._others.fits()

    def misfits(self, error: RunnerError, job: Job | None = None) -> StopRun | None:
        """Count a reply that does not fit the manifest; return why the run must stop, None when it may go on.

        Args:
            error: names what does not fit.
            job: whose paying request got the reply; its place is not given to another one. None for other requests.
        """
        streak = self._others if job is None else self._submits
        streak.misfits += 1
        if job is not None and job.key in self._admitted:
            self._admitted.discard(job.key)
            self._spent += 1
        most = MISFITS_IN_A_ROW if streak.any_fits else FIRST_REQUESTS
        if streak.misfits < most:
            return None
        which = f"{most} replies in a row do" if streak.any_fits else f"the first {most} replies of this run do"
        return StopRun(
            f"{which} not fit the manifest: {error}",
            mend=error.mend
            or "compare the manifest with a reply of the platform; nothing is lost: apply again afterwards",
        )

    def _wake(self) -> None:
        waiting, self._waiting = self._waiting, deque()
        for waiter in waiting:
            if not waiter.done():
                waiter.set_result(None)
