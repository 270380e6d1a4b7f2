"""Planned and applied stages as the forms get them, made of a real one."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from runner.assembly.run import Applied, Planned, plan_recipe
from runner.engine.decide import Decision
from runner.engine.progress import Progress
from runner.engine.publish import PublishReport
from runner.engine.run import StageReport
from runner.model.contracts import Verdict
from tests.assembly.place import opened, write

CHECKED = "target: {command: {argv: [cat]}}\nchecks: [{items_failed: {max_ratio: 0.1}}, {not_null: {fields: [a]}}]\n"


def planned(folder: Path, **changed: Any) -> Planned:
    """Return a planned stage of two items, with some fields of its plan changed."""
    write(folder, CHECKED)

    async def made() -> Planned:
        async with opened(folder) as session:
            return (await plan_recipe(session, session.recipes[0]))[0]

    one = asyncio.run(made())
    return replace(one, plan=replace(one.plan, **changed))


def many(one: Planned, number: int) -> list[Planned]:
    """Return the stage under many names, as long as names may be."""
    return [_named(one, f"recipe-{index:05}-".ljust(100, "x")) for index in range(number)]


def _named(one: Planned, name: str) -> Planned:
    scope = replace(one.plan.scope, recipe=name)
    return replace(one, plan=replace(one.plan, scope=scope), work=replace(one.work, scope=scope))


def applied(one: Planned, failures: int = 0, verdicts: tuple[Verdict, ...] = (), **report: Any) -> Applied:
    """Return what an apply came to."""
    progress = Progress()
    for number in range(failures):
        progress.fail(f"k{number}", "boom " * 200)
    counts: Mapping[str, int] = {"succeeded": 1, "failed": failures}
    made = StageReport("failed_items", 1, progress, counts, PublishReport(verdicts))
    return Applied(one, replace(made, **report), 1.5)


DONE = {Decision.DONE: 2}
