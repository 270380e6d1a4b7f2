"""From the options of a command to the recipes that are meant; problems are told here."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace

from runner.assembly.loading import Loaded, load_projects, only_one, waits_for_trigger
from runner.cli.console import err, paint
from runner.cli.failures import tell_problems
from runner.cli.options import Asked
from runner.cli.selecting import chosen, is_question
from runner.model.errors import RecipeError, UsageError


def load(asked: Asked) -> Sequence[Loaded]:
    """Load everything that was asked for, and collect what is wrong with it; only selected recipes are given.

    Raises:
        UsageError: a path does not exist.
    """
    projects = load_projects(
        asked.paths,
        environ=os.environ if asked.is_trusted else {},
        variables=dict(asked.variables),
        profile=asked.profile,
        trigger=dict(asked.trigger) or None,
    )
    return [_selected(loaded, asked) for loaded in projects]


def _selected(loaded: Loaded, asked: Asked) -> Loaded:
    meant = chosen(loaded, asked)
    names = {recipe.name for recipe in meant}
    return replace(loaded, recipes=meant, others=[one for one in loaded.recipes if one.name not in names])


def projects_or_stop(asked: Asked) -> Sequence[Loaded]:
    """Load what is needed to work, project by project; print warnings, end the command at errors.

    Raises:
        RecipeError: with every error.
        UsageError: nothing is selected, although a selection by name or label, or none, was asked for.
    """
    return _or_stop(load(asked), asked)


def _or_stop(projects: Sequence[Loaded], asked: Asked) -> Sequence[Loaded]:
    if errors := [problem for loaded in projects for problem in loaded.errors]:
        raise RecipeError(errors)
    for loaded in projects:
        tell_problems(loaded.problems)
    stop_without(projects, asked)
    return projects


def load_or_stop(asked: Asked) -> Loaded:
    """Load as `projects_or_stop` where only one project can be worked with.

    Raises:
        RecipeError: with every error.
        UsageError: nothing is selected, or the recipes belong to several projects.
    """
    return only_one(projects_or_stop(asked))


def project_line(name: str) -> str:
    """Return the heading of the output of one of several projects."""
    return paint(f"project {name}", "strong")


def stop_without(projects: Sequence[Loaded], asked: Asked) -> None:
    """End the command when there is no recipe for it.

    Raises:
        UsageError: nothing is selected, although a selection by name or label, or none, was asked for.
    """
    if not any(loaded.recipes for loaded in projects) and not is_question(asked):
        raise UsageError("no recipe is selected", mend="give a file or folder of recipes with -f, or mend --select")


def projects_to_work(asked: Asked) -> Sequence[Loaded]:
    """Load as `projects_or_stop`, without the recipes that wait for what triggers them.

    Raises:
        RecipeError: with every error.
        UsageError: nothing is selected but what waits.
    """
    return _without_waiting(projects_or_stop(asked))


def to_work(projects: Sequence[Loaded], asked: Asked) -> Sequence[Loaded]:
    """Select among what was loaded otherwise, and stop or leave out as `projects_to_work`."""
    return _without_waiting(_or_stop([_selected(loaded, asked) for loaded in projects], asked))


def _without_waiting(projects: Sequence[Loaded]) -> Sequence[Loaded]:
    waiting = {id(recipe): recipe.name for one in projects for recipe in one.recipes if waits_for_trigger(recipe)}
    if not waiting:
        return projects
    names = ", ".join(waiting.values())
    if len(waiting) == sum(len(loaded.recipes) for loaded in projects):
        mend = "start it with runner serve, or set --trigger NAME=VALUE for each trigger.NAME that it reads"
        raise UsageError(f"{names} reads its trigger, and nothing has triggered it", mend=mend)
    err(f"skipped, because nothing has triggered it: {names}")
    return [replace(one, recipes=[each for each in one.recipes if id(each) not in waiting]) for one in projects]


def load_to_work(asked: Asked) -> Loaded:
    """Load as `projects_to_work` where only one project can be worked with.

    Raises:
        RecipeError: with every error.
        UsageError: nothing is selected but what waits, or the recipes belong to several projects.
    """
    return only_one(projects_to_work(asked))
