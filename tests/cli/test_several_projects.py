"""The nearest runner.yaml above a recipe is its project; several projects in one call stay several."""

import json
from pathlib import Path

import pytest

from tests.cli.shell import PROJECT, RECIPE, Shell

BROKEN = RECIPE.replace("jsonl:", "jsonll:")


def project(shell: Shell, folder: str, name: str, recipe: str = RECIPE) -> None:
    """Write a project with one recipe over one item; the name of its recipe is the same in each."""
    shell.write(f"{folder}/runner.yaml", PROJECT.replace("name: t", f"name: {name}"))
    shell.write(f"{folder}/r.yaml", recipe + "sinks: [{jsonl: {path: out.jsonl}}]\n")
    shell.write(f"{folder}/in.jsonl", f'{{"id": "{name}"}}\n')


@pytest.fixture
def two(shell: Shell) -> Shell:
    """A project, and another one below it."""
    project(shell, ".", "outer")
    project(shell, "below/inner", "inner")
    return shell


def ids(shell: Shell, path: str) -> list[str]:
    return [json.loads(line)["id"] for line in shell.lines(path)]


def test_a_project_below_a_project_is_one_of_its_own(two: Shell):
    said = two("validate")
    assert (said.code, said.out, said.err) == (0, "2 recipes are valid\n", "")


def test_each_is_applied_in_its_own_folder_and_ledger(two: Shell):
    assert two("apply").code == 0
    assert (ids(two, "out.jsonl"), ids(two, "below/inner/out.jsonl")) == (["outer"], ["inner"])
    assert (two.folder / ".runner/ledger.db").exists() and (two.folder / "below/inner/.runner/ledger.db").exists()
    assert two("plan", "--exit-code").code == 0
    assert two("plan", "--exit-code", "-f", "below/inner").code == 0


def test_output_names_the_project_of_each_recipe(two: Shell):
    assert [line for line in two("plan").out.splitlines() if line.startswith("project")] == [
        "project outer",
        "project inner",
    ]
    two("apply")
    assert [one["project"] for one in json.loads(two("status", "-o", "json").out)["stages"]] == ["outer", "inner"]
    plan = json.loads(two("plan", "-o", "json").out)
    assert (plan["project"], [one["project"] for one in plan["stages"]]) == ("", ["outer", "inner"])


def test_a_folder_between_projects_is_none(shell: Shell):
    project(shell, "a", "a")
    project(shell, "b", "b")
    assert shell("validate").out == "2 recipes are valid\n"
    assert shell("apply").code == 0
    assert not (shell.folder / ".runner").exists()


def test_errors_of_all_are_told_and_stop_all(two: Shell):
    project(two, "below/inner", "inner", BROKEN)
    said = two("apply")
    assert (said.code, "below/inner/r.yaml:5:10: error[unknown-kind]" in said.err) == (3, True)
    assert not (two.folder / "out.jsonl").exists()


def test_a_failing_project_does_not_stop_the_others(two: Shell):
    (two.folder / "in.jsonl").unlink()
    assert two("apply").code != 0
    assert ids(two, "below/inner/out.jsonl") == ["inner"]


def test_a_variable_is_known_when_one_of_the_projects_declares_it(two: Shell):
    project(two, "below/inner", "inner", RECIPE + "vars: {month: {type: string, default: a}}\n")
    assert "unknown-var" not in two("validate", "--var", "month=b").err
    assert two("validate", "--var", "moth=b").err.count("unknown-var") >= 1


def test_what_needs_one_project_says_so(two: Shell):
    for words in (["plan", "--out", "p.json"], ["state", "show", "4b"]):
        said = two(*words)
        assert (said.code, "belong to 2 projects" in said.err) == (2, True), words
    assert two("plan", "--out", "p.json", "-f", "below/inner").code == 0


def test_the_root_of_this_repository_has_no_error_outside_of_the_test_data(shell: Shell, monkeypatch):
    monkeypatch.chdir(Path(__file__).parents[2])
    problems = json.loads(shell("validate", "-o", "json").out)["problems"]
    wrong = {one["file"] for one in problems if one["severity"] == "error"}
    assert {file for file in wrong if not file.startswith("tests/recipes/")} == set()
