"""A problem as JSON; schemas/output/validate.json has the words."""

from __future__ import annotations

from runner.model.item import Json
from runner.model.problem import Problem


def problem_json(problem: Problem) -> dict[str, Json]:
    """Return what is wrong, where, and how to mend it."""
    mark, other = problem.mark, problem.other
    return {
        "severity": str(problem.severity),
        "slug": problem.slug,
        "what": problem.what,
        "mend": problem.mend,
        "file": mark.file if mark else None,
        "line": mark.line if mark else None,
        "column": mark.column if mark else None,
        "other": str(other) if other else None,
    }
