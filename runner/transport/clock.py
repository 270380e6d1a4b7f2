"""The real time, for everything that is handed a clock."""

from __future__ import annotations

import asyncio
import time


class SystemClock:
    """The machine's clocks; implements `runner.model.contracts.Clock`."""

    __slots__ = ()

    def now(self) -> float:
        """Epoch seconds."""
        return time.time()

    def monotonic(self) -> float:
        """Seconds that never go back."""
        return time.monotonic()

    async def sleep(self, delay_s: float) -> None:
        """Wait; 0 lets others run."""
        await asyncio.sleep(delay_s)
