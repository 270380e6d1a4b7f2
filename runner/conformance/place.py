"""Context of a connector under test: a folder, and a clock that a test moves."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runner.model.contracts import Place
from runner.model.errors import RecipeError
from runner.model.problem import Problem


class GivenClock:
    """Clock that only `pass_s` and `sleep` move."""

    def __init__(self, now: float = 4_000_000_000.0) -> None:
        self._now = now

    def now(self) -> float:
        return self._now

    def monotonic(self) -> float:
        return self._now

    async def sleep(self, delay_s: float) -> None:
        self.pass_s(delay_s)
        await asyncio.sleep(0)

    def pass_s(self, seconds: float) -> None:
        self._now += seconds


@dataclass(frozen=True)
class GivenExpression:
    """A Python function in the place of a compiled template; a KeyError is an undefined name."""

    function: Any
    text: str = "{{ ... }}"
    names: frozenset = frozenset({"item"})
    paths: frozenset = frozenset({("item",)})

    def __call__(self, scope):
        try:
            return self.function(scope)
        except KeyError as error:
            raise RecipeError([Problem("undefined", f"{error} is undefined")]) from error


def given_place(root: Path, **more) -> Place:
    """Return a place whose project folder is `root`."""
    return Place(root=root, state=root / ".runner", clock=GivenClock(), **more)


def collect(batches):
    """Return (all items, all rejected) of a source's `read`, or any other async batches."""

    async def gather():
        found = [batch async for batch in batches]
        return [item for batch in found for item in batch.items], [one for batch in found for one in batch.rejected]

    return asyncio.run(gather())
