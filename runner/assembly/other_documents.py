"""Validate documents that are not recipes: manifests, project files, tests."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from runner.assembly.loading import Loaded
from runner.documents import read, shown_name
from runner.model.errors import RecipeError
from runner.model.item import Json
from runner.model.problem import Problem, Severity
from runner.recipe.files import PROJECT_FILE

NOUNS: Final = {"Platform": "manifest", "Project": "project file", "Test": "test"}


@dataclass(frozen=True, slots=True)
class OtherDocuments:
    """Result of validating documents other than recipes.

    Attributes:
        valid: noun of the kind to the number of documents without an error.
        problems: of all documents.
        files: the documents that were checked, as their problems name them.
    """

    valid: Mapping[str, int]
    problems: Sequence[Problem]
    files: frozenset[str]


def check_others(paths: Sequence[Path], projects: Sequence[Loaded]) -> OtherDocuments:
    """Check the documents that were named, and all manifests of a project whose folder was given.

    Args:
        paths: files and folders, as the user gave them; none for the current folder.
        projects: what was loaded from them.
    """
    valid: Counter[str] = Counter()
    problems: list[Problem] = []
    found = dict(_found(paths or [Path()], projects))
    for path, kind in found.items():
        faults = _problems(path, kind, projects)
        problems += faults
        if not any(problem.severity is Severity.ERROR for problem in faults):
            valid[NOUNS[kind]] += 1
    names = {name for path in found for name in (str(path), shown_name(path))}
    return OtherDocuments(valid, problems, frozenset(names))


def _found(paths: Sequence[Path], projects: Sequence[Loaded]) -> Iterator[tuple[Path, str]]:
    recipes = {os.path.realpath(recipe.path) for loaded in projects for recipe in loaded.known}
    for path in paths:
        if path.is_dir():
            for loaded in projects:
                yield from ((manifest, "Platform") for manifest in _manifests(loaded, path))
        elif os.path.realpath(path) not in recipes and (kind := _kind(path)) in NOUNS:
            yield path, kind


def _manifests(loaded: Loaded, folder: Path) -> Iterator[Path]:
    """Yield the manifests of a project that lie below a folder, named from that folder."""
    within = os.path.relpath(os.path.realpath(loaded.project.platforms), os.path.realpath(folder))
    if os.pardir in Path(within).parts:
        return
    for ending in ("yaml", "yml"):
        yield from sorted(path for path in (folder / within).glob(f"*.{ending}") if "." not in path.stem)


def _kind(path: Path) -> str:
    value = read(path).value
    kind: Json = value.get("kind") if isinstance(value, Mapping) else None
    is_other = kind != "Project" or path.name == PROJECT_FILE
    return kind if isinstance(kind, str) and is_other else ""


def _problems(path: Path, kind: str, projects: Sequence[Loaded]) -> Sequence[Problem]:
    try:
        if kind == "Test":
            from runner.assembly.trial.reading import load_trials  # start-up

            load_trials([path])
        elif kind == "Project":  # loaded with its recipes, and its problems reported with theirs
            return [
                one
                for loaded in projects
                for one in loaded.errors
                if one.mark and one.mark.file in (str(path), shown_name(path))
            ]
        else:
            for loaded in projects:
                if os.path.realpath(path.parent) == os.path.realpath(loaded.project.platforms):
                    loaded.catalog.manifest(path.stem)  # the name of the file counts there
            from runner.platforms import check_manifest  # start-up

            return check_manifest(path, shown=shown_name(path))
    except RecipeError as error:
        return error.problems
    return ()
