"""Report paths that lead outside the project at validate; otherwise apply would refuse them after part of its work."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from itertools import takewhile
from pathlib import Path, PurePosixPath

from runner.model.problem import Problem
from runner.model.project import Project
from runner.model.recipe import Component, Recipe
from runner.paths import WILD


def outside_problems(recipes: Sequence[Recipe], project: Project) -> Iterator[Problem]:
    """Yield a problem for every path of a shipped kind that leads outside the project and `allow_paths`."""
    allowed = [os.path.realpath(folder) for folder in (project.root, *project.allowed)]
    reported: set[int] = set()
    for component, field in _paths(recipes):
        path = component.options.get(field)
        if id(component) in reported or not isinstance(path, str) or not path or "\0" in path:
            continue
        found = Path(os.path.realpath(project.root / _fixed(path)))
        if not any(found.is_relative_to(folder) for folder in allowed):
            reported.add(id(component))
            what = f'the {field} "{path[:200]}" leads outside the project folder, to {found}'
            folder = found if component.kind == "files" or field == "cwd" else found.parent
            mend = f"move it into the project, or allow the folder in runner.yaml: allow_paths: [{folder}]"
            yield Problem("outside-project", what, component.mark, mend)


def _paths(recipes: Sequence[Recipe]) -> Iterator[tuple[Component, str]]:
    """Yield every component of a shipped kind that has a path, with the field that holds it."""
    for stage in (stage for recipe in recipes for stage in recipe.stages):
        named = [(one, "path") for one in (stage.source, *stage.sinks)]
        named += [(one, "file") for one in stage.filters]
        named += [(stage.target, "cwd")] if stage.target.kind == "command" else []
        yield from ((one, field) for one, field in named if one.platform is None)


def _fixed(path: str) -> str:
    """Return the part of a path before its first wildcard."""
    names = list(takewhile(lambda name: not WILD.search(name), PurePosixPath(path).parts))
    return str(PurePosixPath(*names)) if names else "."
