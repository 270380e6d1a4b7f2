"""Problems as SARIF 2.1.0, which code hosts show on the lines of a diff.

A code host wants more than the standard: texts for every rule, a whole region and a place for every result, and not too
many of them.

Source: OASIS, Static Analysis Results Interchange Format 2.1.0, sections 3.13 to 3.30, read 2026-11-21; GitHub Docs,
"SARIF support for code scanning", read 2026-11-21.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from hashlib import blake2b
from pathlib import Path, PurePath
from typing import Final
from urllib.parse import quote

from runner import __version__
from runner.model.item import Json
from runner.model.problem import Mark, Problem, Severity

SCHEMA: Final = "https://json.schemastore.org/sarif-2.1.0.json"
SHOWN: Final = 5_000
"""A code host shows no more of one run, and refuses a run with many more."""

NOWHERE: Final = Mark("runner.yaml")
"""Where a problem is shown that belongs to no file."""


def sarif(problems: Sequence[Problem]) -> dict[str, Json]:
    """Return one SARIF log with one run; each slug is a rule, each problem a result, errors first."""
    shown = sorted(problems, key=lambda problem: problem.severity is not Severity.ERROR)[:SHOWN]
    slugs = sorted({problem.slug for problem in shown})
    seen: Counter[str] = Counter()
    run: dict[str, Json] = {
        "tool": {"driver": {"name": "runner", "version": __version__, "rules": [_rule(slug) for slug in slugs]}},
        "columnKind": "unicodeCodePoints",
        "results": [_result(problem, slugs.index(problem.slug), seen) for problem in shown],
    }
    if len(problems) > SHOWN:
        left_out = f"{len(problems) - SHOWN} more problems are left out; run runner validate to see them all"
        notes = [{"level": "warning", "message": {"text": left_out}}]
        run["invocations"] = [{"executionSuccessful": True, "toolExecutionNotifications": notes}]
    return {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}


def _rule(slug: str) -> dict[str, Json]:
    words = slug.replace("-", " ")
    return {
        "id": slug,
        "name": "".join(part.capitalize() for part in slug.split("-")),
        "shortDescription": {"text": words},
        "fullDescription": {"text": f"{words.capitalize()}, in a recipe, a project file or a manifest."},
        "help": {"text": "The message says how to mend it; runner validate shows the same without a code host."},
    }


def _result(problem: Problem, rule: int, seen: Counter[str]) -> dict[str, Json]:
    text = f"{problem.what}. {problem.mend}" if problem.mend else problem.what
    result: dict[str, Json] = {
        "ruleId": problem.slug,
        "ruleIndex": rule,
        "level": str(problem.severity),
        "message": {"text": text},
        "locations": [_location(problem.mark or NOWHERE)],
        "partialFingerprints": {"runner/v1": _fingerprint(problem, seen)},
    }
    if problem.other is not None:
        result["relatedLocations"] = [{**_location(problem.other), "id": 1, "message": {"text": "the other place"}}]
    return result


def _fingerprint(problem: Problem, seen: Counter[str]) -> str:
    """Return what stays the same when lines above the problem come and go."""
    file = (problem.mark or NOWHERE).file
    digest = blake2b("\0".join([problem.slug, file, problem.what]).encode("utf-8", "surrogatepass"), digest_size=8)
    seen[digest.hexdigest()] += 1
    return f"{digest.hexdigest()}:{seen[digest.hexdigest()]}"


def _location(mark: Mark) -> dict[str, Json]:
    region = {
        "startLine": mark.line,
        "startColumn": mark.column,
        "endLine": mark.line,
        "endColumn": mark.column + 1,
    }
    return {"physicalLocation": {"artifactLocation": {"uri": _uri(mark.file)}, "region": region}}


def _uri(file: str) -> str:
    """Return the path as a code host finds it: from the folder of the command, which is the repository's."""
    path = PurePath(file)
    if path.is_absolute() and path.is_relative_to(Path.cwd()):
        path = path.relative_to(Path.cwd())
    return path.as_uri() if path.is_absolute() else quote(path.as_posix())
