"""From the options of a command to project, catalog and recipes; problems are told here."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from runner.cli.failures import tell_problem
from runner.cli.options import Asked
from runner.model.errors import ConfigError, RecipeError
from runner.model.problem import Problem, Severity
from runner.model.project import Project
from runner.model.recipe import Recipe
from runner.platforms.catalog import Catalog
from runner.recipe import load_project, load_recipes


@dataclass(frozen=True, slots=True)
class Loaded:
    """What was found; `recipes` are those that are right and selected."""

    project: Project
    catalog: Catalog
    recipes: Sequence[Recipe]
    problems: Sequence[Problem]

    @property
    def errors(self) -> int:
        """Number of problems that stop a command."""
        return sum(problem.severity is Severity.ERROR for problem in self.problems)


def load(asked: Asked) -> Loaded:
    """Load everything that was asked for, and collect what is wrong with it.

    Raises:
        RecipeError: the project file itself is wrong.
        ConfigError: a path does not exist, or nothing is selected.
    """
    paths = list(asked.paths) or [Path()]
    for path in paths:
        if not path.exists():
            raise ConfigError(f"there is no file or folder {str(path)!r}", mend="check -f")
    found = load_project(paths, profile=asked.profile or None, environ=os.environ)
    catalog = Catalog([found.project.platforms])
    recipes, problems = load_recipes(found, paths, vars=dict(asked.variables), environ=os.environ, catalog=catalog)
    return Loaded(found.project, catalog, _chosen(recipes, asked.select), [*problems, *catalog.problems])


def load_or_stop(asked: Asked) -> Loaded:
    """Load what is needed to work; warnings are told, errors end the command.

    Raises:
        RecipeError: with every error.
    """
    loaded = load(asked)
    if loaded.errors:
        raise RecipeError([problem for problem in loaded.problems if problem.severity is Severity.ERROR])
    for problem in loaded.problems:
        tell_problem(problem)
    if not loaded.recipes:
        raise ConfigError("no recipe is selected", mend="give a file or folder of recipes with -f, or mend --select")
    return loaded


def _chosen(recipes: Sequence[Recipe], select: tuple[str, ...]) -> Sequence[Recipe]:
    if not select:
        return recipes
    return [recipe for recipe in recipes if any(_is_chosen(recipe, wish) for wish in select)]


def _is_chosen(recipe: Recipe, wish: str) -> bool:
    name, equals, value = wish.partition("=")
    if equals:
        return recipe.labels.get(name) == value
    return fnmatchcase(recipe.name, wish) or wish in recipe.labels
