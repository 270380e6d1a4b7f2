import pytest

from runner.checks.no_worse_than import NoWorseThan
from runner.conformance.check import CheckContract
from runner.conformance.place import GivenExpression, given_place
from runner.model.errors import ConfigError
from runner.model.item import Record
from runner.model.row_contracts import SupportsRemember

SCORE = GivenExpression(lambda scope: scope["result"]["score"], "{{ result.score }}")


def scored(*scores):
    return [Record(f"k{n}", {}, result={"score": score}) for n, score in enumerate(scores)]


def made(root, last=(), **options):
    check = NoWorseThan(NoWorseThan.Config(**{"value": SCORE, **options}), given_place(root))
    check.remember(last)
    return check


def verdict(root, seen, last=(), **options):
    check = made(root, last, **options)
    check.add(seen)
    return check.verdict()


class TestContract(CheckContract):
    good = scored(1.0, 0.8)
    bad = scored(1.0, 0.6)

    def make(self, root):
        return made(root, [{"value": SCORE.text, "mean": 0.9, "records": 2}])


def test_it_can_be_handed_the_last_verdicts(tmp_path):
    assert isinstance(made(tmp_path), SupportsRemember)


def test_the_first_apply_has_nothing_to_compare_with(tmp_path):
    found = verdict(tmp_path, scored(0.1))
    assert (found.passed, found.details["mean"], found.details["before"]) == (True, 0.1, None)


def test_what_a_verdict_tells_is_what_the_next_one_remembers(tmp_path):
    before = verdict(tmp_path, scored(1.0, 0.8)).details
    assert verdict(tmp_path, scored(0.8, 1.0), [{"right": 5}, before]).passed
    assert not verdict(tmp_path, scored(0.8, 0.99), [{"right": 5}, before]).passed


def test_a_little_worse_may_be_allowed(tmp_path):
    last = [{"value": SCORE.text, "mean": 0.9, "records": 2}]
    assert verdict(tmp_path, scored(0.89), last, by=0.01).passed


@pytest.mark.parametrize(
    "last", [{"value": "{{ other }}", "mean": 1.0, "records": 9}, {"value": SCORE.text, "mean": 1.0}]
)
def test_another_expression_and_an_empty_apply_are_no_measure(tmp_path, last):
    assert verdict(tmp_path, scored(0.1), [last]).passed


def test_a_failed_item_counts_as_nothing(tmp_path):
    found = verdict(tmp_path, [*scored(1.0), Record("bad", {}, "failed"), Record("odd", {}, result={})])
    assert (found.details["mean"], found.details["not_evaluated"]) == (pytest.approx(1 / 3), 2)


@pytest.mark.parametrize("options", [{"value": "1"}, {"by": -1}])
def test_bad_options_are_told(tmp_path, options):
    with pytest.raises(ConfigError):
        made(tmp_path, **options)
