"""Freeze windows, asked before anything is applied, whoever applies it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from runner.model.errors import PlanRefused
from runner.model.item import Json
from runner.model.project import Project
from runner.recipe.freeze import Frozen, frozen

IGNORED: Final = "ignored_freeze"
"""Name in the origin of a run under which stands why a freeze does not count for it."""


def frozen_now(projects: Sequence[Project], now: float) -> Frozen | None:
    """Return the freeze window of any of the projects that is on, the one that ends last; None without one."""
    return frozen([window for project in projects for window in project.freeze], now)


def refuse_when_frozen(project: Project, now: float, origin: Mapping[str, Json]) -> None:
    """Let an apply pass, or not.

    Args:
        project: with its windows.
        now: epoch seconds.
        origin: of the run; with `IGNORED` in it every window is passed.

    Raises:
        PlanRefused: a window is on; says until when, and why.
    """
    found = frozen_now([project], now)
    if found is not None and not origin.get(IGNORED):
        mend = '--ignore-freeze "REASON" applies all the same; the reason is kept with the run'
        raise PlanRefused(f"frozen until {found.text}: {found.reason}", mend=mend)
