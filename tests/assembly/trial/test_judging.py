"""What a schema cannot say about a trial."""

from pathlib import Path

import pytest

from tests.assembly.trial.trials import faults

ABOUT_JOBS = "platforms/jobs.test.yaml"


@pytest.mark.parametrize(
    ("case", "slug"),
    [
        ("{name: a, target: {x.y: {}}}", "unknown-field"),
        ("{name: a, promises: true}", "unknown-field"),
        ("{name: a, items: [{id: 1}], files: platforms}", "invalid-value"),
        ("{name: a, recorded: [{when: GET /}], emulator: {}}", "invalid-value"),
        ("{name: a, recorded: [{when: GET /}], expect: {accepted: 1}}", "invalid-value"),
        ("{name: a, items: [{text: x}]}", "missing-field"),
        ("{name: a, key: nr, items: [{id: x}]}", "missing-field"),
        ("{name: a, files: nope}", "unreadable-file"),
        ("{name: a, run: {tiemout: 1s}}", "unknown-field"),
        ("{name: a, run: {timeout: soon}}", "bad-pattern"),
    ],
)
def test_a_case_about_a_recipe(tmp_path: Path, case: str, slug: str):
    assert faults(tmp_path, f"cases:\n  - {case}\n") == [f"4 {slug}"]


@pytest.mark.parametrize(
    "case", ["{name: a, items: [{id: 1}]}", "{name: a, target: {jobs.job: {}}}"], ids=["no target", "no items"]
)
def test_a_case_about_a_manifest_needs_target_and_items(tmp_path: Path, case: str):
    assert faults(tmp_path, f"cases:\n  - {case}\n", ABOUT_JOBS) == ["4 missing-field"]


def test_a_manifest_has_no_variables(tmp_path: Path):
    body = "vars: {a: b}\ncases:\n  - {name: a, target: {jobs.job: {}}, items: [{id: 1}]}\n"
    assert faults(tmp_path, body, ABOUT_JOBS) == ["3 unknown-field"]


def test_a_test_has_one_subject(tmp_path: Path):
    body = "recipe: loud.yaml\nplatform: platforms/jobs.yaml\ncases:\n  - {name: a, target: {jobs.job: {}}, files: .}\n"
    assert faults(tmp_path, body) == ["4 two-subjects"]


def test_two_cases_with_one_name_are_told_apart_by_nobody(tmp_path: Path):
    assert faults(tmp_path, "cases:\n  - {name: a}\n  - {name: b}\n  - {name: a}\n") == ["6 not-unique"]
