"""`runner validate`: the true error first, its consequences never; every document that was named is judged."""

import json

import pytest

from tests.cli.shell import PROJECT, RECIPE, Shell

CONNECTED = PROJECT + "connections:\n  jobs: {platform: jobs, base_url: http://127.0.0.1:1, token: {env: X}}\n"
USER = RECIPE.replace("{command: {argv: [cat]}}", "{jobs.keyed: {connection: jobs}}")


@pytest.fixture
def mine(examples: Shell) -> Shell:
    """A project whose recipe uses a manifest of its own."""
    examples.write("mine/runner.yaml", CONNECTED)
    examples.write("mine/r.yaml", USER)
    examples.write("mine/in.jsonl", "")
    examples.write("mine/platforms/jobs.yaml", examples.read("platforms/jobs.yaml"))
    return examples


def problems(shell: Shell, *paths: str) -> list[tuple[str, str]]:
    found = json.loads(shell("validate", "-o", "json", *paths).out)["problems"]
    return [(one["file"], one["slug"]) for one in found]


def break_manifest(shell: Shell) -> None:
    shell.write("mine/platforms/jobs.yaml", shell.read("mine/platforms/jobs.yaml").replace("\ntargets:", "\ntargetz:"))


@pytest.mark.parametrize("paths", [("mine",), ("mine/r.yaml",), ("mine/platforms/jobs.yaml",)])
def test_a_faulty_manifest_is_the_only_error(mine: Shell, paths: tuple[str, ...]):
    break_manifest(mine)
    assert problems(mine, *paths) == [("mine/platforms/jobs.yaml", "unknown-field")]
    assert mine("validate", *paths).code == 3


def test_other_errors_follow_that_of_the_manifest(mine: Shell):
    break_manifest(mine)
    mine.write("mine/r.yaml", USER + "rekord: {}\n")
    assert [file for file, _ in problems(mine, "mine")] == ["mine/platforms/jobs.yaml", "mine/r.yaml"]


@pytest.mark.parametrize("wrong", [CONNECTED + "bad: [\n", CONNECTED.replace("platform:", "platfrom:")])
def test_a_connection_is_not_missed_when_the_project_file_is_faulty(mine: Shell, wrong: str):
    mine.write("mine/runner.yaml", wrong)
    assert {file for file, _ in problems(mine, "mine")} == {"mine/runner.yaml"}


def test_a_recipe_that_is_faulty_is_not_missed_by_its_reader(mine: Shell):
    mine.write("mine/r.yaml", USER + "rekord: {}\n")
    mine.write(
        "mine/s.yaml",
        RECIPE.replace("name: r", "name: s").replace("{jsonl: {path: in.jsonl, key: id}}", "{recipe: {name: r}}"),
    )
    assert problems(mine, "mine") == [("mine/r.yaml", "unknown-field")]


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("mine/platforms/jobs.yaml", "1 manifest is valid"),
        ("mine/runner.yaml", "1 project file is valid"),
        ("invoices.test.yaml", "1 test is valid"),
        ("mine/r.yaml", "1 recipe is valid"),
        ("mine", "1 recipe and 1 manifest are valid"),
    ],
)
def test_it_says_which_documents_are_valid(mine: Shell, path: str, text: str):
    assert mine("validate", "-f", path) == (0, f"{text}\n", "")


def test_a_manifest_that_no_recipe_uses_is_judged_with_its_folder(mine: Shell):
    mine.write("mine/platforms/unused.yaml", "apiVersion: runner/v1\nkind: Platform\nname: other\n")
    assert {file for file, _ in problems(mine, "mine")} == {"mine/platforms/unused.yaml"}


def test_a_manifest_outside_of_the_folder_of_manifests_is_judged_too(mine: Shell):
    mine.write("elsewhere/jobs.yaml", mine.read("platforms/jobs.yaml"))
    assert mine("validate", "elsewhere/jobs.yaml").out == "1 manifest is valid\n"


def test_the_name_of_its_file_counts(mine: Shell):
    (mine.folder / "mine/platforms/jobs.yaml").rename(mine.folder / "mine/platforms/tasks.yaml")
    assert ("mine/platforms/tasks.yaml", "wrong-name") in problems(mine, "mine/platforms/tasks.yaml")


def test_a_faulty_test_is_told(mine: Shell):
    mine.write("mine/r.test.yaml", "apiVersion: runner/v1\nkind: Test\ncasez: []\n")
    assert {file for file, _ in problems(mine, "mine/r.test.yaml")} == {"mine/r.test.yaml"}
