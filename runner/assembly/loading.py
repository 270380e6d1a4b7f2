"""From files to project, catalog and recipes: the same for the command line, the service and the Git loop."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from runner.model.errors import UsageError
from runner.model.item import Json
from runner.model.problem import Problem, Severity
from runner.model.project import Project
from runner.model.recipe import Component, Recipe
from runner.platforms.catalog import Catalog
from runner.platforms.proven import Proven, cache_folder
from runner.recipe import load_project, load_recipes
from runner.recipe.components import CONSEQUENCE
from runner.recipe.files import by_project


@dataclass(frozen=True, slots=True)
class Loaded:
    """Recipes, manifests and problems loaded from some files of one project.

    Attributes:
        recipes: those that are right and meant, each behind those whose records it reads.
        others: those that are right and were not selected; the meant ones may read their records.
        paths: the files and folders.
    """

    project: Project
    catalog: Catalog
    recipes: Sequence[Recipe]
    problems: Sequence[Problem]
    others: Sequence[Recipe] = ()
    paths: Sequence[Path] = ()

    @property
    def known(self) -> Sequence[Recipe]:
        """All recipes that are right, meant or not."""
        return [*self.recipes, *self.others]

    @property
    def errors(self) -> Sequence[Problem]:
        """The problems that stop a command."""
        return [problem for problem in self.problems if problem.severity is Severity.ERROR]


def load_projects(
    paths: Sequence[Path],
    *,
    environ: Mapping[str, str],
    variables: Mapping[str, str] | None = None,
    profile: str = "",
    trigger: Mapping[str, Json] | None = None,
) -> Sequence[Loaded]:
    """Load all recipes among some files and folders, project by project, and collect what is wrong with them.

    The project of a recipe is the nearest runner.yaml above it.

    Args:
        paths: files and folders; none for the current folder.
        environ: what templates read as `env`.
        variables: `--var`, as text.
        profile: empty without one.
        trigger: what started the recipes; None when they are only looked at.

    Returns:
        At least one project.

    Raises:
        UsageError: a path does not exist.
    """
    paths = list(paths) or [Path()]
    for path in paths:
        if not path.exists():
            raise UsageError(f"there is no file or folder {str(path)!r}", mend="check -f")
    cache = cache_folder(environ)

    def load(group: Sequence[Path]) -> Loaded:
        found = load_project(group, profile=profile or None, environ=environ)
        catalog = Catalog([found.project.platforms], proven=None if cache is None else Proven(cache))
        recipes, problems = load_recipes(
            found, group, vars=variables or {}, environ=environ, catalog=catalog, trigger=trigger
        )
        shown = [problem for problem in problems if problem.slug != CONSEQUENCE]
        return Loaded(found.project, catalog, recipes, [*catalog.problems, *shown], paths=group)

    return _joined([load(group) for group in by_project(paths)])


def load_files(
    paths: Sequence[Path],
    *,
    environ: Mapping[str, str],
    variables: Mapping[str, str] | None = None,
    profile: str = "",
    trigger: Mapping[str, Json] | None = None,
) -> Loaded:
    """Load as `load_projects` where only one project can be worked with.

    Raises:
        UsageError: a path does not exist, or the recipes belong to several projects.
    """
    return only_one(load_projects(paths, environ=environ, variables=variables, profile=profile, trigger=trigger))


def only_one(projects: Sequence[Loaded]) -> Loaded:
    """Return the one project that has recipes; the first one when none has.

    Raises:
        UsageError: the recipes belong to several projects.
    """
    used = [one for one in projects if one.recipes or one.errors]
    if len(used) > 1:
        names = ", ".join(f"{one.project.name} ({one.project.path or one.project.root})" for one in used)
        what = f"the recipes belong to {len(used)} projects, but this command needs one: {names}"
        raise UsageError(what, mend="name recipes or a folder of one project")
    return used[0] if used else projects[0]


def _joined(projects: Sequence[Loaded]) -> Sequence[Loaded]:
    """Drop what only concerns files that were given together: folders between projects, `--var` for another one."""
    if len(projects) == 1:
        return projects
    kept = [one for one in projects if one.project.path or one.recipes or one.errors] or projects[:1]
    strays = [problem for one in projects if one not in kept for problem in one.problems]
    unknown = [{problem.what for problem in one.problems if problem.slug == "unknown-var"} for one in kept]
    everywhere = set.intersection(*unknown)
    empty = "no-recipes" if any(one.recipes or one.errors for one in kept) else ""

    def counts(problem: Problem) -> bool:
        return problem.slug != empty and (problem.slug != "unknown-var" or problem.what in everywhere)

    listed = [[*strays, *kept[0].problems], *(list(one.problems) for one in kept[1:])]
    return [
        replace(one, problems=[problem for problem in problems if counts(problem)])
        for one, problems in zip(kept, listed, strict=True)
    ]


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
