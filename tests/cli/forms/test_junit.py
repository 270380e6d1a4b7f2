"""What CI shows as tests."""

from pathlib import Path
from xml.etree import ElementTree

from runner.cli.forms.junit import FAILED_SHOWN, junit
from runner.model.contracts import Verdict
from tests.cli.forms.stages import applied, many, planned

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
    held, pending, budget = (applied(one, outcome=outcome) for outcome in ("held", "pending", "budget"))
    root = read(stopped, held, pending, budget)
    assert (root.get("errors"), root.get("skipped"), root.get("failures")) == ("1", "3", "0")
    assert root[0][0].find("error").get("message") == "gone"


def test_many_stages_are_many_suites(tmp_path: Path):
    root = read(*(applied(one) for one in many(planned(tmp_path), 300)))
    assert (len(root), root.get("tests")) == (300, "300")


def test_no_character_makes_it_unreadable(tmp_path: Path):
    one = planned(tmp_path)
    error = OSError("a\x00b\x1b[2J\ud800 <x> ]]> \ufffe")
    (suite,) = read(applied(one, outcome="stopped", error=error))
    assert "<x> ]]>" in suite[0].find("error").get("message")
