"""Turns of paying requests: a job whose request only waits for its place is not written down as sent.

The engine takes the turn before the durable intent and gives it back after the reply. So at most as many jobs as there
are places can be in doubt when the process dies, however many wait, and none when the platform asked for a pause.
"""

from __future__ import annotations

from runner.model.job import Job
from runner.transport.limits import Limits


class Turns:
    """The places that jobs have taken among the requests of a connection; implements `Turns` of the model."""

    def __init__(self, limits: Limits, *, answers_at_once: bool = False) -> None:
        """Build it.

        Args:
            limits: of the connection.
            answers_at_once: whether a job is over with the reply to its paying request.
        """
        self._limits, self._answers_at_once = limits, answers_at_once
        self._jobs: set[str] = set()

    def __contains__(self, job: Job) -> bool:
        return job.key in self._jobs

    @property
    def job_limit(self) -> tuple[int, str] | None:
        """See `SupportsJobLimit`."""
        return self._limits.places if self._answers_at_once else None

    def bound_pause(self, max_pause_s: float) -> None:
        """See `SupportsMaxPause`."""
        self._limits.bound_pause(max_pause_s)

    def entered(self, job: Job) -> bool:
        """See the contract."""
        if job in self:
            return True
        if not self._limits.entered():
            return False
        self._jobs.add(job.key)
        return True

    async def enter(self, job: Job) -> None:
        """See the contract."""
        if job not in self:
            await self._limits.enter()
            self._jobs.add(job.key)

    def leave(self, job: Job) -> None:
        """See the contract."""
        if job.key in self._jobs:
            self._jobs.remove(job.key)
            self._limits.leave()
