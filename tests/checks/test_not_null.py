import pytest

from runner.checks.not_null import NotNull
from runner.conformance.check import CheckContract
from runner.conformance.place import given_place
from runner.model.errors import ConfigError
from runner.model.item import Record


def records(*rows, outcome="succeeded"):
    return [Record(f"k{n}", row, outcome) for n, row in enumerate(rows)]


def verdict(root, seen, **options):
    check = NotNull(NotNull.Config(**options), given_place(root))
    check.add(seen)
    return check.verdict()


class TestContract(CheckContract):
    good = records({"a": 1, "b": 0}, {"a": "", "b": False})
    bad = records({"a": 1, "b": None}, {"a": "", "b": False})

    def make(self, root):
        return NotNull(NotNull.Config(["a", "b"]), given_place(root))


@pytest.mark.parametrize(("filled", "passes"), [(98, True), (97, False), (100, True)])
def test_a_ratio_counts_per_field(tmp_path, filled, passes):
    rows = [{"a": 1, "b": 1}] * filled + [{"a": 1}] * (100 - filled)
    assert verdict(tmp_path, records(*rows), fields=["a", "b"], min_ratio=0.98).passed is passes


def test_failed_records_are_not_looked_at(tmp_path):
    assert verdict(tmp_path, records({}, outcome="failed"), fields=["a"]).what == "no rows to look at"


def test_a_field_that_no_row_has_is_told(tmp_path):
    found = verdict(tmp_path, records({"total": 1, "number": 2}), fields=["totl"])
    assert found.what.endswith("no row has this field, only number, total")


def test_it_says_what_was_measured(tmp_path):
    found = verdict(tmp_path, records({"a": 1}, {"a": None}), fields=["a"])
    assert found.what == "a has a value in 1 of 2 rows (0.5), wanted: at least 1"
    assert found.details == {"rows": 2, "ratios": {"a": 0.5}}


@pytest.mark.parametrize("options", [{"fields": []}, {"fields": ["a"], "min_ratio": 2}])
def test_bad_options_are_told(tmp_path, options):
    with pytest.raises(ConfigError):
        verdict(tmp_path, [], **options)
