"""Which recipes would do something else than at a commit: `--select changed:REF`."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from runner.assembly.loading import Loaded, load_files
from runner.gitops.git import Git
from runner.model.item import Json
from runner.model.recipe import Component, Recipe
from runner.recipe.fingerprint import digest

Reload = Callable[[Sequence[Path]], Loaded]
_PATTERN: Final = frozenset("*?[")


def changed_recipes(loaded: Loaded, ref: str, reload: Reload) -> frozenset[str]:
    """Return the names of the recipes that differ from a Git ref in work, publish hash, selection or local source.

    A recipe that reads the records of a changed one has changed too.

    Only recipes whose own file, project file or manifests were touched are loaded a second time, from a copy of those
    files at the commit; for all others the list of touched paths decides. Uncommitted and new files count.

    Args:
        loaded: the recipes of the work tree.
        ref: branch, tag, commit, `HEAD~1` ...
        reload: loads files as `loaded` was: with the same variables and profile.

    Raises:
        ConfigError: no work tree, or no such ref.
    """
    git = Git(loaded.project.root)
    top = Path(os.path.realpath(git.top()))
    commit = git.commit(ref)
    touched = git.changed(commit)
    if not touched:
        return frozenset()
    found = {recipe.name for recipe in loaded.recipes if _source_is_touched(recipe, loaded, top, touched)}
    again = _to_compare(loaded, top, touched)
    if again:
        before = _before(git, commit, loaded, top, again, reload)
        found |= {recipe.name for recipe in again if before.get(recipe.name) != meaning(recipe)}
    for recipe in loaded.recipes:  # each stands behind those whose records it reads
        if any(stage.source.kind == "recipe" and stage.source.plain.get("name") in found for stage in recipe.stages):
            found.add(recipe.name)
    return frozenset(found)


def meaning(recipe: Recipe) -> Json:
    """Return what a recipe would do, as digests of its stages."""
    return [
        [
            *(stage.name, list(stage.needs), stage.work, stage.publish),
            *(_selection(stage.source, stage.filters), stage.skip, stage.allow_empty),
        ]
        for stage in recipe.stages
    ]


def _selection(source: Component, filters: Sequence[Component]) -> str:
    return digest([[one.kind, one.plain] for one in (source, *filters)])


def _to_compare(loaded: Loaded, top: Path, touched: frozenset[str]) -> Sequence[Recipe]:
    """Return the recipes whose documents were touched; the project file and manifests are documents of all."""
    project = loaded.project
    shared = [_from_top(Path(project.path), top)] if project.path else []
    platforms = _from_top(project.platforms, top)
    if any(path in touched for path in shared) or any(path.startswith(f"{platforms}/") for path in touched):
        return loaded.recipes
    return [recipe for recipe in loaded.recipes if _from_top(Path(recipe.path), top) in touched]


def _before(
    git: Git, commit: str, loaded: Loaded, top: Path, recipes: Sequence[Recipe], reload: Reload
) -> Mapping[str, Json]:
    """Load the same files as they were at the commit; a file that was not there, or was wrong, gives nothing."""
    names = [_from_top(Path(recipe.path), top) for recipe in recipes]
    platforms = _from_top(loaded.project.platforms, top)
    listed = git.run("ls-tree", "-r", "--name-only", "-z", "--full-tree", commit).decode("utf-8", "surrogateescape")
    manifests = [name for name in listed.split("\0") if name.startswith(f"{platforms}/")]
    project = [_from_top(Path(loaded.project.path), top)] if loaded.project.path else []
    with tempfile.TemporaryDirectory(prefix="runner-") as folder:
        root = Path(folder)
        git.export(commit, [*names, *manifests, *project], root)
        there = [root / name for name in names if (root / name).is_file()]
        if not there:
            return {}
        return {recipe.name: meaning(recipe) for recipe in reload(there).recipes}


def _source_is_touched(recipe: Recipe, loaded: Loaded, top: Path, touched: frozenset[str]) -> bool:
    """Whether a touched path lies where a local source of the recipe reads."""
    for stage in recipe.stages:
        given = stage.source.plain.get("path") if stage.source.platform is None else None
        if not isinstance(given, str):
            continue
        fixed = _fixed_part(given)
        place = _from_top(loaded.project.root / fixed, top)
        if any(path == place or path.startswith(f"{place}/" if place else "") for path in touched):
            return True
    return False


def _fixed_part(path: str) -> str:
    """Return the part of a glob before its first wildcard, as a folder or file."""
    parts = []
    for part in path.split("/"):
        if _PATTERN & set(part):
            break
        parts.append(part)
    return "/".join(parts)


def _from_top(path: Path, top: Path) -> str:
    """Return a path as Git names it; one outside the work tree matches nothing."""
    try:
        return Path(os.path.realpath(path)).relative_to(top).as_posix().removeprefix(".")
    except ValueError:
        return "\0"


def reloading(environ: Mapping[str, str], variables: Mapping[str, str], profile: str) -> Reload:
    """Return what loads files as the command did."""
    return lambda paths: load_files(paths, environ=environ, variables=variables, profile=profile)
