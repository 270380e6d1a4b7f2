"""A small project with a recipe, a manifest of the job API, and tests beside them."""

from __future__ import annotations

import asyncio
import os
import shutil
from pathlib import Path

from runner.assembly.trial.document import Case, Trial
from runner.assembly.trial.reading import load_trials
from runner.assembly.trial.running import Tried, run_case
from runner.assembly.trial.stands import Means
from runner.model.errors import RecipeError

JOBS = Path(__file__).parents[3] / "recipes/platforms/jobs.yaml"
HEAD = "apiVersion: runner/v1\nkind: Test\n"
RECIPE = """\
apiVersion: runner/v1
kind: Recipe
name: loud
source: {jsonl: {path: in.jsonl, key: id}}
target: {command: {argv: [tr, a-z, A-Z], stdin: "{{ item.text }}", format: text}}
record: {loud: "{{ result.text }}"}
sinks: [{jsonl: {path: out.jsonl}}]
"""


def project(folder: Path) -> None:
    """Write a project with one recipe of three items, and a manifest."""
    (folder / "runner.yaml").write_text("apiVersion: runner/v1\nkind: Project\nname: t\nallow: {commands: [tr]}\n")
    (folder / "loud.yaml").write_text(RECIPE)
    (folder / "in.jsonl").write_text("".join(f'{{"id": "k{n}", "text": "t{n}"}}\n' for n in range(3)))
    (folder / "platforms").mkdir()
    shutil.copy(JOBS, folder / "platforms")


def written(folder: Path, body: str, name: str = "loud.test.yaml") -> Path:
    """Write a test beside the recipe, or with `platforms/jobs.test.yaml` beside the manifest."""
    if not (folder / "runner.yaml").exists():
        project(folder)
    path = folder / name
    path.write_text(HEAD + body)
    return path


def trial(folder: Path, body: str, name: str = "loud.test.yaml") -> Trial:
    (found,) = load_trials([written(folder, body, name)])
    return found


def case(folder: Path, body: str, name: str = "loud.test.yaml") -> tuple[Trial, Case]:
    found = trial(folder, body, name)
    return found, found.cases[0]


def faults(folder: Path, body: str, name: str = "loud.test.yaml") -> list[str]:
    """Return `line slug` of all that is wrong with a test."""
    try:
        load_trials([written(folder, body, name)])
    except RecipeError as error:
        return [f"{problem.mark.line} {problem.slug}" for problem in error.problems if problem.mark is not None]
    return []


def tried(folder: Path, body: str, name: str = "loud.test.yaml", against: str = "") -> list[Tried]:
    async def all_of_it() -> list[Tried]:
        found = trial(folder, body, name)
        return [await run_case(found, each, Means(against, os.environ)) for each in found.cases]

    return asyncio.run(all_of_it())


def said(folder: Path, body: str, name: str = "loud.test.yaml") -> list[str]:
    """Return `line slug: what` of everything that a run has found."""
    findings = [finding for each in tried(folder, body, name) for finding in each.findings]
    return [f"{each.mark.line if each.mark else 0} {each.slug}: {each.what}" for each in findings]
