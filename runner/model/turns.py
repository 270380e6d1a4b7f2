"""The turn of a paying request: an optional contract of targets.

A job whose request only waits, for a place, for the rate or for the end of a pause, must not be written down as sent:
when the process dies meanwhile, nobody could tell it from one that was paid.
"""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from runner.model.job import Job


class Turns(Protocol):
    """Places of paying requests among all that go to a platform."""

    def entered(self, job: Job) -> bool:
        """Take the turn of a job when its request may leave at once."""

    async def enter(self, job: Job) -> None:
        """Wait for the turn of a job, and take it.

        Raises:
            StopRun: the platform has been failing for too long.
        """

    def leave(self, job: Job) -> None:
        """Give the turn back; a job that has none is no matter."""


@runtime_checkable
class SupportsMaxPause(Turns, Protocol):
    """Turns that wait when the platform asks to."""

    def bound_pause(self, max_pause_s: float) -> None:
        """End the run with PauseTooLong when the platform asks to wait for longer."""


@runtime_checkable
class SupportsJobLimit(Turns, Protocol):
    """Turns that know how many jobs can be in flight where each of them lasts as long as its request."""

    @property
    def job_limit(self) -> tuple[int, str] | None:
        """The number, and who sets it; None where a job outlives its request."""


@runtime_checkable
class Queueing(Protocol):
    """A target whose requests wait for their turn; the engine takes it before it writes that a job is sent."""

    turns: Turns
