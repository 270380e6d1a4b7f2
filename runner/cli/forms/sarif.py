"""Problems as SARIF 2.1.0, which code hosts show on the lines of a diff.

Source: OASIS, Static Analysis Results Interchange Format 2.1.0, sections 3.13 to 3.30, read 2026-11-21.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePath
from typing import Final
from urllib.parse import quote

from runner import __version__
from runner.model.item import Json
from runner.model.problem import Mark, Problem

SCHEMA: Final = "https://json.schemastore.org/sarif-2.1.0.json"


def sarif(problems: Sequence[Problem]) -> dict[str, Json]:
    """Return one SARIF log with one run; each slug is a rule, each problem a result."""
    slugs = sorted({problem.slug for problem in problems})
    return {
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "runner",
                        "version": __version__,
                        "rules": [{"id": slug, "name": _title(slug)} for slug in slugs],
                    }
                },
                "columnKind": "unicodeCodePoints",
                "results": [_result(problem, slugs.index(problem.slug)) for problem in problems],
            }
        ],
    }


def _title(slug: str) -> str:
    return "".join(part.capitalize() for part in slug.split("-"))


def _result(problem: Problem, rule: int) -> dict[str, Json]:
    text = f"{problem.what}. {problem.mend}" if problem.mend else problem.what
    result: dict[str, Json] = {
        "ruleId": problem.slug,
        "ruleIndex": rule,
        "level": str(problem.severity),
        "message": {"text": text},
    }
    if problem.mark is not None:
        result["locations"] = [_location(problem.mark)]
    if problem.other is not None:
        result["relatedLocations"] = [{**_location(problem.other), "id": 1, "message": {"text": "the other place"}}]
    return result


def _location(mark: Mark) -> dict[str, Json]:
    uri = quote(PurePath(mark.file).as_posix())
    region = {"startLine": mark.line, "startColumn": mark.column}
    return {"physicalLocation": {"artifactLocation": {"uri": uri}, "region": region}}
