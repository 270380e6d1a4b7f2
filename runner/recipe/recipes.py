"""All recipes of a command at once: every problem of every file, and the recipes in the order of their work."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from runner.documents import Document
from runner.model.item import Json
from runner.model.problem import Problem, Severity
from runner.model.recipe import Recipe
from runner.recipe.catalog import Catalog
from runner.recipe.commands import command_problems
from runner.recipe.files import documents_of, mentioning
from runner.recipe.kinds import Kinds
from runner.recipe.lint import between_recipes, duplicate_names, unknown_secrets, unknown_vars
from runner.recipe.load import Given, load_recipe
from runner.recipe.outside_paths import outside_problems
from runner.recipe.project import LoadedProject, connection_problems
from runner.recipe.sink_paths import sink_names, sink_path_problems


def load_recipes(
    loaded: LoadedProject,
    paths: Sequence[Path],
    *,
    vars: Mapping[str, str],  # noqa: A002 - the word of the recipe and of the command line
    environ: Mapping[str, str],
    catalog: Catalog,
    trigger: Mapping[str, Json] | None = None,
) -> tuple[list[Recipe], list[Problem]]:
    """Load all recipes among some files and folders.

    Args:
        loaded: the project; its own problems are among those returned.
        paths: files and folders, as the user gave them.
        vars: `--var` of the command line, as text.
        environ: what templates read as `env`.
        catalog: what the platforms offer.
        trigger: what started the recipes; None when they are only looked at. Then fields that read `trigger` stay
            expressions.

    Returns:
        The usable recipes, each behind those whose records it reads, and every problem of every file. A recipe with an
        error is not among them.
    """
    documents, problems = documents_of(paths)
    given = Given(loaded.project, Kinds(catalog), vars, environ, trigger)
    recipes: list[Recipe] = []
    for document in documents:
        recipe, found = load_recipe(document, given)
        problems += found
        if recipe is not None:
            recipes.append(recipe)
    return _among_each_other(recipes, [*loaded.problems, *problems], documents, loaded, given)


def _among_each_other(
    recipes: list[Recipe],
    problems: list[Problem],
    documents: Sequence[Document],
    loaded: LoadedProject,
    given: Given,
) -> tuple[list[Recipe], list[Problem]]:
    problems += duplicate_names(documents)
    problems += unknown_vars(documents, given.vars)
    if not any(problem.severity is Severity.ERROR for problem in loaded.problems):
        problems += connection_problems(loaded, given.kinds.catalog)
        problems += unknown_secrets(recipes, given.kinds, list(loaded.project.secrets))
    problems += command_problems(recipes, loaded.project)
    problems += sink_path_problems(recipes, documents, loaded.project, others=_others(recipes, documents, given))
    problems += outside_problems(recipes, loaded.project)
    if not documents and not any(problem.slug == "no-recipes" for problem in problems):
        problems.append(Problem("no-recipes", "there is no recipe among the files given", severity=Severity.WARNING))
    in_order, found = between_recipes(recipes, documents)
    return in_order, problems + found


def _others(recipes: Sequence[Recipe], documents: Sequence[Document], given: Given) -> Sequence[Recipe]:
    """Return the recipes of the project that were not given and may read what a sink of the given ones writes."""
    files = {os.path.realpath(document.file) for document in documents}
    found = mentioning(given.project.root, sink_names(recipes), files)
    loaded = (load_recipe(document, given)[0] for document in found)
    return [recipe for recipe in loaded if recipe is not None]
