import pytest

from runner.checks.row_count import RowCount
from runner.conformance.check import CheckContract
from runner.conformance.place import given_place
from runner.model.errors import ConfigError
from runner.model.item import Record


def records(good, failed=0):
    return [Record(f"k{n}", {}, "succeeded" if n < good else "failed") for n in range(good + failed)]


def verdict(root, rows, last=None, **options):
    check = RowCount(RowCount.Config(**options), given_place(root))
    if last is not None:
        check.remember([{"published_rows": last}])
    check.add(records(rows, failed=3))
    return check.verdict()


class TestContract(CheckContract):
    good = records(2)
    bad = records(1, 5)
    passes_empty = False

    def make(self, root):
        return RowCount(RowCount.Config(min=2), given_place(root))


@pytest.mark.parametrize(
    ("rows", "last", "options", "passes"),
    [
        (0, None, {"min": 1}, False),
        (1, None, {"min": 1}, True),
        (5, None, {"max": 5}, True),
        (6, None, {"max": 5}, False),
        (1, None, {"min_ratio_of_last": 0.9}, True),
        (90, 100, {"min_ratio_of_last": 0.9}, True),
        (89, 100, {"min_ratio_of_last": 0.9}, False),
        (89, 100, {"min": 1, "min_ratio_of_last": 0.9}, False),
        (300, 100, {"min_ratio_of_last": 1}, True),
    ],
)
def test_bounds(tmp_path, rows, last, options, passes):
    assert verdict(tmp_path, rows, last, **options).passed is passes


def test_it_says_what_was_counted(tmp_path):
    found = verdict(tmp_path, 1, 1000, min=1, min_ratio_of_last=0.9, severity="warning")
    assert found.what == "1 row, allowed: at least 1 and at least 0.9 of the 1,000 before"
    assert (found.details, found.severity) == ({"rows": 1, "before": 1000}, "warning")


@pytest.mark.parametrize("options", [{}, {"min": -1}, {"min": 2, "max": 1}, {"min_ratio_of_last": 1.5}])
def test_bad_options_are_told(tmp_path, options):
    with pytest.raises(ConfigError):
        verdict(tmp_path, 0, **options)
