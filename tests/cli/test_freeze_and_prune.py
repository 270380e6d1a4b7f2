"""A freeze refuses with 17; recipes that are gone are told, and pruned when a person says so."""

import json
from pathlib import Path

import pytest

from tests.cli.shell import Shell

PROJECT = "apiVersion: runner/v1\nkind: Project\nname: t\n"
FREEZE = "freeze: [{from: 2020-01-01, until: 2099-12-31, timezone: Europe/Berlin, reason: books are closed}]\n"
HEAD = "apiVersion: runner/v1\nkind: Recipe\nname: {name}\nsource: {{jsonl: {{path: in.jsonl, key: id}}}}\n"
SLOW = "target: {command: {argv: [sleep, '3'], format: text}}\nrun: {poll: {first: 20ms}}\n"
QUICK = "target: {command: {argv: [echo, hi], format: text}}\nrun: {poll: {first: 20ms}}\n"


@pytest.fixture
def project(shell: Shell) -> Shell:
    shell.write("runner.yaml", PROJECT)
    shell.write("in.jsonl", '{"id": "1"}\n{"id": "2"}\n')
    shell.write("recipes/slow.yaml", HEAD.format(name="slow") + SLOW)
    shell.write("recipes/quick.yaml", HEAD.format(name="quick") + QUICK)
    return shell


@pytest.fixture
def orphaned(project: Shell) -> Shell:
    assert project("apply", "-f", "recipes", "--wait", "300ms").code == 14
    (project.folder / "recipes/slow.yaml").unlink()
    return project


@pytest.mark.parametrize("command", ["apply", "retry"])
def test_a_freeze_refuses_and_says_until_when_and_why(project: Shell, command: str):
    project.write("runner.yaml", PROJECT + FREEZE)
    said = project(command, "-f", "recipes/quick.yaml")
    assert said.code == 17
    assert "frozen until 2100-01-01 00:00 Europe/Berlin: books are closed" in said.err
    assert "--ignore-freeze" in said.err


def test_an_ignored_freeze_is_applied_and_its_reason_kept(project: Shell):
    project.write("runner.yaml", PROJECT + FREEZE)
    assert project("apply", "-f", "recipes/quick.yaml", "--ignore-freeze", "a customer waits").code == 0
    (stage,) = json.loads(project("status", "-f", "recipes/quick.yaml", "-o", "json").out)["stages"]
    assert stage["run"]["holder"]["ignored_freeze"] == "a customer waits"


def test_a_plan_tells_of_the_freeze(project: Shell):
    project.write("runner.yaml", PROJECT + FREEZE)
    assert "frozen until 2100-01-01 00:00 Europe/Berlin" in project("plan", "-f", "recipes").out
    assert "> frozen until" in project("plan", "-f", "recipes", "-o", "markdown").out
    document = json.loads(project("plan", "-f", "recipes", "-o", "json").out)
    assert document["frozen"] == {"until": "2099-12-31T23:00:00Z", "reason": "books are closed"}


def test_a_plan_lists_what_is_gone_with_its_jobs(orphaned: Shell):
    said = orphaned("plan", "-f", "recipes").out
    assert "orphaned: slow is gone from the files, its jobs go on at the platform (2 " in said
    (orphan,) = json.loads(orphaned("plan", "-f", "recipes", "-o", "json").out)["orphaned"]
    assert (orphan["recipe"], orphan["counts"], sum(orphan["open_jobs"].values())) == ("slow", {"in_job": 2}, 2)
    assert "> orphaned: slow" in orphaned("plan", "-f", "recipes", "-o", "markdown").out


def test_what_ended_before_it_was_removed_is_one_quiet_line(orphaned: Shell):
    (orphaned.folder / "recipes/quick.yaml").rename(orphaned.folder / "recipes/new.yaml")
    orphaned.write("recipes/new.yaml", HEAD.format(name="new") + QUICK)
    assert "orphaned: quick: gone from the files, kept in the ledger" in orphaned("plan", "-f", "recipes").out


@pytest.mark.parametrize("wish", [("-f", "recipes/quick.yaml"), ("-f", "recipes", "--select", "quick")])
def test_a_part_of_the_recipes_says_nothing_about_the_others(orphaned: Shell, wish):
    assert "orphaned" not in orphaned("plan", *wish).out
    assert orphaned("apply", *wish, "--prune", "--yes").code == 2


def test_an_apply_touches_nothing_of_it_by_itself(orphaned: Shell):
    assert orphaned("apply", "-f", "recipes").code == 0
    assert "2 " in orphaned("plan", "-f", "recipes").out.partition("at the platform (")[2][:2]


def test_prune_asks_and_without_anyone_to_ask_it_refuses(orphaned: Shell):
    said = orphaned("apply", "-f", "recipes", "--prune")
    assert (said.code, "add --yes" in said.err) == (2, True)


def test_a_pruned_recipe_is_held_and_told_of_no_more(orphaned: Shell):
    said = orphaned("apply", "-f", "recipes", "--prune", "--yes")
    assert (said.code, "pruned: slow: 2 jobs held; what runs goes on at the platform" in said.err) == (0, True)
    assert "nothing cancels them" not in orphaned("plan", "-f", "recipes").out
    again = orphaned("apply", "-f", "recipes", "--prune", "--yes")
    assert (again.code, "nothing is pruned" in again.err) == (0, True)


def test_a_recipe_that_comes_back_is_held_for_a_person(orphaned: Shell):
    orphaned("apply", "-f", "recipes", "--prune", "--yes")
    Path("recipes/slow.yaml").write_text(HEAD.format(name="slow") + SLOW)
    assert "! 2 held" in orphaned("plan", "-f", "recipes/slow.yaml").out
