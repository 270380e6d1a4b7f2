"""The line that shows how an apply goes: redrawn on a terminal, told now and then in a pipe."""

from __future__ import annotations

import asyncio
import shutil
import sys
from collections.abc import Callable
from contextlib import suppress

from runner.cli.console import err, is_terminal
from runner.engine.progress import Progress

REDRAW_S = 0.2
TELL_S = 10.0
BAR = 24


def line(name: str, progress: Progress, seconds: float) -> str:
    """Return one line: bar, items, jobs by state, rate, time left."""
    items = progress.items
    ended = items["succeeded"] + items["failed"] + items["held"]
    rate = ended / seconds if seconds > 0 else 0.0
    parts = [name]
    if progress.expected:
        share = min(1.0, ended / progress.expected)
        full = int(share * BAR)
        parts.append(f"[{'█' * full}{'·' * (BAR - full)}] {ended:,}/{progress.expected:,} items")
    else:
        parts.append(f"{ended:,} items")
    if items["failed"]:
        parts.append(f"{items['failed']:,} failed")
    if progress.in_flight:
        parts.append(f"{progress.in_flight:,} jobs in flight")
    if progress.waiting_human:
        parts.append(f"{progress.waiting_human:,} wait for a human")
    if progress.jobs["unknown"]:
        parts.append(f"{progress.jobs['unknown']:,} doubtful")
    parts.append(f"{rate:,.1f}/s")
    if progress.expected > ended and rate > 0:
        parts.append(f"{_clock((progress.expected - ended) / rate)} left")
    return "  ".join(parts)


def _clock(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


class ProgressLine:
    """Shows a Progress while a `with` block runs."""

    def __init__(self, name: str, progress: Progress, monotonic: Callable[[], float]) -> None:
        self._name = name
        self._progress = progress
        self._monotonic = monotonic
        self._start = monotonic()
        self._task: asyncio.Task[None] | None = None
        self._terminal = is_terminal(sys.stderr)

    async def __aenter__(self) -> ProgressLine:
        self._task = asyncio.create_task(self._show())
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
        if self._terminal:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()

    async def _show(self) -> None:
        last = ""
        while True:
            await asyncio.sleep(REDRAW_S if self._terminal else TELL_S)
            text = line(self._name, self._progress, self._monotonic() - self._start)
            if self._terminal:
                width = shutil.get_terminal_size().columns
                sys.stderr.write(f"\r\x1b[K{text[: width - 1]}")
                sys.stderr.flush()
            elif text != last:
                err(text)
            last = text
