"""Problems on the lines of a diff: what a code host requires of SARIF."""

import json
import re
from pathlib import Path

import pytest

from runner.cli.forms.sarif import SHOWN, sarif
from runner.model.problem import Mark, Problem, Severity
from tests.cli.shell import Shell

HERE = Mark("recipes/a b.yaml", 7, 17)
WRONG = Problem("unknown-field", 'source files has no field "globb"', HERE, 'did you mean "glob"?')


def run_of(*problems: Problem) -> dict:
    return sarif(problems)["runs"][0]


def test_the_log_names_version_tool_and_rules():
    log = sarif([WRONG])
    assert (log["version"], log["$schema"][:8]) == ("2.1.0", "https://")
    (rule,) = log["runs"][0]["tool"]["driver"]["rules"]
    assert (rule["id"], rule["name"]) == ("unknown-field", "UnknownField")
    assert all(rule[name]["text"] for name in ("shortDescription", "fullDescription", "help"))


def test_a_result_stands_in_its_place():
    (result,) = run_of(WRONG)["results"]
    place = result["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"] == "recipes/a%20b.yaml"
    assert place["region"] == {"startLine": 7, "startColumn": 17, "endLine": 7, "endColumn": 18}
    assert result["message"]["text"] == 'source files has no field "globb". did you mean "glob"?'
    assert (result["ruleId"], result["ruleIndex"], result["level"]) == ("unknown-field", 0, "error")


def test_a_problem_without_a_place_has_one_too():
    (result,) = run_of(Problem("no-recipes", "there is no recipe", severity=Severity.WARNING))["results"]
    assert result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "runner.yaml"
    assert result["level"] == "warning"


def test_the_other_place_is_related():
    twice = Problem("duplicate-key", "twice", HERE, other=Mark("b.yaml", 2))
    (result,) = run_of(twice)["results"]
    assert result["relatedLocations"][0]["physicalLocation"]["region"]["startLine"] == 2


def test_fingerprints_stay_when_lines_move_and_differ_within_a_run():
    moved = Problem(WRONG.slug, WRONG.what, Mark(HERE.file, 9, 3), WRONG.mend)
    (before,), (after, second) = run_of(WRONG)["results"], run_of(moved, WRONG)["results"]
    assert before["partialFingerprints"] == after["partialFingerprints"]
    assert after["partialFingerprints"] != second["partialFingerprints"]


def test_too_many_are_cut_errors_first():
    warnings = [Problem("unused-var", f"v{number}", HERE, severity=Severity.WARNING) for number in range(SHOWN + 10)]
    run = run_of(*warnings, WRONG)
    assert len(run["results"]) == SHOWN
    assert run["results"][0]["ruleId"] == "unknown-field"
    assert "11 more" in run["invocations"][0]["toolExecutionNotifications"][0]["message"]["text"]


def test_an_absolute_path_becomes_one_from_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    problems = [Problem("x", "y", Mark(str(tmp_path / "r.yaml"))), Problem("x", "y", Mark("/elsewhere/r.yaml"))]
    uris = [
        each["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] for each in run_of(*problems)["results"]
    ]
    assert uris == ["r.yaml", "file:///elsewhere/r.yaml"]


def test_from_the_command_line(shell: Shell):
    shell.write("recipes/bad.yaml", "apiVersion: runner/v1\nkind: Recipe\nname: bad\nsource: {jsonl: {paht: x}}\n")
    said = shell("validate", "-f", "recipes", "-o", "sarif")
    results = json.loads(said.out)["runs"][0]["results"]
    assert said.code == 3
    assert {"missing-field", "unknown-field"} <= {result["ruleId"] for result in results}
    assert all(re.fullmatch("recipes/bad.yaml", _uri(result)) for result in results)


def _uri(result: dict) -> str:
    return result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
