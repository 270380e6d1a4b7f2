"""The line that shows how an apply goes: redrawn on a terminal, told now and then in a pipe."""

from __future__ import annotations

import asyncio
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress

from runner.cli.console import draw, erase, err, is_terminal, one_line
from runner.cli.plan_text import count
from runner.engine.progress import Progress
from runner.model.redact import redact

REDRAW_S = 0.2
TELL_S = 10.0
BAR = 24
SHORT_BAR = 8
SHORT_NAME = 4


def line(name: str, progress: Progress, seconds: float, width: int | None = None) -> str:
    """Return one line: bar, items, jobs by state, rate, time left.

    Args:
        name: of the recipe.
        progress: what is shown.
        seconds: since it began.
        width: most characters: first the bar gives way, then the name; None for as many as it takes.
    """
    facts = "  ".join(_facts(progress, seconds))
    if not progress.expected:
        return f"{_fitted(name, width, len(facts) + 2)}  {facts}"
    around = len("  [] ") + len(facts)
    bar = BAR if width is None else max(SHORT_BAR, min(BAR, width - around - len(name)))
    full = int(min(1.0, _ended(progress) / progress.expected) * bar)
    return f"{_fitted(name, width, around + bar)}  [{'█' * full}{'·' * (bar - full)}] {facts}"


def _fitted(name: str, width: int | None, around: int) -> str:
    """Return the name as long as it may be beside other characters; what is cut off is shown."""
    if width is None or len(name) <= (room := max(SHORT_NAME, width - around)):
        return name
    return f"{name[: room - 1]}…"


def _ended(progress: Progress) -> int:
    return progress.items["succeeded"] + progress.items["failed"] + progress.items["held"]


def _facts(progress: Progress, seconds: float) -> Iterator[str]:
    ended = _ended(progress)
    rate = ended / seconds if seconds > 0 else 0.0
    yield f"{ended:,}/{count(progress.expected, 'item')}" if progress.expected else count(ended, "item")
    if progress.items["failed"]:
        yield f"{progress.items['failed']:,} failed"
    if progress.in_flight:
        yield f"{count(progress.in_flight, 'job')} in flight"
    if progress.waiting_human:
        yield f"{count(progress.waiting_human, 'job')} waiting for a person"
    if progress.jobs["unknown"]:
        yield f"{progress.jobs['unknown']:,} doubtful"
    yield f"{rate:,.1f}/s"
    if progress.expected > ended and rate > 0:
        yield f"{_clock((progress.expected - ended) / rate)} left"
    for why, number in progress.repeated()[:1]:
        yield f"trying {count(number, 'job')} again: {one_line(why)}"


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
        erase()

    async def _show(self) -> None:
        last = ""
        while True:
            await asyncio.sleep(REDRAW_S if self._terminal else TELL_S)
            width = shutil.get_terminal_size().columns - 1 if self._terminal else None
            text = line(self._name, self._progress, self._monotonic() - self._start, width)
            if self._terminal:
                draw(redact(text))
            elif text != last:
                err(text)
            last = text
