"""`runner test`: the examples of the house, and what a failing case says."""

import asyncio
import json
from xml.etree import ElementTree

import pytest

from runner.emulators import create
from runner.emulators.serve import serving
from runner.model.item import Json
from tests.cli.outputs import faults
from tests.cli.shell import Said, Shell

HEAD = "apiVersion: runner/v1\nkind: Test\n"
JOB = "target: {jobs.job: {}}, items: [{id: a, text: hi}]"


@pytest.fixture
def made(examples: Shell):
    """Write cases of the generic job API, and run them."""

    def run(cases: str, *arguments: str) -> Said:
        examples.write("platforms/own.test.yaml", f"{HEAD}platform: jobs.yaml\ncases:\n{cases}")
        return examples("test", "-f", "platforms/own.test.yaml", *arguments)

    return run


def test_all_tests_of_the_examples_pass(examples: Shell):
    said = examples("test")
    assert (said.code, "FAIL" in said.out, "skip" in said.out) == (0, False, False), said.out
    assert not (examples.folder / "out").exists()
    assert not (examples.folder / ".runner").exists()


def test_a_recipe_stands_for_the_test_beside_it(examples: Shell):
    said = examples("test", "reviews.yaml", "-o", "json")
    document = json.loads(said.out)
    assert [case["passed"] for case in document["cases"]] == [True] * 3
    assert {case["file"] for case in document["cases"]} == {"reviews.test.yaml"}
    assert faults("test", document) == []


def test_a_failing_case_says_what_differs_where_and_how_to_mend_it(made):
    said = made(f"  - {{name: odd, {JOB}, expect: {{records: [{{text: HO}}]}}}}\n")
    assert said.code == 12
    assert said.out.splitlines()[1:] == [
        'platforms/own.test.yaml:5:95: error[wrong-value]: records[0].text is "HI", not "HO"',
        '    mend: when that is right, expect it: "HI"',
        "0 cases passed, 1 failed",
    ]


def test_a_finding_in_json_has_its_place(made):
    said = made(f"  - {{name: odd, {JOB}, expect: {{rows: 2}}}}\n", "-o", "json")
    document = json.loads(said.out)
    (finding,) = document["cases"][0]["findings"]
    assert (finding["slug"], finding["line"], said.code, faults("test", document)) == ("wrong-rows", 5, 12, [])


def test_junit_holds_the_findings(made):
    said = made(f"  - {{name: odd, {JOB}, expect: {{rows: 2}}}}\n  - {{name: good, {JOB}}}\n", "-o", "junit")
    root = ElementTree.fromstring(said.out)
    assert (root.get("tests"), root.get("failures")) == ("2", "1")
    assert [case.find("failure") is not None for case in root.iter("testcase")] == [True, False]


def test_a_recorded_exchange_is_compared_and_played(made):
    said = made("""\
  - name: played
    target: {jobs.blind: {}}
    items: [{id: a, text: hi}]
    recorded:
      - {when: GET /jobs, json: {jobs: []}}
      - {when: POST /jobs, sent: {item: {text: ho}}, status: 201, json: {id: j1, status: running}}
""")
    assert 'own.test.yaml:10:48: error[wrong-request]: sent.item.text is "hi", not "ho"' in said.out
    assert "error[unexpected-request]: an unexpected request: GET /jobs/j1" in said.out


@pytest.mark.parametrize(
    ("word", "knobs", "broken"),
    [
        ("keyed", "honour_keys: false", "the same key made a second job"),
        ("job", "list_lag_s: 30", "is not found within 5 s"),
    ],
)
def test_a_broken_promise_is_told(made, word: str, knobs: str, broken: str):
    job = JOB.replace("jobs.job", f"jobs.{word}")
    said = made(f"  - {{name: p, {job}, emulator: {{{knobs}}}, promises: true}}\n")
    assert (said.code, f"broken-promise]: find: {'key, but ' if word == 'keyed' else 'job'}" in said.out) == (12, True)
    assert broken in said.out


def test_a_place_that_is_named_takes_the_place_of_the_emulator(examples: Shell, monkeypatch):
    monkeypatch.setenv("RUNNER_TEST_TOKEN", "sesame")
    app = create("jobs", token="sesame")

    async def at_an_address() -> Said:
        async with serving(app) as url:
            return await asyncio.to_thread(examples, "test", "-f", "platforms/jobs.yaml", "--against", url)

    said = asyncio.run(at_an_address())
    assert (said.code, "1 failed" in said.out, "skipped" in said.out) == (0, False, True), said.out
    assert app.state.desk.submits.total() > 0


def test_an_address_must_be_one(examples: Shell):
    said = examples("test", "--against", "localhost:8900")
    assert (said.code, "write a URL" in said.err) == (2, True)


def test_what_is_wrong_in_a_test_is_told_by_line(examples: Shell):
    examples.write("odd.test.yaml", HEAD + "cases:\n  - {name: a, expct: {}}\n")
    said = examples("test", "-f", "odd.test.yaml")
    assert (said.code, said.err.splitlines()[0].split(": ")[0]) == (3, "odd.test.yaml:4:15")
    assert 'did you mean "expect"?' in said.err


def test_a_platform_without_emulator_is_skipped(examples: Shell):
    examples.write("platforms/acme.yaml", examples.read("platforms/jobs.yaml").replace("name: jobs", "name: acme"))
    case = "cases:\n  - {name: x, target: {acme.blind: {}}, items: [{id: a}]}\n"
    examples.write("platforms/acme.test.yaml", HEAD + case)
    said = examples("test", "-f", "platforms/acme.yaml")
    assert (said.code, "no emulator of acme" in said.out, "1 skipped" in said.out) == (0, True, True)


def test_no_test_at_all_is_said(shell: Shell):
    said = shell("test")
    assert (said.code, "there is no test" in said.err) == (2, True)


@pytest.mark.parametrize("command", ["validate", "render", "plan", "apply", "status"])
def test_other_commands_pass_tests_over(examples: Shell, command: str):
    options: dict[str, list[str]] = {"plan": ["--emulate"], "apply": ["--emulate", "--select", "reviews"]}
    said = examples(command, "-f", ".", *options.get(command, []))
    assert (said.code, ".test.yaml" in said.out + said.err) == (0, False), said.err


def test_a_test_that_is_named_alone_is_told_from_a_recipe(examples: Shell):
    said = examples("plan", "-f", "invoices.test.yaml")
    assert (said.code, "the file is a test, not a recipe" in said.err) == (2, True)
    said = examples("validate", "invoices.yaml", "invoices.test.yaml", "runner.yaml")
    assert said == (0, "1 recipe, 1 test and 1 project file are valid\n", "")


def test_the_schema_says_what_may_stand_in_a_test(shell: Shell):
    schema: Json = json.loads(shell("schema", "test").out)
    case = schema["definitions"]["case"]["properties"]
    assert all(field.get("description") or "$ref" in field for field in case.values())
    assert all(field.get("examples") or field["type"] == "array" for field in case.values() if "$ref" not in field)
