"""Saved plans on the command line: found among the paths, told apart from recipes, shown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import click

from runner.assembly.loading import Loaded
from runner.assembly.saving import AGAIN, Meant, SavedPlan, is_plan, read_plan
from runner.cli.options import Asked
from runner.model.errors import PlanRefused


def plan_among(asked: Asked) -> tuple[Asked, SavedPlan | None]:
    """Return what was asked for without the saved plan, and the plan; None when there is none.

    A plan is recognized by its content, under any file name; a .json file cannot be anything else.

    Raises:
        PlanRefused: the file is not a plan.
        UsageError: there is no such file.
        click.UsageError: there are several.
    """
    plans = [path for path in asked.paths if path.suffix == ".json" or is_plan(path)]
    if len(plans) > 1:
        raise click.UsageError("give one plan at a time")
    if not plans:
        return asked, None
    return replace(asked, paths=[path for path in asked.paths if path not in plans]), read_plan(plans[0])


def asked_of(saved: SavedPlan, asked: Asked) -> Asked:
    """Return where the recipes of a plan lie; only that may be said anew.

    What selected them then is not asked again: `changed:` and `state:` may select others by now.

    Raises:
        PlanRefused: the command asks for something else than the plan.
    """
    meant = saved.meant
    variables = tuple(meant.variables.items())
    for name, wish, planned in (
        ("--profile", asked.profile, meant.profile),
        ("--var", asked.variables, variables),
        ("--select", asked.select, tuple(meant.select)),
    ):
        if wish and wish != planned:
            raise PlanRefused(f"{name} differs from what was planned", mend=f"leave {name} out, or make a new plan")
    paths: Sequence[Path] = asked.paths or [Path(path) for path in meant.paths]
    return Asked(paths, variables, meant.profile, (), meant.emulate or asked.emulate)


def planned_only(loaded: Loaded, saved: SavedPlan) -> Loaded:
    """Return what was loaded without the recipes that a plan is not about.

    Raises:
        PlanRefused: a recipe of the plan is gone.
    """
    wanted = set(saved.recipes())
    if gone := wanted - {recipe.name for recipe in loaded.recipes}:
        raise PlanRefused(f"the plan is stale: the recipe {min(gone)} is gone", mend=AGAIN)
    return replace(loaded, recipes=[recipe for recipe in loaded.recipes if recipe.name in wanted])


def meant_by(asked: Asked, project: str) -> Meant:
    """Return what is written into a plan about the recipes that were asked for."""
    paths = [path.as_posix() for path in asked.paths] or ["."]
    return Meant(project, asked.profile, paths, dict(asked.variables), list(asked.select), asked.emulate)


def head(saved: SavedPlan, now: float) -> str:
    """Return one line about a saved plan as a whole."""
    ends = "expired" if now > saved.expires_at else "valid until"
    return f"plan {saved.id}    made {_time(saved.created_at)}    {ends} {_time(saved.expires_at)}"


def _time(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%SZ")
