"""`--select`: names, globs, labels, what changed since a commit, how recipes stand in the ledger."""

import json

import pytest

from tests.cli.shell import Shell
from tests.gitops.work_tree import add_recipe, commit, git, new_project

LABELS = {"a": "{team: ocr, tier: gold}", "b": "{team: ocr}", "ab": "{team: web}"}


@pytest.fixture
def shop(shell: Shell) -> Shell:
    new_project(shell.folder, *LABELS)
    for name, labels in LABELS.items():
        file = shell.folder / f"recipes/{name}.yaml"
        file.write_text(file.read_text() + f"labels: {labels}\n")
    commit(shell.folder, "labels")
    return shell


def selected(shell: Shell, *wishes: str) -> list[str]:
    words = [word for wish in wishes for word in ("--select", wish)]
    said = shell("render", "-f", "recipes", *words, "-o", "json")
    assert said.code == 0, said.err
    return sorted(recipe["name"] for recipe in json.loads(said.out)["recipes"])


@pytest.mark.parametrize(
    ("wishes", "names"),
    [
        ([], ["a", "ab", "b"]),
        (["a"], ["a"]),
        (["a*"], ["a", "ab"]),
        (["[ab]"], ["a", "b"]),
        (["team=ocr"], ["a", "b"]),
        (["tier"], ["a"]),
        (["team=ocr,a*"], ["a"]),
        (["team=ocr, tier=gold"], ["a"]),
        (["a", "team=web"], ["a", "ab"]),
        (["team=ocr,b", "ab"], ["ab", "b"]),
    ],
)
def test_names_globs_and_labels(shop: Shell, wishes: list[str], names: list[str]):
    assert selected(shop, *wishes) == names


def test_what_changed_since_a_commit(shop: Shell):
    add_recipe(shop.folder, "b", text="bye")
    commit(shop.folder, "b says bye")
    assert selected(shop, "changed:HEAD~1") == ["b"]
    assert selected(shop, "changed:HEAD~1", "a") == ["a", "b"]
    assert selected(shop, "changed:HEAD~1,team=web") == []


def test_nothing_changed_is_nothing_to_do_and_no_error(shop: Shell):
    for command in ("plan", "apply"):
        said = shop(command, "-f", "recipes", "--select", "changed:HEAD")
        assert (said.code, said.err) == (0, "")
    assert "nothing to do" in shop("plan", "-f", "recipes", "--select", "changed:HEAD").out


def test_a_name_that_no_recipe_has_is_an_error(shop: Shell):
    said = shop("plan", "-f", "recipes", "--select", "c")
    assert (said.code, "mend --select" in said.err) == (2, True)
    assert shop("plan", "-f", "recipes", "--select", "changed:HEAD", "--select", "c").code == 2


def test_nothing_selected_is_no_success_of_validate(shop: Shell):
    said = shop("validate", "-f", "recipes", "--select", "nonex*")
    assert (said.code, said.out, "no recipe is selected" in said.err) == (2, "", True)
    assert shop("validate", "-f", "recipes", "--select", "changed:HEAD").code == 0


def test_a_file_that_is_not_there_is_wrong_usage(shop: Shell):
    said = shop("plan", "-f", "nofile.yaml")
    assert (said.code, "there is no file or folder 'nofile.yaml'" in said.err) == (2, True)


def test_how_recipes_stand(shop: Shell):
    file = shop.folder / "recipes/a.yaml"
    file.write_text(file.read_text().replace("[tr, a-z, A-Z]", '[sh, -c, "exit 3"]'))
    slow = shop.folder / "recipes/b.yaml"
    slow.write_text(slow.read_text().replace("[tr, a-z, A-Z]", "[sleep, '3']"))
    shop("apply", "-f", "recipes", "--wait", "400ms")
    assert selected(shop, "state:failed") == ["a"]
    assert selected(shop, "state:pending") == ["b"]
    assert selected(shop, "state:held") == []


@pytest.mark.parametrize(
    ("wish", "code", "text"),
    [
        ("state:lost", 2, "the states are pending, held, failed"),
        ("changed:nowhere", 2, "there is no commit 'nowhere'"),
        ("changed:--output=x", 2, "is no Git ref"),
    ],
)
def test_a_wish_that_cannot_be_understood(shop: Shell, wish: str, code: int, text: str):
    said = shop("plan", "-f", "recipes", "--select", wish)
    assert (said.code, text in said.err) == (code, True)


def test_a_selected_recipe_may_read_one_that_is_not(shop: Shell):
    report = (
        (shop.folder / "recipes/a.yaml").read_text().replace("name: a\n", "name: report\n").replace("out/a", "out/r")
    )
    shop.write("recipes/report.yaml", report.replace("jsonl: {path: data/a.jsonl, key: id}", "recipe: {name: a}"))
    shop("apply", "-f", "recipes", "--select", "a")
    said = shop("apply", "-f", "recipes", "--select", "report")
    assert (said.code, shop.read("out/r.jsonl")) == (0, '{"text":"HELLO"}\n')


def test_a_recipe_that_is_wrong_stops_even_what_is_not_it(shop: Shell):
    shop.write("recipes/wrong.yaml", "kind: Recipe\napiVersion: runner/v1\n")
    assert shop("plan", "-f", "recipes", "--select", "a").code == 3
    git(shop.folder, "rm", "-q", "--cached", "-r", "recipes/a.yaml")
    assert shop("plan", "-f", "recipes/a.yaml").code == 0
