"""`runner retry --item`: only what is there is tried again."""

import json

import pytest

from tests.cli.shell import Shell

PROJECT = "apiVersion: runner/v1\nkind: Project\nname: t\n"
RECIPE = """\
apiVersion: runner/v1
kind: Recipe
name: NAME
run: {poll: {first: 20ms}}
source: {jsonl: {path: NAME.jsonl, key: id}}
target: {command: {argv: [sh, -c, "test -e mended && echo hi"], format: text}}
"""


@pytest.fixture
def failed(shell: Shell) -> Shell:
    """Two recipes of two items each that have failed, and could succeed now."""
    shell.write("runner.yaml", PROJECT)
    for name in ("one", "two"):
        shell.write(f"{name}.yaml", RECIPE.replace("NAME", name))
        shell.write(f"{name}.jsonl", f'{{"id": "{name}-first"}}\n{{"id": "{name}-second"}}\n')
    assert shell("apply", "-f", ".").code == 11
    shell.write("mended", "")
    return shell


def counts(shell: Shell) -> list[dict[str, int]]:
    stages = json.loads(shell("status", "-f", ".", "-o", "json").out)["stages"]
    return [{name: number for name, number in stage["counts"].items() if number} for stage in stages]


def test_an_unknown_item_is_an_error_that_names_it(failed: Shell):
    said = failed("retry", "-f", ".", "--item", "nosuch", "--item", "one-frist", "--item", "two-first")
    assert (said.code, said.out) == (2, "")
    assert "there are no items 'nosuch', 'one-frist' in the selection of one, two" in said.err
    assert "did you mean 'one-first'" in said.err
    assert "nothing was done" in said.err
    assert counts(failed) == [{"failed": 2}, {"failed": 2}]


def test_an_item_of_one_of_the_recipes_is_known(failed: Shell):
    assert failed("retry", "-f", ".", "--item", "two-second").code == 11
    assert counts(failed) == [{"failed": 2}, {"failed": 1, "succeeded": 1}]


def test_an_item_that_has_left_the_source_is_unknown(failed: Shell):
    failed.write("one.jsonl", '{"id": "one-first"}\n')
    said = failed("retry", "-f", "one.yaml", "--item", "one-second")
    assert (said.code, "there is no item 'one-second' in the selection of one" in said.err) == (2, True)


def test_an_item_that_is_new_in_the_source_is_known(failed: Shell):
    failed.write("one.jsonl", '{"id": "one-first"}\n{"id": "fresh"}\n')
    assert failed("retry", "-f", "one.yaml", "--item", "fresh").code == 11
    assert counts(failed)[0] == {"failed": 1, "new": 1}


def test_a_job_to_give_up_must_be_there(failed: Shell):
    said = failed("retry", "-f", ".", "--abandon", "zzz")
    assert (said.code, "there is no job 'zzz'" in said.err) == (2, True)
    assert failed("retry", "-f", ".", "--abandon", "zzz", "--held").code == 2


def test_an_item_that_has_succeeded_is_paid_for_again_by_apply_only(failed: Shell):
    assert failed("retry", "-f", "one.yaml").code == 0
    said = failed("retry", "-f", "one.yaml", "--item", "one-first")
    assert (said.code, "has already succeeded" in said.err) == (2, True)
    assert "runner apply --replace one-first" in said.err
    failed.write("one.yaml", RECIPE.replace("NAME", "one"))
    before = json.loads(failed("state", "list", "-f", "one.yaml", "--all", "-o", "json").out)["jobs"]
    assert failed("apply", "-f", "one.yaml", "--replace", "one-first").code == 0
    after = json.loads(failed("state", "list", "-f", "one.yaml", "--all", "-o", "json").out)["jobs"]
    assert len(after) == len(before) + 1
    assert counts(failed)[0] == {"succeeded": 2}


def test_only_what_has_succeeded_is_replaced(failed: Shell):
    said = failed("apply", "-f", "one.yaml", "--replace", "one-first")
    assert (said.code, "it has no result to replace" in said.err) == (2, True)
    assert failed("apply", "-f", "one.yaml", "--replace", "nosuch").code == 2
