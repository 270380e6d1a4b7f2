"""What CI shows as tests."""

from pathlib import Path
from xml.etree import ElementTree

from runner.cli.forms.junit import FAILED_SHOWN, junit
from runner.model.contracts import Verdict
from tests.cli.forms.stages import applied, many, planned
from tests.cli.shell import Shell

FAILING = """apiVersion: runner/v1
kind: Recipe
name: bad
source: {jsonl: {path: in.jsonl, key: id}}
target: {command: {argv: [sh, -c, exit 3]}}
"""
GOOD, BAD = Verdict(passed=True, what="0 of 2", details={}), Verdict(passed=False, what="1 of 2", details={})
WARNED = Verdict(passed=False, what="1 of 2", details={}, severity="warning")


def read(*stages) -> ElementTree.Element:
    return ElementTree.fromstring(junit(stages))


def names(suite: ElementTree.Element) -> list[str]:
    return [str(case.get("name")) for case in suite]


def test_failed_items_are_capped_and_the_rest_is_counted(tmp_path: Path):
    (suite,) = read(applied(planned(tmp_path), failures=1500))
    assert (suite.get("tests"), suite.get("failures")) == (str(FAILED_SHOWN + 2), str(FAILED_SHOWN + 1))
    assert suite[-1].find("failure").get("message") == "1,400 more have failed"


def test_checks_are_named_by_their_kinds(tmp_path: Path):
    (suite,) = read(applied(planned(tmp_path), verdicts=(GOOD, BAD, BAD)))
    assert names(suite) == ["apply", "check items_failed", "check not_null", "check record"]
    assert [case.find("failure") is not None for case in suite] == [False, False, True, True]


def test_a_warning_is_no_failure(tmp_path: Path):
    (suite,) = read(applied(planned(tmp_path), verdicts=(WARNED, GOOD)))
    assert (suite.get("failures"), suite.get("skipped")) == ("0", "1")


def test_what_stopped_is_an_error_and_what_waits_is_skipped(tmp_path: Path):
    one = planned(tmp_path)
    stopped = applied(one, outcome="stopped", error=OSError("gone"))
    pending, budget = (applied(one, outcome=outcome) for outcome in ("pending", "budget"))
    root = read(stopped, pending, budget)
    assert (root.get("errors"), root.get("skipped"), root.get("failures")) == ("1", "2", "0")
    assert root[0][0].find("error").get("message") == "gone"


def test_what_is_held_is_a_failure(tmp_path: Path):
    (suite,) = read(applied(planned(tmp_path), outcome="held", counts={"held": 3}))
    assert (suite.get("skipped"), suite.get("failures")) == ("0", "1")
    assert "3 held: a person must decide" in suite[0].find("failure").get("message")


def test_items_that_failed_earlier_are_one_failure_beside_those_of_this_apply(tmp_path: Path):
    (suite,) = read(applied(planned(tmp_path), failures=2, counts={"failed": 1503}))
    assert (suite.get("failures"), names(suite)) == ("3", ["apply", "item k0", "item k1", "items failed earlier"])
    assert suite[-1].find("failure").get("message").startswith("1,501 failed in an earlier apply")


def test_it_is_not_green_when_the_exit_code_is_not(shell: Shell):
    shell.write("in.jsonl", '{"id": "a"}\n{"id": "b"}\n')
    shell.write("bad.yaml", FAILING)
    assert shell("apply", "-f", "bad.yaml").code == 11
    again = shell("apply", "-f", "bad.yaml", "-o", "junit")
    (suite,) = ElementTree.fromstring(again.out)
    assert (again.code, suite.get("failures"), names(suite)) == (11, "1", ["apply", "items failed earlier"])


def test_many_stages_are_many_suites(tmp_path: Path):
    root = read(*(applied(one) for one in many(planned(tmp_path), 300)))
    assert (len(root), root.get("tests")) == (300, "300")


def test_no_character_makes_it_unreadable(tmp_path: Path):
    one = planned(tmp_path)
    error = OSError("a\x00b\x1b[2J\ud800 <x> ]]> \ufffe")
    (suite,) = read(applied(one, outcome="stopped", error=error))
    assert "<x> ]]>" in suite[0].find("error").get("message")
