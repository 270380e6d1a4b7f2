import pytest

from runner.checks.record import RecordCheck
from runner.conformance.check import CheckContract
from runner.conformance.place import GivenExpression, given_place
from runner.model.errors import ConfigError
from runner.model.item import Record

POSITIVE = GivenExpression(lambda scope: scope["record"]["total"] > 0, "{{ record.total > 0 }}")


def records(*totals, outcome="succeeded"):
    return [Record(f"k{n}", {"total": total}, outcome) for n, total in enumerate(totals)]


def verdict(root, seen, **options):
    check = RecordCheck(RecordCheck.Config(**{"expression": POSITIVE, **options}), given_place(root))
    check.add(seen)
    return check.verdict()


class TestContract(CheckContract):
    good = records(1, 2)
    bad = records(1, -2)

    def make(self, root):
        return RecordCheck(RecordCheck.Config(POSITIVE), given_place(root))


def test_a_part_may_be_enough(tmp_path):
    assert verdict(tmp_path, records(1, 1, 1, -1), min_ratio=0.75).passed


def test_it_names_the_records_for_which_it_is_not_true(tmp_path):
    found = verdict(tmp_path, records(1, -2))
    assert found.what == "{{ record.total > 0 }} is true for 1 of 2 records (0.5), wanted: at least 1; not for k1"
    assert found.details["not_true"] == ["k1"]


def test_a_failed_item_counts_as_not_true(tmp_path):
    assert not verdict(tmp_path, [*records(1), *records(1, outcome="failed")]).passed


def test_what_cannot_be_judged_is_told(tmp_path):
    found = verdict(tmp_path, [Record("a", {})])
    assert (found.passed, "undefined" in found.what) == (False, True)


def test_an_answer_that_is_neither_true_nor_false_is_told(tmp_path):
    total = GivenExpression(lambda scope: scope["record"]["total"], "{{ record.total }}")
    assert "it gives 7, not true or false" in verdict(tmp_path, records(7), expression=total).what


@pytest.mark.parametrize("options", [{"expression": "yes"}, {"min_ratio": 2}])
def test_bad_options_are_told(tmp_path, options):
    with pytest.raises(ConfigError):
        verdict(tmp_path, [], **options)
