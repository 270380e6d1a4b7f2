"""The command itself; what it serves is in tests/web."""

import pytest

from runner.web.journal import Journal
from tests.cli.shell import Shell

PROJECT = "apiVersion: runner/v1\nkind: Project\nname: t\nsecrets: {shop: {env: HOOK}, gone: {env: GONE}}\n"
RECIPE = """\
apiVersion: runner/v1
kind: Recipe
name: r
source: {jsonl: {path: in.jsonl}}
target: {command: {argv: [cat]}}
triggers:
  - webhook: {path: %s, secret: %s}
"""


@pytest.fixture
def shop(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> Shell:
    """A project whose secret is there."""
    monkeypatch.setenv("HOOK", "sesame")
    shell.write("runner.yaml", PROJECT)
    shell.write("r.yaml", RECIPE % ("/hooks/go", "shop"))
    return shell


def test_help_says_how(shop: Shell) -> None:
    said = shop("serve", "--help")
    assert said.code == 0
    assert "runner serve -f recipes/" in said.out


def test_a_secret_that_is_not_there_ends_it_at_once(shop: Shell) -> None:
    shop.write("r.yaml", RECIPE % ("/hooks/go", "gone"))
    said = shop("serve", "-f", ".", "--port", "0")
    assert said.code == 3
    assert "the environment variable GONE is not set" in said.err


def test_a_path_of_the_service_is_refused(shop: Shell) -> None:
    shop.write("r.yaml", RECIPE % ("/models", "shop"))
    assert "the service's own" in shop("serve", "-f", ".", "--port", "0").err


def test_a_token_must_have_a_name_in_the_project(shop: Shell) -> None:
    said = shop("serve", "-f", ".", "--port", "0", "--api-token", "api")
    assert "there is no secret 'api' in runner.yaml" in said.err
    assert "mend: add it: secrets: {api: {env: API}}" in said.err


def test_a_recipe_with_an_error_is_not_served(shop: Shell) -> None:
    shop.write("r.yaml", RECIPE % ("/hooks/go", "shpo"))
    said = shop("serve", "-f", ".", "--port", "0")
    assert said.code == 3
    assert "error[unknown-secret]" in said.err


def test_a_second_service_on_the_same_folder_is_locked_out(shop: Shell) -> None:
    (shop.folder / ".runner/serve/queue").mkdir(parents=True)
    holder = Journal(shop.folder / ".runner/serve/queue", list)
    holder.open()
    said = shop("serve", "-f", ".", "--port", "0")
    assert said.code == 16
    assert "another runner serve" in said.err


def test_an_apply_waits_for_no_trigger(shop: Shell) -> None:
    shop.write("in.jsonl", '{"id": "a"}\n')
    text = (RECIPE % ("/hooks/go", "shop")).replace("in.jsonl", "'{{ trigger.file }}'")
    shop.write("r.yaml", text)
    said = shop("plan", "-f", ".")
    assert (said.code, "reads its trigger" in said.err) == (2, True)
    assert "1 new" in shop("plan", "-f", ".", "--trigger", "file=in.jsonl").out
    shop.write("other.yaml", RECIPE.partition("triggers:")[0].replace("name: r", "name: other"))
    said = shop("plan", "-f", ".")
    assert (said.code, "skipped, because nothing has triggered it: r" in said.err) == (0, True)


def test_two_projects_of_one_name_are_refused(shop: Shell) -> None:
    shop.write("below/runner.yaml", PROJECT)
    shop.write("below/r.yaml", RECIPE % ("/hooks/go", "shop"))
    said = shop("serve", "-f", ".", "--port", "0")
    assert (said.code, "two projects are named t" in said.err) == (2, True)
