"""What came of a case against what was expected."""

import pytest

from runner.assembly.trial.comparing import Discrepancy, Outcome, differences, discrepancies
from runner.assembly.trial.document import Expected

GOOD = Outcome("done", [{"a": 1, "b": [1, 2]}], items=1, accepted={"x": 1})


def whats(expected: Expected, found: Outcome) -> list[str]:
    return [each.what for each in discrepancies(expected, found)]


def test_what_is_as_expected_gives_nothing():
    assert whats(Expected(records=[{"a": 1}], rows=1, accepted=1), GOOD) == []


@pytest.mark.parametrize(
    ("expected", "what"),
    [
        (Expected("failed_items"), "the outcome is done, not failed_items"),
        (Expected(error="x"), "the error is '', without 'x'"),
        (Expected(rows=2), "there is 1 row, not 2"),
        (Expected(records=[{"a": 1}], rows=3), "there is 1 row, not 3"),
        (Expected(records=[{"a": 1}, {}], rows=1), "there is 1 row, not 2"),
        (Expected(records=[{"a": 2}]), "records[0].a is 1, not 2"),
        (Expected(records=[{"c": 2}]), "records[0].c is missing"),
        (Expected(records=[{"b": [1, 3]}]), "records[0].b[1] is 2, not 3"),
        (Expected(records=[{"a": True}]), "records[0].a is 1, not true"),
        (Expected(held=1), "0 items are held, not 1"),
        (Expected(accepted=2), "the platform accepted 1 item, not 2"),
        (Expected(failed={"x": "no"}), "item 'x' has not failed"),
    ],
)
def test_each_difference_is_one_sentence(expected, what):
    assert whats(expected, GOOD) == [what]


def test_a_difference_knows_its_place_and_what_would_be_right():
    (found,) = discrepancies(Expected(records=[{"b": [1, 3]}]), GOOD)
    assert (found.slug, found.at) == ("wrong-value", ("expect", "records", 0, "b", 1))
    assert found.mend == "when that is right, expect it: 2"


def test_failures_must_be_the_expected_ones():
    found = Outcome("failed_items", failed={"x": "too dark", "y": "no"}, items=2)
    wanted = ["item 'x' failed with 'too dark', without 'blurred'", "item 'y' failed: no"]
    assert whats(Expected("failed_items", failed={"x": "blurred"}), found) == wanted
    assert whats(Expected("failed_items"), found) == []


def test_what_is_paid_twice_is_always_found():
    twice = Outcome("done", accepted={"x": 2}, items=1)
    assert whats(Expected(), twice) == ["accepted more than once: x"]
    assert whats(Expected(), Outcome("done", accepted={"x": 2}, items=1, is_single=False)) == []
    assert whats(Expected(accepted=2), twice) == []


def test_a_case_that_tries_nothing_is_told_unless_it_says_so():
    assert whats(Expected(), Outcome("done")) == ["no item was selected, so nothing was tried"]
    assert whats(Expected(rows=0), Outcome("done")) == []


def test_an_apply_that_was_stopped_is_one_difference():
    unused = [Discrepancy("unused-exchange", "not told"), Discrepancy("unused-fault", "told")]
    found = Outcome("stopped", error="no such app", unexpected=unused)
    wanted = ["the outcome is stopped, not done: no such app", "told"]
    assert whats(Expected(rows=3, failed={"a": "b"}), found) == wanted


def test_after_a_request_that_was_not_recorded_nothing_else_is_told():
    found = Outcome("failed_items", failed={"a": "400"}, unexpected=[Discrepancy("unexpected-request", "GET /x")])
    assert whats(Expected(), found) == ["GET /x"]


def test_notes_say_why():
    found = Outcome("held", held=1, items=1, notes=["a", "b"])
    assert whats(Expected(), found) == ["the outcome is held, not done: a; b"]


def test_a_list_may_not_be_longer():
    (found,) = differences([1], [1, 2], ("expect", "r"))
    assert found.what == "r is [1, 2], not [1]"


def test_a_place_in_an_exchange_is_said_without_its_number():
    (found,) = differences({"a": 1}, {"a": 2}, ("recorded", 3, "sent"))
    assert found.what == "sent.a is 2, not 1"
