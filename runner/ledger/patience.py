"""How long a ledger on a server may be away: a restart is ridden out, a lost connection is opened again."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final, TypeVar

from runner.ledger.database import StoreLost, StoreUnavailable
from runner.model.repeat import tell_repeat

T = TypeVar("T")

PATIENCE_S: Final = 90.0
"""A restart with recovery takes a minute at most times."""
REPEATS: Final = 10
"""So often one piece of work is done again whose connection is lost each time."""
HURRY_S: Final = 2.0
"""So much longer an outage may last for somebody who wants to end."""
_FIRST_S: Final = 0.2
_LONGEST_S: Final = 2.0


class Patience:
    """One outage at a time, for all connections to one server; used by several threads."""

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
        """Shorten the outage that is going on."""
        if self._away_since is not None:
            self._away_since = min(self._away_since, self._monotonic() - self._seconds + HURRY_S)

    def reach(self, connect: Callable[[], T]) -> T:
        """Connect, again and again while the server is away.

        Raises:
            StoreUnavailable: it has been away for too long.
        """
        delay_s = _FIRST_S
        while True:
            try:
                found = connect()
            except StoreUnavailable as error:
                tell_repeat(str(error))
                now = self._monotonic()
                self._away_since = now if self._away_since is None else self._away_since
                if now - self._away_since >= self._seconds:
                    raise
            else:
                self._away_since = None
                return found
            self.pause(delay_s)
            delay_s = min(_LONGEST_S, delay_s * 2)


def repeated(work: Callable[[], T], drop: Callable[[], None]) -> T:
    """Do some work, again and again when its connection is lost before it is done.

    Args:
        work: opens a connection when there is none.
        drop: lets go of the connection.

    Raises:
        StoreLost: the connection was lost every time.
    """
    for _ in range(REPEATS - 1):
        try:
            return work()
        except StoreLost:
            drop()
    return work()
