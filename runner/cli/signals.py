"""What Ctrl-C, SIGTERM and SIGHUP do to a command that works."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from contextlib import suppress
from typing import Final

from runner.cli.console import err
from runner.cli.exits import Exit
from runner.engine.stop import Reason, Stop

LEAVE_S: Final = 9.0
"""A process that was asked to end is gone within ten seconds, whatever hangs; the ledger survives that."""

_ENDED_BY_IT: Final = hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) is signal.SIG_DFL
_HANG_UP: Final = [signal.SIGHUP] if _ENDED_BY_IT else []
"""The terminal went away, unless `nohup` said that it may."""


def listen(stop: Stop) -> None:
    """The first signal ends the work in order, the second one at once; both are safe."""
    loop = asyncio.get_running_loop()

    def asked(name: str) -> None:
        if stop.reason is Reason.INTERRUPTED:
            _say(f"{name} again: leaving at once; the state is safe")
            os._exit(Exit.INTERRUPTED)
        stop.ask(Reason.INTERRUPTED)
        _leave_later()
        _say(f"{name}: no further job is submitted; run it again to go on")

    for each in (signal.SIGINT, signal.SIGTERM, *_HANG_UP):
        loop.add_signal_handler(each, asked, each.name)


def _say(text: str) -> None:
    with suppress(OSError):  # the terminal that went away cannot be written to
        err(text)


def _leave_later() -> None:
    timer = threading.Timer(LEAVE_S, _leave)
    timer.daemon = True
    timer.start()


def _leave() -> None:
    _say(f"not ended within {LEAVE_S:g} s: leaving; the state is safe")
    os._exit(Exit.INTERRUPTED)
