"""From the options of a command to the recipes that are meant; problems are told here."""

from __future__ import annotations

import os
from dataclasses import replace

from runner.assembly.loading import Loaded, load_files
from runner.cli.failures import tell_problem
from runner.cli.options import Asked
from runner.cli.selecting import chosen, is_question
from runner.model.errors import ConfigError, RecipeError


def load(asked: Asked) -> Loaded:
    """Load everything that was asked for, and collect what is wrong with it; only selected recipes are given.

    Raises:
        ConfigError: a path does not exist.
    """
    loaded = load_files(asked.paths, environ=os.environ, variables=dict(asked.variables), profile=asked.profile)
    return replace(loaded, recipes=chosen(loaded, asked))


def load_or_stop(asked: Asked) -> Loaded:
    """Load what is needed to work; warnings are told, errors end the command.

    Raises:
        RecipeError: with every error.
        ConfigError: nothing is selected, although a selection by name or label, or none, was asked for.
    """
    loaded = load(asked)
    if loaded.errors:
        raise RecipeError(loaded.errors)
    for problem in loaded.problems:
        tell_problem(problem)
    if not loaded.recipes and not is_question(asked):
        raise ConfigError("no recipe is selected", mend="give a file or folder of recipes with -f, or mend --select")
    return loaded
