"""From files to project, catalog and recipes: the same for the command line, the service and the Git loop."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from runner.model.errors import UsageError
from runner.model.item import Json
from runner.model.problem import Problem, Severity
from runner.model.project import Project
from runner.model.recipe import Component, Recipe
from runner.platforms.catalog import Catalog
from runner.platforms.proven import Proven, cache_folder
from runner.recipe import load_project, load_recipes


@dataclass(frozen=True, slots=True)
class Loaded:
    """What was found among some files.

    Attributes:
        recipes: those that are right and meant, each behind those whose records it reads.
        others: those that are right and were not selected; the meant ones may read their records.
    """

    project: Project
    catalog: Catalog
    recipes: Sequence[Recipe]
    problems: Sequence[Problem]
    others: Sequence[Recipe] = ()

    @property
    def known(self) -> Sequence[Recipe]:
        """All recipes that are right, meant or not."""
        return [*self.recipes, *self.others]

    @property
    def errors(self) -> Sequence[Problem]:
        """The problems that stop a command."""
        return [problem for problem in self.problems if problem.severity is Severity.ERROR]


def load_files(
    paths: Sequence[Path],
    *,
    environ: Mapping[str, str],
    variables: Mapping[str, str] | None = None,
    profile: str = "",
    trigger: Mapping[str, Json] | None = None,
) -> Loaded:
    """Load all recipes among some files and folders, and collect what is wrong with them.

    Args:
        paths: files and folders; none for the current folder.
        environ: what templates read as `env`.
        variables: `--var`, as text.
        profile: empty without one.
        trigger: what started the recipes; None when they are only looked at.

    Raises:
        UsageError: a path does not exist.
    """
    paths = list(paths) or [Path()]
    for path in paths:
        if not path.exists():
            raise UsageError(f"there is no file or folder {str(path)!r}", mend="check -f")
    found = load_project(paths, profile=profile or None, environ=environ)
    cache = cache_folder(environ)
    catalog = Catalog([found.project.platforms], proven=None if cache is None else Proven(cache))
    recipes, problems = load_recipes(
        found, paths, vars=variables or {}, environ=environ, catalog=catalog, trigger=trigger
    )
    return Loaded(found.project, catalog, recipes, [*problems, *catalog.problems])


def waits_for_trigger(recipe: Recipe) -> bool:
    """Whether a recipe reads what triggers it, and nothing has: it cannot be planned or applied as it is."""
    if not recipe.triggers or recipe.trigger:
        return False
    listed: list[Component] = [*recipe.notify]
    for stage in recipe.stages:
        listed += [stage.source, stage.target, *stage.filters, *stage.checks, *stage.sinks]
    records = [stage.record for stage in recipe.stages]
    return any(_reads_trigger(value) for value in [*(one.options for one in listed), *records])


def _reads_trigger(value: Json) -> bool:
    if isinstance(value, Mapping):
        return any(_reads_trigger(one) for one in value.values())
    if isinstance(value, list):
        return any(_reads_trigger(one) for one in value)
    return "trigger" in getattr(value, "names", ())
