"""A path that leads outside the project is an error at validate, not after the work is paid."""

from itertools import product
from pathlib import Path

import pytest

from tests.recipe.shop import load_text

RECIPE = """\
source: {jsonl: {path: in/in.jsonl}}
filter: {keys: {file: in/keys.txt}}
target: {command: {argv: [cat], cwd: in}}
sinks: [{jsonl: {path: out/a.jsonl}}]
"""
INSIDE = ["in/in.jsonl", "in/keys.txt", "cwd: in", "out/a.jsonl"]


def slugs(root: Path, text: str) -> list[str]:
    (root / "in").mkdir(exist_ok=True)
    _, problems = load_text(root, text)
    return [problem.slug for problem in problems if problem.slug == "outside-project"]


OUTSIDE = ["../OUT", "in/../../OUT", "/nowhere/OUT", "link/OUT"]


@pytest.mark.parametrize(("inside", "outside"), [*product(INSIDE, OUTSIDE), ("in/in.jsonl", "../*/OUT")])
def test_a_path_that_leaves_the_project_is_told(inside: str, outside: str, tmp_path: Path) -> None:
    root = tmp_path / "project"
    root.mkdir()
    (root / "link").symlink_to(tmp_path)
    field = "cwd: " if inside.startswith("cwd") else ""
    assert slugs(root, RECIPE) == []
    assert slugs(root, RECIPE.replace(inside, f"{field}'{outside}'")) == ["outside-project"]


def test_an_allowed_folder_and_a_path_that_is_known_later_are_no_fault(tmp_path: Path) -> None:
    root = tmp_path / "project"
    root.mkdir()
    text = RECIPE.replace("out/a.jsonl", str(tmp_path / "shared/a.jsonl"))
    assert slugs(root, text) == ["outside-project"]
    (root / "runner.yaml").write_text(
        f"apiVersion: runner/v1\nkind: Project\nname: t\nallow_paths: [{tmp_path / 'shared'}]\n"
    )
    assert slugs(root, text) == []
    triggered = "triggers: [{webhook: {path: /go, secret: s}}]\n" + RECIPE.replace(
        "out/a.jsonl", "'../{{ trigger.x }}'"
    )
    assert slugs(root, triggered) == []
