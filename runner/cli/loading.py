"""From the options of a command to the recipes that are meant; problems are told here."""

from __future__ import annotations

import os
from dataclasses import replace

from runner.assembly.loading import Loaded, load_files, waits_for_trigger
from runner.cli.console import err
from runner.cli.failures import tell_problem
from runner.cli.options import Asked
from runner.cli.selecting import chosen, is_question
from runner.model.errors import RecipeError, UsageError


def load(asked: Asked) -> Loaded:
    """Load everything that was asked for, and collect what is wrong with it; only selected recipes are given.

    Raises:
        UsageError: a path does not exist.
    """
    loaded = load_files(
        asked.paths,
        environ=os.environ,
        variables=dict(asked.variables),
        profile=asked.profile,
        trigger=dict(asked.trigger) or None,
    )
    meant = chosen(loaded, asked)
    names = {recipe.name for recipe in meant}
    return replace(loaded, recipes=meant, others=[one for one in loaded.recipes if one.name not in names])


def load_or_stop(asked: Asked) -> Loaded:
    """Load what is needed to work; warnings are told, errors end the command.

    Raises:
        RecipeError: with every error.
        UsageError: nothing is selected, although a selection by name or label, or none, was asked for.
    """
    loaded = load(asked)
    if loaded.errors:
        raise RecipeError(loaded.errors)
    for problem in loaded.problems:
        tell_problem(problem)
    stop_without(loaded, asked)
    return loaded


def stop_without(loaded: Loaded, asked: Asked) -> None:
    """End the command when there is no recipe for it.

    Raises:
        UsageError: nothing is selected, although a selection by name or label, or none, was asked for.
    """
    if not loaded.recipes and not is_question(asked):
        raise UsageError("no recipe is selected", mend="give a file or folder of recipes with -f, or mend --select")


def load_to_work(asked: Asked) -> Loaded:
    """Load as `load_or_stop`, without the recipes that wait for what triggers them.

    Raises:
        RecipeError: with every error.
        UsageError: nothing is selected but what waits.
    """
    loaded = load_or_stop(asked)
    waiting = [recipe.name for recipe in loaded.recipes if waits_for_trigger(recipe)]
    if not waiting:
        return loaded
    mend = "runner serve starts it; by hand: --trigger NAME=VALUE for each trigger.NAME that it reads"
    if len(waiting) == len(loaded.recipes):
        raise UsageError(f"{', '.join(waiting)} reads what triggers it, and nothing has", mend=mend)
    err(f"left out, as nothing has triggered it: {', '.join(waiting)}")
    return replace(loaded, recipes=[recipe for recipe in loaded.recipes if recipe.name not in waiting])
