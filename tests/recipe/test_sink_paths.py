"""No sink overwrites an input, however its path is written."""

from pathlib import Path

import pytest

from runner.model.problem import Problem
from runner.recipe import load_recipes
from runner.recipe.project import load_project
from tests.recipe.shop import Shop

PROJECT = """\
apiVersion: runner/v1
kind: Project
name: t
allow: {commands: [[python3, tools/train.py]]}
connections: {shop: {platform: shop, token: {file: keys/token.txt}}}
"""
RECIPE = """\
apiVersion: runner/v1
kind: Recipe
name: NAME
source: {jsonl: {path: data/in.jsonl}}
target: {command: {argv: [python3, tools/train.py]}}
sinks: [{jsonl: {path: "SINK"}}]
"""


def problems(root: Path, sink: str, recipe: str = RECIPE, name: str = "r") -> list[Problem]:
    (root / "runner.yaml").write_text(PROJECT)
    (root / f"{name}.yaml").write_text(recipe.replace("SINK", sink).replace("NAME", name))
    for file in ("data/in.jsonl", "tools/train.py", "keys/token.txt", "platforms/p.yaml", ".git/config"):
        (root / file).parent.mkdir(exist_ok=True)
        (root / file).touch()
    (root / "notes.yaml").write_text("apiVersion: runner/v1\nkind: Test\n")
    (root / "link").symlink_to("data")
    (root / "other.jsonl").symlink_to("data/in.jsonl")
    loaded = load_project([root], profile=None, environ={})
    return load_recipes(loaded, [root / f"{name}.yaml"], vars={}, environ={}, catalog=Shop())[1]


@pytest.mark.parametrize(
    ("sink", "what"),
    [
        ("data/in.jsonl", "a source file of jsonl"),
        ("./data/../data//in.jsonl", "a source file of jsonl"),
        ("link/in.jsonl", "a source file of jsonl"),
        ("other.jsonl", "a source file of jsonl"),
        ("Data/IN.jsonl", "a source file of jsonl"),
        ("ROOT/data/in.jsonl", "a source file of jsonl"),
        ("r.yaml", "a recipe"),
        ("R.YAML", "a recipe"),
        ("runner.yaml", "the project file"),
        ("notes.yaml", "a document of the runner"),
        ("platforms/p.yaml", "a file in the folder of manifests"),
        ("platforms/new.jsonl", "a file in the folder of manifests"),
        (".git/config", "a file of Git"),
        (".GIT/hooks/post-checkout", "a file of Git"),
        ("sub/.git/hooks/post-checkout", "a file of Git"),
        (".runner/x.jsonl", "a file in the state folder"),
        (".runner/ledger.db", "the ledger"),
        ("tools/train.py", "a file of the command"),
        ("keys/token.txt", "the file of a secret"),
    ],
)
def test_an_input_is_not_overwritten(tmp_path: Path, sink: str, what: str) -> None:
    (found,) = problems(tmp_path, sink.replace("ROOT", str(tmp_path)))
    assert (found.slug, what in found.what, found.mark.line) == ("sink-over-input", True, 6)


@pytest.mark.parametrize("sink", ["out/r.jsonl", "data/out.jsonl", "platforms.jsonl", "new.yaml", "data/in.jsonl.bak"])
def test_what_is_no_input_may_be_written(tmp_path: Path, sink: str) -> None:
    assert problems(tmp_path, sink) == []


@pytest.mark.parametrize(
    ("source", "sink", "is_input"),
    [
        ("jsonl: {path: 'data/*.jsonl'}", "data/out.jsonl", True),
        ("jsonl: {path: 'data/*.jsonl'}", "link/OUT.jsonl", True),
        ("jsonl: {path: 'data/*.jsonl'}", "data/sub/out.jsonl", False),
        ("csv: {path: 'data/**/*.csv'}", "data/a/b/out.csv", True),
        ("files: {path: data}", "data/a/out.jsonl", True),
        ("files: {path: data, glob: '**/*.pdf'}", "data/a/out.jsonl", False),
        ("files: {path: .}", "out/r.jsonl", True),
    ],
)
def test_what_a_glob_of_the_source_finds_is_an_input(tmp_path: Path, source: str, sink: str, is_input: bool) -> None:
    recipe = RECIPE.replace("jsonl: {path: data/in.jsonl}", source)
    assert [found.slug for found in problems(tmp_path, sink, recipe)] == ["sink-over-input"] * is_input


def test_the_source_of_another_recipe_is_an_input(tmp_path: Path) -> None:
    problems(tmp_path, "out/a.jsonl", name="a")
    (tmp_path / "b.yaml").write_text(RECIPE.replace("NAME", "b").replace("SINK", "x").replace("data/in", "out/A"))
    loaded = load_project([tmp_path], profile=None, environ={})
    _, found = load_recipes(loaded, [tmp_path / "a.yaml", tmp_path / "b.yaml"], vars={}, environ={}, catalog=Shop())
    assert [(one.slug, one.mark.file) for one in found] == [("sink-over-input", str(tmp_path / "a.yaml"))]


@pytest.mark.parametrize("sink", ["out/a.jsonl", "OUT/./A.jsonl", "way/a.jsonl"])
def test_the_file_of_another_sink_is_not_overwritten(tmp_path: Path, sink: str) -> None:
    problems(tmp_path, "out/a.jsonl", name="a")
    (tmp_path / "way").symlink_to("out")
    (tmp_path / "b.yaml").write_text(RECIPE.replace("NAME", "b").replace("SINK", sink))
    loaded = load_project([tmp_path], profile=None, environ={})
    _, found = load_recipes(loaded, [tmp_path / "a.yaml", tmp_path / "b.yaml"], vars={}, environ={}, catalog=Shop())
    assert [(one.slug, one.mark.file) for one in found] == [("shared-sink", str(tmp_path / "b.yaml"))]


def test_the_source_of_a_recipe_that_was_not_given_is_an_input(tmp_path: Path):
    text = RECIPE.replace("data/in", "data/b").replace("SINK", "out/b.jsonl").replace("NAME", "b")
    (tmp_path / "b.yaml").write_text(text)
    (found,) = problems(tmp_path, "data/b.jsonl")
    assert (found.slug, "a source file of jsonl" in found.what) == ("sink-over-input", True)


def test_a_wrong_recipe_that_was_not_given_is_not_reported(tmp_path: Path):
    (tmp_path / "b.yaml").write_text(RECIPE.replace("source:", "sauce:").replace("SINK", "out/r.jsonl"))
    assert problems(tmp_path, "out/r.jsonl") == []
