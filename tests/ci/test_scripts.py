"""The scripts of the pipelines, through a real shell."""

import json

import pytest

from tests.ci.machine import Machine

BAD = "apiVersion: runner/v1\nkind: Recipe\nname: bad\nsource: {jsonl: {paht: x}}\ntarget: {command: {argv: [cat]}}\n"
CASES = "apiVersion: runner/v1\nkind: Test\ncases:\n  - {name: loud, expect: {records: [{text: HELLO}]}}\n"
VALIDATE, TEST, PLAN, APPLY = (f"ci/scripts/{name}.sh" for name in ("validate", "test", "plan", "apply"))


def test_good_recipes_pass(machine: Machine):
    done = machine(f"{VALIDATE} runner.sarif", GITHUB_ACTIONS="true")
    assert (done.code, done.out) == (0, "2 recipes are valid\n")
    assert json.loads(machine.read("runner.sarif"))["runs"][0]["results"] == []


def test_a_bad_recipe_is_told_on_its_line(machine: Machine):
    (machine.work / "recipes/bad.yaml").write_text(BAD)
    done = machine(f"{VALIDATE} runner.sarif", GITHUB_ACTIONS="true")
    assert done.code == 3
    assert "::error file=recipes/bad.yaml,line=4,col=18,title=unknown-field::source jsonl has no field" in done.out
    assert {each["ruleId"] for each in json.loads(machine.read("runner.sarif"))["runs"][0]["results"]} == {
        "missing-field",
        "unknown-field",
    }


def test_what_a_recipe_says_is_no_command_of_the_host(machine: Machine):
    (machine.work / "recipes/bad.yaml").write_text(BAD.replace("paht", '"x\\n::add-mask::y%0A,"'))
    done = machine(f"{VALIDATE} runner.sarif", GITHUB_ACTIONS="true")
    assert not [line for line in done.out.splitlines() if line.startswith("::") and "::error file" not in line]


def test_a_report_for_the_other_host(machine: Machine):
    (machine.work / "recipes/bad.yaml").write_text(BAD)
    assert machine(f"{VALIDATE} runner.sarif", GITLAB_CI="true").code == 3
    first = json.loads(machine.read("code-quality.json"))[0]
    assert (first["severity"], first["location"]) == ("major", {"path": "recipes/bad.yaml", "lines": {"begin": 4}})
    assert len(first["fingerprint"]) == 64


def test_a_wrong_folder_is_no_finding_but_a_failure(machine: Machine):
    done = machine(f"{VALIDATE} runner.sarif", RECIPES="nowhere")
    assert (done.code, "there is no file or folder" in done.out) == (2, True)


def test_without_cases_there_is_nothing_to_test(machine: Machine):
    assert machine(f"{TEST} tests.xml") == (0, "no NAME.test.yaml below recipes: nothing to test\n")


@pytest.mark.parametrize(("expected", "code"), [("HELLO", 0), ("HO", 12)])
def test_cases_are_run_and_told(machine: Machine, expected: str, code: int):
    (machine.work / "recipes/a.test.yaml").write_text(CASES.replace("HELLO", expected))
    done = machine(f"{TEST} tests.xml")
    assert (done.code, "records[0].text is" in done.out) == (code, code != 0)
    assert f'failures="{int(code != 0)}"' in machine.read("tests.xml")


def test_a_plan_of_what_changed_is_kept_and_applied_once(machine: Machine):
    machine("runner apply -f recipes")
    machine.change("b", text="bye")
    done = machine(f"{PLAN} plan", BASE="HEAD^1", GITHUB_STEP_SUMMARY=str(machine.work / "report.summary"))
    assert (done.code, machine.read("report.summary")) == (0, machine.read("plan/plan.md"))
    assert [stage["recipe"] for stage in json.loads(machine.read("plan/plan.json"))["stages"]] == ["b"]
    assert machine(f"{APPLY} plan/plan.json").code == 0
    assert machine.read("out/b.jsonl") == '{"text":"BYE"}\n'
    assert machine(f"{APPLY} plan/plan.json").code == 17


def test_a_change_of_no_recipe_is_an_empty_plan(machine: Machine):
    (machine.work / "notes.md").write_text("why")
    done = machine(f"{PLAN} plan", BASE="HEAD")
    assert (done.code, "### runner plan: nothing to do" in done.out) == (0, True)
    assert machine(f"{APPLY} plan/plan.json").code == 0


def test_without_a_plan_everything_is_applied(machine: Machine):
    done = machine(APPLY, GITHUB_STEP_SUMMARY=str(machine.work / "report.summary"))
    assert (done.code, machine.read("report.summary")) == (0, machine.read("report.md"))
    assert "| a | ✅ done | 1 succeeded |" in done.out


def test_the_budget_is_a_warning(machine: Machine):
    recipe = machine.work / "recipes/a.yaml"
    recipe.write_text(recipe.read_text().replace("run: {", "run: {budget: {items: 0}, "))
    done = machine(APPLY)
    assert (done.code, "::warning title=runner apply::stopped by the budget" in done.out) == (0, True)


@pytest.mark.parametrize(
    ("code", "on_github"), [(0, 0), (1, 1), (11, 11), (12, 12), (13, 0), (14, 0), (15, 0), (17, 17)]
)
def test_exit_codes(machine: Machine, code: int, on_github: int):
    machine.program("runner", f"exit {code}")
    assert machine(APPLY, GITHUB_ACTIONS="true").code == on_github
    assert machine(APPLY, GITLAB_CI="true").code == code


def test_a_profile_and_a_time_are_handed_on(machine: Machine):
    machine.program("runner", 'echo "$@" >&2')
    assert "apply -f recipes --profile prod --wait 5m" in machine(APPLY, PROFILE="prod", WAIT="5m").out
    assert "apply -f recipes p.json --wait 5m" in machine(f"{APPLY} p.json", PROFILE="prod", WAIT="5m").out
    said = machine(f"{PLAN} plan", PROFILE="prod", BASE="main").out
    assert "plan -f recipes --profile prod --select changed:main -o markdown --out plan/plan.json" in said
