"""A command of a recipe or a secret runs only when the project file allows it."""

from pathlib import Path

import pytest

from runner.model.command import changes_what_runs, entry_for, fault_of_entry, is_allowed
from runner.model.problem import Problem
from runner.recipe import load_project, load_recipes
from tests.recipe.shop import Shop

PROJECT = "apiVersion: runner/v1\nkind: Project\nname: t\n"
RECIPE = """\
apiVersion: runner/v1
kind: Recipe
name: r
vars: {script: {default: train.py}}
triggers: [{webhook: {path: /hooks/go, secret: s}}]
source: {jsonl: {path: in.jsonl, key: id}}
target: {command: {argv: ARGV}}
labels: {script: "{{ vars.script }}"}
"""


def problems(folder: Path, allow: str, argv: str = "[cat]", more: str = "") -> list[Problem]:
    (folder / "runner.yaml").write_text(PROJECT + "secrets: {s: {env: S}}\n" + allow + more)
    (folder / "r.yaml").write_text(RECIPE.replace("ARGV", argv))
    loaded = load_project([folder], profile=None, environ={})
    return load_recipes(loaded, [folder / "r.yaml"], vars={}, environ={}, catalog=Shop())[1]


@pytest.mark.parametrize(
    ("allow", "argv"),
    [
        ("[[python3, train.py]]", "[python3, train.py, '{{ item.id }}']"),
        ("[[python3, train.py]]", "[python3, '{{ vars.script }}', '{{ job.input }}']"),
        ("[./train.py]", "[./train.py]"),
        ("[./train.py]", "[./train.py, '{{ trigger.x }}']"),
        ("[[cat], [python3, -u, train.py]]", "[python3, -u, train.py]"),
    ],
)
def test_what_begins_like_an_entry_is_allowed(tmp_path: Path, allow: str, argv: str) -> None:
    assert problems(tmp_path, f"allow: {{commands: {allow}}}\n", argv) == []


@pytest.mark.parametrize(
    ("allow", "argv"),
    [
        ("", "[tr, a, b]"),
        ("", "[cat, in.jsonl]"),
        ("", "[./cat]"),
        ("", "[cat, '{{ item.id }}']"),
        ("allow: {}\n", "[tr, a, b]"),
        ("allow: {commands: [[python3, train.py]]}\n", "[python3, other.py]"),
        ("allow: {commands: [[python3, train.py]]}\n", "[python3]"),
        ("allow: {commands: [[python3, train.py]]}\n", "[python, train.py]"),
        ("allow: {commands: [[python3, train.py]]}\n", "[python3, ./train.py]"),
        ("allow: {commands: [[python3, train.py]]}\n", "[python3, '{{ item.script }}']"),
        ("allow: {commands: [[python3, train.py]]}\n", "[python3, '{{ trigger.script }}']"),
        ("allow: {commands: [./train.py]}\n", "['{{ item.id }}']"),
        ("allow: {commands: [tr]}\n", "[/bin/tr]"),
    ],
)
def test_what_does_not_is_an_error(tmp_path: Path, allow: str, argv: str) -> None:
    (found,) = problems(tmp_path, allow, argv)
    assert (found.slug, found.mark.line, bool(found.mend)) == ("command-not-allowed", 7, True)


def test_to_give_the_items_back_needs_no_entry(tmp_path: Path) -> None:
    assert problems(tmp_path, "", "[cat]") == []


def test_the_entry_to_add_is_named(tmp_path: Path) -> None:
    (found,) = problems(tmp_path, "", "[python3, -u, 'my train.py', '{{ item.id }}']")
    assert 'allow: {commands: [[python3, "-u", "my train.py"]]}' in found.mend


@pytest.mark.parametrize(
    "entry",
    [
        "[python]",
        "[python3]",
        "[/usr/bin/python3.11]",
        "[PYTHON3]",
        "[sh, -c]",
        "[bash, -ec]",
        "[env]",
        "[env, A=1, python3]",
        "[/usr/bin/env, node]",
        "[node, -e]",
        "[python3, -m]",
        "[python3, -X, dev]",
        "[sh, -s, x]",
        "[sh, '-', x]",
        "[timeout, python3]",
        "[sudo]",
        "[npx]",
        "[docker]",
        "[xargs, sh]",
    ],
)
def test_an_interpreter_alone_is_refused(tmp_path: Path, entry: str) -> None:
    found = problems(tmp_path, f"allow: {{commands: [[cat], {entry}]}}\n")
    assert [(one.slug, one.mark.line) for one in found] == [("open-command", 5)]


@pytest.mark.parametrize(
    "entry", ["[python3, -u, train.py]", "[python3, -m, train]", "[sh, -c, cat]", "[env, A=1, ./x]", "[test]"]
)
def test_an_entry_that_says_what_runs_is_taken(tmp_path: Path, entry: str) -> None:
    assert problems(tmp_path, f"allow: {{commands: [[cat], {entry}]}}\n") == []


@pytest.mark.parametrize("entry", ["'{{ env.X }}'", "[python3, '{{ env.X }}']", "[]", "''", "5", "{a: b}"])
def test_an_entry_is_words_as_they_are(tmp_path: Path, entry: str) -> None:
    found = problems(tmp_path, f"allow: {{commands: [[cat], {entry}]}}\n")
    assert {one.mark.line for one in found if one.mark.file.endswith("runner.yaml")} == {5}


@pytest.mark.parametrize(
    "place",
    [
        "connections: {c: {platform: shop, token: {command: [pass, show, x]}}}\n",
        "ledger: {command: [pass, show, x]}\n",
        "profiles: {p: {}}\nledger: {command: [pass, show, x]}\n",
    ],
)
def test_a_command_of_a_secret_must_be_allowed_too(tmp_path: Path, place: str) -> None:
    (found,) = problems(tmp_path, "allow: {commands: [cat]}\n", more=place)
    assert (found.slug, "[[pass]]" in found.mend) == ("command-not-allowed", True)
    assert problems(tmp_path, "allow: {commands: [cat, [pass, show]]}\n", more=place) == []


@pytest.mark.parametrize("name", ["PATH", "LD_PRELOAD", "PYTHONPATH", "NODE_OPTIONS", "BASH_ENV", "GIT_SSH_COMMAND"])
def test_a_variable_that_changes_what_runs_is_an_error(tmp_path: Path, name: str) -> None:
    (found,) = problems(tmp_path, "allow: {commands: [cat]}\n", f"[cat], env: {{{name}: x, PLAIN: y}}")
    assert (found.slug, name in found.what) == ("command-variable", True)


def test_without_a_project_nothing_is_allowed() -> None:
    assert not is_allowed(["tr"], [])
    assert entry_for(["env", "A=1", "node", "x.js", "y"]) == ["env", "A=1", "node", "x.js"]
    assert fault_of_entry(["cat"]) == ""
    assert not changes_what_runs("MODEL_RUN")
