"""Cases as CI shows them."""

from pathlib import Path
from xml.etree import ElementTree

from runner.assembly.trial.running import Tried
from runner.cli.forms.trial_junit import trial_junit
from runner.model.problem import Mark, Problem
from tests.assembly.trial.trials import trial

BODY = 'cases:\n  - name: good\n  - name: "bad\\u0001"\n  - name: later\n'
FINDINGS = [Problem("wrong-rows", "there is 1 row, not 2", Mark("f", 4, 1), "mend it"), Problem("x", "y")]


def read(folder: Path) -> ElementTree.Element:
    found = trial(folder, BODY)
    good, bad, later = found.cases
    tried = [
        Tried(found, good, (), 0.25),
        Tried(found, bad, FINDINGS, 0.5),
        Tried(found, later, (), 0.0, "no emulator"),
    ]
    return ElementTree.fromstring(trial_junit(tried))


def test_cases_are_counted_and_timed(tmp_path: Path):
    root = read(tmp_path)
    (suite,) = root
    for element in (root, suite):
        numbers = [element.get(name) for name in ("tests", "failures", "skipped", "time")]
        assert numbers == ["3", "1", "1", "0.750"]


def test_a_case_has_its_place_and_a_name_that_xml_can_hold(tmp_path: Path):
    cases = list(read(tmp_path).iter("testcase"))
    assert [(case.get("name"), case.get("line")) for case in cases] == [
        ("good", "4"),
        ("bad\ufffd", "5"),
        ("later", "6"),
    ]


def test_a_failure_holds_all_findings(tmp_path: Path):
    (failure,) = read(tmp_path).iter("failure")
    assert (failure.get("type"), failure.get("message")) == ("wrong-rows", "there is 1 row, not 2")
    assert failure.text is not None
    assert failure.text.splitlines()[1:] == ["    mend: mend it", "error[x]: y"]


def test_a_case_that_was_not_run_says_why(tmp_path: Path):
    (skipped,) = read(tmp_path).iter("skipped")
    assert skipped.get("message") == "no emulator"
