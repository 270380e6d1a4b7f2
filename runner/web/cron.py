"""The times of a cron expression, in a time zone, as Debian's cron has them.

A time that a change of the clock skips comes right after it, one that comes twice counts once; an expression for every
hour or minute goes by the time that really passes.

Why cronsim: small, without dependencies, typed, written for and run by a monitoring service for cron jobs, and compared
by its authors with Debian's cron minute by minute; croniter was declared abandoned in 2024 and has since changed hands.
"""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError


class Cron:
    """One expression."""

    def __init__(self, expression: str, timezone: ZoneInfo) -> None:
        """Compile it.

        Raises:
            ValueError: it is no cron expression of five fields, or has no time at all.
        """
        self._expression = expression
        self._timezone = timezone
        if len(expression.split()) != 5:
            raise ValueError("a cron expression has five fields")
        try:
            next(CronSim(expression, datetime.now(UTC)))
        except (CronSimError, StopIteration) as error:
            raise ValueError(str(error) or "it never comes") from error

    def next_after(self, at: float) -> float:
        """Return the first time after `at`; both epoch seconds."""
        return next(CronSim(self._expression, self._local(at))).timestamp()

    def last_until(self, at: float) -> float:
        """Return the last time that is not after `at`."""
        # backwards it gives times before the one it is given, whole seconds only
        return next(CronSim(self._expression, self._local(int(at) + 1), reverse=True)).timestamp()

    def text(self, at: float) -> str:
        """Return a time as ISO 8601 with its offset."""
        return self._local(at).isoformat()

    def _local(self, at: float) -> datetime:
        return datetime.fromtimestamp(at, self._timezone)
