"""Which files are recipes, and where their project file is."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from runner.documents import Document, read
from runner.model.problem import Mark, Problem, Severity

PROJECT_FILE: Final = "runner.yaml"
_SUFFIXES: Final = (".yaml", ".yml")
_TELLING: Final = frozenset({"apiVersion", "source", "target", "stages"})


def project_file(paths: Sequence[Path]) -> Path | None:
    """Return the project file beside or above the first path; the search ends at the root of a Git work tree."""
    start = Path(os.path.normpath((paths[0] if paths else Path()).absolute()))
    if start.name == PROJECT_FILE and start.is_file():
        return start
    folder = start if start.is_dir() else start.parent
    for one in (folder, *folder.parents):
        candidate = one / PROJECT_FILE
        if candidate.is_file():
            return candidate
        if (one / ".git").exists():
            return None
    return None


def documents_of(paths: Sequence[Path]) -> tuple[list[Document], list[Problem]]:
    """Read the recipes among some files and folders, each file once, in order of their names.

    Folders are searched below for .yaml and .yml files; hidden folders are passed over. A file that was named must be
    a recipe; one that was found may be another kind of document, and is passed over with a warning when it has none.
    """
    documents: list[Document] = []
    problems: list[Problem] = []
    seen: set[str] = set()
    for path in paths:
        is_folder = path.is_dir()
        files = list(_below(path)) if is_folder else [path]
        for file in files:
            identity = os.path.realpath(file)
            if identity in seen:
                continue
            seen.add(identity)
            document = read(file)
            if not is_folder or _is_recipe(document):
                documents.append(document)
            elif problem := _stray(document):
                problems.append(problem)
        if is_folder and not files:
            what = "the folder holds no .yaml file"
            problems.append(Problem("no-recipes", what, Mark(str(path)), severity=Severity.WARNING))
    return documents, problems


def _below(folder: Path) -> Iterator[Path]:
    for here, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            if name.endswith(_SUFFIXES) and name != PROJECT_FILE and not name.startswith("."):
                yield Path(here, name)


def _is_recipe(document: Document) -> bool:
    value = document.value
    if not isinstance(value, dict):
        return bool(document.problems)  # a broken file is shown, not passed over
    return value.get("kind", "Recipe") not in ("Platform", "Project") and not _TELLING.isdisjoint(value)


def _stray(document: Document) -> Problem | None:
    if isinstance(document.value, dict) and document.value.get("kind") in ("Platform", "Project"):
        return None
    what = "the file is no recipe and was passed over"
    mend = "a recipe begins with apiVersion: runner/v1 and kind: Recipe"
    return Problem("not-a-recipe", what, Mark(document.file), mend, Severity.WARNING)
