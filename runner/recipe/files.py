"""Which files are recipes, and where their project file is."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from runner.documents import Document, read
from runner.model.item import Json
from runner.model.problem import Mark, Problem, Severity

PROJECT_FILE: Final = "runner.yaml"
_SUFFIXES: Final = (".yaml", ".yml")
_NAMED: Final = re.compile(r"""\bname["']?\s*:\s*["']?([\w-]+)""")
_OTHERS: Final = {
    "Platform": ("a manifest", "runner validate checks it; name the recipes that use it too"),
    "Project": ("a project file", "runner validate checks it; name recipes or a folder too"),
    "Test": ("a test", "run it: runner test -f FILE"),
    "Plan": ("a saved plan", "apply it: runner apply FILE"),
}
_TELLING: Final = frozenset({"apiVersion", "source", "target"})


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


def by_project(paths: Sequence[Path]) -> Sequence[Sequence[Path]]:
    """Group files and folders by project: the nearest project file above each of them says which one.

    A project below a given folder is a separate group, with its folder as the path.

    Args:
        paths: files and folders that exist, as the user gave them.
    """
    groups: dict[Path | None, dict[Path, None]] = {}
    for path in paths:
        below = _projects_below(path) if path.is_dir() else ()
        for one in (path, *below):
            groups.setdefault(project_file([one]), {})[one] = None
    return [list(group) for group in groups.values()]


def _projects_below(folder: Path) -> Iterator[Path]:
    for here, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        if PROJECT_FILE in names and Path(here) != folder:
            yield Path(here)


def named_below(folder: Path, names: Collection[str]) -> frozenset[str]:
    """Return those of some recipe names that some file below a folder has; a doubtful one counts as found.

    The files are searched as text: this is asked about a few names, and must not fail where a file is wrong.
    """
    missing = set(names)
    for file in _below(folder):
        if not missing:
            break
        with suppress(OSError):
            missing -= set(_NAMED.findall(file.read_text(encoding="utf-8", errors="replace")))
    return frozenset(names) - missing


def mentioning(folder: Path, names: Collection[str], but: Collection[str]) -> Iterator[Document]:
    """Yield the recipes of a project, among those that were not given, whose text holds one of some names.

    Args:
        folder: of the project.
        names: of files, or parts of them, in lower case.
        but: real paths of the files that were given.
    """
    for file in _below(folder) if names else ():
        if os.path.realpath(file) in but:
            continue
        try:
            text = file.read_text(encoding="utf-8", errors="replace").casefold()
        except OSError:
            continue
        if any(name in text for name in names) and _is_recipe(document := read(file)):
            yield document


def documents_of(paths: Sequence[Path]) -> tuple[list[Document], list[Problem]]:
    """Read the recipes among some files and folders, each file once, in order of their names.

    Folders are searched below for .yaml and .yml files, but neither hidden folders nor those of other projects. A file
    that was found may be another kind of document, and is passed over with a warning when it has none. A file that was
    named must be a recipe; other kinds of ours are passed over, as `*.yaml` names them too, and reported when nothing
    else was named.
    """
    documents: list[Document] = []
    problems: list[Problem] = []
    others: list[Problem] = []
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
            if not is_folder and (problem := _other(document)):
                others.append(problem)
            elif not is_folder or _is_recipe(document):
                documents.append(document)
            elif problem := _stray(document):
                problems.append(problem)
        if is_folder and not files:
            what = "the folder holds no .yaml file"
            problems.append(Problem("no-recipes", what, Mark(str(path)), severity=Severity.WARNING))
    return documents, problems if documents else [*problems, *others]


def _below(folder: Path) -> Iterator[Path]:
    for here, folders, names in os.walk(folder):
        if PROJECT_FILE in names and Path(here) != folder:
            folders.clear()  # another project
            continue
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            if name.endswith(_SUFFIXES) and name != PROJECT_FILE and not name.startswith("."):
                yield Path(here, name)


def _is_recipe(document: Document) -> bool:
    value = document.value
    if not isinstance(value, dict):
        return bool(document.problems)  # a broken file is shown, not passed over
    if value.get("kind", "Recipe") in _OTHERS or _is_foreign(value):
        return False
    return value.get("kind") == "Recipe" or not _TELLING.isdisjoint(value) or _has_stages(value)


def _other(document: Document) -> Problem | None:
    """Return what to say of another kind of document of ours; None when it is none."""
    value = document.value
    if not isinstance(value, dict) or value.get("kind") not in _OTHERS:
        return None
    what, mend = _OTHERS[value["kind"]]
    mark = document.mark_of(("kind",))
    return Problem("not-a-recipe", f"the file is {what}, not a recipe", mark, mend, Severity.WARNING)


def _is_foreign(value: Mapping[str, Json]) -> bool:
    """Whether the document says that it belongs to another program: `apiVersion: batch/v1`, `kind: CronJob`."""
    version, kind = value.get("apiVersion"), value.get("kind")
    return isinstance(version, str) and isinstance(kind, str) and kind != "Recipe" and not version.startswith("runner")


def _has_stages(value: Mapping[str, Json]) -> bool:
    """Whether it has stages like ours; those of GitLab CI are texts."""
    stages = value.get("stages")
    return isinstance(stages, list) and any(isinstance(stage, dict) for stage in stages)


def _stray(document: Document) -> Problem | None:
    value = document.value
    if isinstance(value, dict) and (value.get("kind") in _OTHERS or _is_foreign(value)):
        return None
    what = "the file is not a recipe and was passed over"
    mend = "a recipe begins with apiVersion: runner/v1 and kind: Recipe"
    return Problem("not-a-recipe", what, Mark(document.file), mend, Severity.WARNING)
