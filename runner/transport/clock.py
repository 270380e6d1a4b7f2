"""The real time, for everything that is handed a clock."""

from __future__ import annotations

import asyncio
import time
from typing import Final

_BOOT: Final[int | None] = getattr(time, "CLOCK_BOOTTIME", None)  # macOS has none: there the wall clock serves


class SystemClock:
    """The machine's clocks; implements `runner.model.contracts.Clock`."""

    __slots__ = ()

    def now(self) -> float:
        """Epoch seconds."""
        return time.time()

    def monotonic(self) -> float:
        """Seconds that never go back."""
        return time.monotonic()

    def boot_time(self) -> float:
        """Seconds since the machine was started, its sleep included; without it where the system has no such clock."""
        return time.monotonic() if _BOOT is None else time.clock_gettime(_BOOT)

    async def sleep(self, delay_s: float) -> None:
        """Wait; 0 lets others run."""
        await asyncio.sleep(delay_s)
