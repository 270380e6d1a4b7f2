"""Trials as they stand in files."""

from pathlib import Path

import pytest

from runner.assembly.trial.reading import load_trials
from runner.model.errors import ConfigError
from tests.assembly.trial.trials import case, faults, project, trial, written

ONE = "cases: [{name: a}]\n"
PLATFORM_CASE = "cases:\n  - {name: a, target: {jobs.blind: {}}, items: [{id: 1}]}\n"


def files(*paths: Path) -> list[str]:
    return [Path(each.file).name for each in load_trials(paths)]


def test_a_folder_stands_for_all_tests_below_it_but_hidden_ones(tmp_path: Path):
    written(tmp_path, ONE)
    written(tmp_path, PLATFORM_CASE, "platforms/jobs.test.yaml")
    (tmp_path / ".old").mkdir()
    written(tmp_path, "nonsense", ".old/x.test.yaml")
    assert files(tmp_path) == ["loud.test.yaml", "jobs.test.yaml"]


def test_a_recipe_stands_for_the_test_beside_it_and_each_is_read_once(tmp_path: Path):
    path = written(tmp_path, ONE)
    assert files(tmp_path / "loud.yaml", path, tmp_path) == ["loud.test.yaml"]


def test_a_file_with_another_name_may_be_named(tmp_path: Path):
    assert files(written(tmp_path, "recipe: loud.yaml\n" + ONE, "cases.yaml")) == ["cases.yaml"]


def test_a_manifest_of_the_same_name_is_known_by_its_kind(tmp_path: Path):
    found = trial(tmp_path, PLATFORM_CASE, "platforms/jobs.test.yaml")
    assert (found.is_about_platform, found.subject.name) == (True, "jobs.yaml")


@pytest.mark.parametrize(
    ("name", "what"), [("", "there is no test"), ("loud.yaml", "no test beside"), ("nope", "no file or folder")]
)
def test_nothing_to_test_is_said(tmp_path: Path, name: str, what: str):
    project(tmp_path)
    with pytest.raises(ConfigError, match=what):
        load_trials([tmp_path / name])


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        ("cases: [{name: a, expct: {}}]\n", "3 unknown-field"),
        ("cases: []\n", "3 out-of-range"),
        ("cases: [\n", "4 yaml-syntax"),
        ("recipe: nope.yaml\n" + ONE, "3 unreadable-file"),
        ("recipe: loud.test.yaml\n" + ONE, "3 unreadable-file"),
        ("recipe: platforms/jobs.yaml\n" + ONE, "3 invalid-value"),
        ("cases: [{name: a, recorded: [{when: GET /x, json: '{{ 1 + }}'}]}]\n", "3 template-syntax"),
        ("cases: [{name: a, recorded: [{when: GET /x, text: '{{ item.id }}'}]}]\n", "3 unknown-name"),
        ("cases: [{name: a, recorded: [{when: x}]}]\n", "3 bad-pattern"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(tmp_path: Path, body: str, fault: str):
    assert faults(tmp_path, body) == [fault]


def test_all_files_are_told_at_once(tmp_path: Path):
    written(tmp_path, "cases: []\n")
    written(tmp_path, "cases: []\n", "platforms/jobs.test.yaml")
    assert faults(tmp_path, "cases: [{}]\n") == ["3 missing-field"]
    with pytest.raises(Exception, match=r"(?s)loud\.test\.yaml.*jobs\.test\.yaml"):
        load_trials([tmp_path])


def test_a_variable_is_text_as_on_the_command_line(tmp_path: Path):
    assert trial(tmp_path, "vars: {a: 1, b: true, c: x}\n" + ONE).vars == {"a": "1", "b": "true", "c": "x"}


def test_a_recorded_reply_is_compiled(tmp_path: Path):
    _, one = case(tmp_path, "cases: [{name: a, recorded: [{when: GET /x, json: {n: '{{ number }}'}}]}]\n")
    assert one.recorded is not None
    assert one.recorded[0].reply({"number": 3}) == {"n": 3}
