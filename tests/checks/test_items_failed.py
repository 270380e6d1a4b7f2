import pytest

from runner.checks.items_failed import ItemsFailed
from runner.conformance.check import CheckContract
from runner.conformance.place import given_place
from runner.model.errors import ConfigError
from runner.model.item import Record


def records(good, failed=0, held=0):
    outcomes = ["succeeded"] * good + ["failed"] * failed + ["held"] * held
    return [Record(f"k{n}", {}, outcome) for n, outcome in enumerate(outcomes)]


def verdict(root, seen, **options):
    check = ItemsFailed(ItemsFailed.Config(**options), given_place(root))
    check.add(seen)
    return check.verdict()


class TestContract(CheckContract):
    good = records(98, 2)
    bad = records(97, 3)

    def make(self, root):
        return ItemsFailed(ItemsFailed.Config(max_ratio=0.02), given_place(root))


@pytest.mark.parametrize(
    ("failed", "options", "passes"),
    [
        (0, {}, True),
        (1, {}, False),
        (5, {"max": 5}, True),
        (6, {"max": 5}, False),
        (29, {"max_ratio": 0.29}, True),
        (30, {"max_ratio": 0.29}, False),
        (7, {"max": 10, "max_ratio": 0.05}, False),
        (100, {"max_ratio": 1}, True),
    ],
)
def test_bounds(tmp_path, failed, options, passes):
    assert verdict(tmp_path, records(100 - failed, failed), **options).passed is passes


def test_held_items_have_not_failed(tmp_path):
    found = verdict(tmp_path, records(1, held=9))
    assert (found.passed, found.details["held"]) == (True, 9)


def test_it_says_what_was_measured(tmp_path):
    found = verdict(tmp_path, records(97, 3), max_ratio=0.02, severity="warning")
    assert found.what == "3 of 100 items failed (0.03), allowed: at most 0.02 of all"
    assert found.severity == "warning"


@pytest.mark.parametrize("options", [{"max": -1}, {"max_ratio": 1.5}])
def test_bad_options_are_told(tmp_path, options):
    with pytest.raises(ConfigError):
        verdict(tmp_path, [], **options)


def test_rejected_rows_have_failed(tmp_path):
    check = ItemsFailed(ItemsFailed.Config(max_ratio=0.5), given_place(tmp_path))
    check.reject(2)
    check.add(records(1))
    found = check.verdict()
    assert (found.passed, found.details["failed"], found.details["items"]) == (False, 2, 3)
    assert found.what.endswith("2 of them are rejected rows")
