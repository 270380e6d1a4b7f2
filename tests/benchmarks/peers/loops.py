"""Which event loop a peer runs on: the standard one, or uvloop when it is named and installed."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from typing import Any


def run(work: Coroutine[Any, Any, None], wishes: Sequence[str]) -> None:
    if "uvloop" in wishes:
        import uvloop

        uvloop.run(work)
    else:
        asyncio.run(work)
