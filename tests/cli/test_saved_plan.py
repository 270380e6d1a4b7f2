"""Plans in files: applied as they are, once; refused with 17 when stale, used or expired; always shown."""

import json

import pytest

from tests.cli.shell import PROJECT, Shell, write_small

INVOICES = ("-f", "invoices.yaml", "--emulate")
JSONL = "out/invoices-2026-08.jsonl"


@pytest.fixture
def planned(examples: Shell) -> Shell:
    assert examples("plan", *INVOICES, "--out", "plan.json").code == 0
    return examples


def change_an_invoice(shell: Shell):
    invoice = shell.folder / "data/invoices/2026-08/paper/northwind 0803.txt"
    invoice.write_text(invoice.read_text().replace("272.75", "300.00"), encoding="utf-8")


def test_the_first_plan_is_applied_once(planned: Shell):
    assert planned("apply", "plan.json").code == 0
    assert len(planned.lines(JSONL)) == 20
    again = planned("apply", "plan.json")
    assert (again.code, "used up" in again.err) == (17, True)


def test_a_plan_that_is_not_there_is_wrong_usage(examples: Shell):
    for words in (("apply", "nofile.json"), ("plan", "--show", "nofile.json")):
        said = examples(*words)
        assert (said.code, "there is no plan 'nofile.json'" in said.err) == (2, True)


def test_a_plan_is_shown_even_when_it_was_used(planned: Shell):
    planned("apply", "plan.json")
    said = planned("plan", "--show", "plan.json")
    assert (said.code, "+ 20 new" in said.out, "valid until" in said.out) == (0, True, True)


def test_a_plan_is_for_its_owner_and_holds_no_value_of_an_item(planned: Shell):
    assert (planned.folder / "plan.json").stat().st_mode & 0o777 == 0o600
    stage = json.loads(planned.read("plan.json"))["stages"][0]
    assert [len(item) for item in stage["items"]] == [3] * 20


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ('version: "3.2.0"', 'version: "3.3.0"', "target has changed"),
        ("  vendor:", "  supplier:", "record, checks or sinks"),
    ],
)
def test_a_changed_recipe_makes_it_stale(planned: Shell, old, new, why):
    recipe = planned.folder / "invoices.yaml"
    recipe.write_text(recipe.read_text().replace(old, new), encoding="utf-8")
    said = planned("apply", "plan.json")
    assert (said.code, why in said.err) == (17, True)
    assert not (planned.folder / JSONL).exists()


def test_a_changed_item_makes_it_stale(planned: Shell):
    change_an_invoice(planned)
    said = planned("apply", "plan.json")
    assert (said.code, "items to submit have changed" in said.err) == (17, True)


def test_another_apply_makes_it_stale(planned: Shell):
    planned("apply", *INVOICES)
    change_an_invoice(planned)
    planned("plan", *INVOICES, "--out", "second.json")
    planned("apply", *INVOICES)
    assert planned("apply", "second.json").code == 17


def test_it_expires(examples: Shell):
    examples("plan", *INVOICES, "--out", "plan.json", "--valid", "0s")
    said = examples("apply", "plan.json")
    assert (said.code, "expired" in said.err) == (17, True)
    assert "expired" in examples("plan", "--show", "plan.json").out


@pytest.mark.parametrize("text", ["", "{}", "[1]", '{"kind": "Plan"}', '{"kind": "Plan", "digest": "x"}'])
def test_what_is_no_plan_is_refused(examples: Shell, text):
    examples.write("plan.json", text)
    assert examples("apply", "plan.json").code == 17


def test_a_plan_that_was_changed_is_refused(planned: Shell):
    planned.write("plan.json", planned.read("plan.json").replace('"to_submit": 20', '"to_submit": 2'))
    said = planned("apply", "plan.json")
    assert (said.code, "was changed" in said.err) == (17, True)


def test_a_plan_is_applied_with_its_own_wishes(planned: Shell):
    said = planned("apply", "plan.json", "--var", "month=2026-09")
    assert (said.code, "--var differs" in said.err) == (17, True)
    assert planned("apply", "plan.json", "-f", "invoices.yaml").code == 0


@pytest.mark.parametrize("name", ["p.plan", "p.yaml", "p"])
def test_a_plan_is_known_by_its_content(examples: Shell, name: str):
    assert examples("plan", *INVOICES, "--out", name).code == 0
    assert examples("apply", name).code == 0
    again = examples("apply", name)
    assert (again.code, "used up" in again.err) == (17, True)


def test_a_torn_plan_is_not_read_as_a_recipe(examples: Shell):
    examples("plan", *INVOICES, "--out", "p.plan")
    examples.write("p.plan", examples.read("p.plan")[:-40])
    said = examples("apply", "p.plan")
    assert (said.code, "p.plan is not a plan: it is not JSON" in said.err) == (17, True)


@pytest.mark.parametrize("command", ["plan", "retry", "status", "validate"])
def test_another_command_says_that_the_file_is_a_plan(planned: Shell, command: str):
    assert "the file is a saved plan, not a recipe" in planned(command, "plan.json").err


def test_a_plan_is_refused_with_another_ledger(shell: Shell):
    write_small(shell, 2)
    assert shell("apply").code == 0
    shell.write("in.jsonl", '{"id": "new"}\n')
    shell("plan", "--out", "p.plan")
    for file in (shell.folder / ".runner").glob("ledger.db*"):
        file.unlink()
    said = shell("apply", "p.plan")
    assert (said.code, "it was made with another ledger" in said.err) == (17, True)


def test_a_plan_is_refused_in_another_project(shell: Shell):
    write_small(shell, 2)
    shell("plan", "--out", "p.plan")
    shell.write("runner.yaml", PROJECT.replace("name: t", "name: other"))
    said = shell("apply", "p.plan")
    assert (said.code, "the plan is for the project t, not other" in said.err) == (17, True)


SLOW = """\
apiVersion: runner/v1
kind: Recipe
name: slow
source: {jsonl: {path: in.jsonl, key: "{{ item.id }}"}}
target: {command: {argv: [sh, -c, "sleep 1; cat"]}}
run: {poll: {first: 50ms, max: 50ms}}
"""


def test_a_plan_that_was_begun_goes_on_though_its_items_are_no_longer_new(shell: Shell):
    (shell.folder / "in.jsonl").write_text('{"id": "a"}\n')
    (shell.folder / "slow.yaml").write_text(SLOW)
    assert shell("plan", "-f", "slow.yaml", "--out", "plan.json").code == 0
    assert shell("apply", "plan.json", "--wait", "100ms").code == 14
    assert shell("apply", "plan.json").code == 0
    again = shell("apply", "plan.json")
    assert (again.code, "used up" in again.err) == (17, True)
