"""Reconnect to a ledger on a server: wait while it restarts, open a lost connection again."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final, TypeVar

from runner.ledger.database import StoreLost, StoreUnavailable
from runner.model.repeat import report_retry

T = TypeVar("T")

PATIENCE_S: Final = 90.0
"""Seconds to wait for an unreachable server; a restart with recovery usually takes up to a minute."""
REPEATS: Final = 10
"""How often a piece of work is repeated when its connection is lost each time."""
HURRY_S: Final = 2.0
"""Seconds that an outage may still last once the process was asked to end."""
_FIRST_S: Final = 0.2
_LONGEST_S: Final = 2.0


class Reconnector:
    """Bound one outage at a time, for all connections to one server; used by several threads."""

    def __init__(
        self,
        seconds: float = PATIENCE_S,
        *,
        monotonic: Callable[[], float] = time.monotonic,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self.pause = pause
        self._seconds = seconds
        self._monotonic = monotonic
        self._away_since: float | None = None

    def hurry(self) -> None:
        """Shorten the current outage."""
        if self._away_since is not None:
            self._away_since = min(self._away_since, self._monotonic() - self._seconds + HURRY_S)

    def reach(self, connect: Callable[[], T]) -> T:
        """Connect; retry while the server is unreachable.

        Raises:
            StoreUnavailable: it was unreachable for too long.
        """
        delay_s = _FIRST_S
        while True:
            try:
                found = connect()
            except StoreUnavailable as error:
                report_retry(str(error))
                now = self._monotonic()
                self._away_since = now if self._away_since is None else self._away_since
                if now - self._away_since >= self._seconds:
                    raise
            else:
                self._away_since = None
                return found
            self.pause(delay_s)
            delay_s = min(_LONGEST_S, delay_s * 2)


def repeat_when_lost(work: Callable[[], T], drop: Callable[[], None]) -> T:
    """Do some work; repeat it when its connection is lost before the end.

    Args:
        work: opens a connection when there is none.
        drop: closes the connection.

    Raises:
        StoreLost: the connection was lost every time.
    """
    for _ in range(REPEATS - 1):
        try:
            return work()
        except StoreLost:
            drop()
    return work()
