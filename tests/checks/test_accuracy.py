import pytest

from runner.checks.accuracy import Accuracy, lower_bound
from runner.conformance.check import CheckContract
from runner.conformance.place import GivenExpression, given_place
from runner.model.errors import ConfigError
from runner.model.item import Record

TRUTH = GivenExpression(lambda scope: scope["item"]["label"])
SAID = GivenExpression(lambda scope: scope["record"]["intent"])


def scored(*scores):
    return [Record(f"k{n}", {}, result={"score": score}) for n, score in enumerate(scores)]


def labelled(*pairs, outcome="succeeded"):
    return [Record(f"k{n}", {"intent": said}, outcome, {"label": label}) for n, (label, said) in enumerate(pairs)]


def counted(number, of, right, *, job=1):
    result = {"score": 0.0, "run": {"id": job, "tasks": of, "correct": right}}
    return [Record(f"k{job}-{n}", {}, result=result) for n in range(number)]


COUNTED = {
    "correct": GivenExpression(lambda scope: scope["result"]["run"]["correct"]),
    "of": GivenExpression(lambda scope: scope["result"]["run"]["tasks"]),
    "by": GivenExpression(lambda scope: scope["result"]["run"]["id"]),
}


def verdict(root, seen, **options):
    check = Accuracy(Accuracy.Config(**options), given_place(root))
    check.add(seen)
    return check.verdict()


class TestContract(CheckContract):
    good = scored(1.0, 1.0, 1.0)
    bad = scored(1.0, 0.5, 1.0)
    passes_empty = False

    def make(self, root):
        return Accuracy(Accuracy.Config(min=0.9), given_place(root))


def test_the_lower_bound_is_wilsons():
    assert lower_bound(480, 500, 0.95) == pytest.approx(0.9390, abs=5e-5)
    assert lower_bound(56, 56, 0.95) == pytest.approx(0.9358, abs=5e-5)
    assert (lower_bound(0, 0, 0.95), lower_bound(0, 10, 0.95)) == (0.0, 0.0)


@pytest.mark.parametrize(("number", "passes"), [(56, True), (30, False)])
def test_few_records_cannot_pass_by_luck(tmp_path, number, passes):
    found = verdict(tmp_path, scored(*[1.0] * number), min=0.93, bound="wilson")
    assert (found.passed, found.details["accuracy"]) == (passes, 1.0)


def test_expected_is_compared_with_actual_and_counted_by_class(tmp_path):
    seen = labelled(("billing", "billing"), ("billing", "other"), ("other", "other"))
    found = verdict(tmp_path, seen, min=0.5, expected=TRUTH, actual=SAID)
    assert (found.passed, found.details["right"]) == (True, 2)
    assert found.details["classes"]["billing"] == {"expected": 2, "actual": 1, "right": 1}
    assert found.details["classes"]["other"] == {"expected": 1, "actual": 2, "right": 1}


def test_what_is_not_evaluated_counts_as_wrong(tmp_path):
    seen = [*labelled(("a", "a")), *labelled(("a", "a"), outcome="failed"), *labelled((None, None))]
    found = verdict(tmp_path, seen, min=0.5, expected=TRUTH, actual=SAID)
    assert (found.passed, found.details["right"], found.details["not_evaluated"]) == (False, 1, 2)
    assert "2 could not be judged and count as wrong, the first because: it failed" in found.what


def test_correct_is_an_expression(tmp_path):
    near = GivenExpression(lambda scope: scope["result"]["score"] >= 0.5)
    assert verdict(tmp_path, scored(0.5, 0.7), min=1, correct=near).passed


def test_a_result_without_a_score_is_told(tmp_path):
    found = verdict(tmp_path, [Record("a", {}, result={})], min=0.1)
    assert "its result has no score; give expected and actual, or correct" in found.what


def test_the_platforms_count_is_taken_when_it_is_of_these_records(tmp_path):
    seen = [*counted(4, 4, 3), *counted(2, 2, 2, job=2)]
    found = verdict(tmp_path, seen, min=0.8, counted=COUNTED)
    assert (found.details["right"], found.details["by"]) == (5, "platform")


def test_failed_items_belong_to_the_platforms_count(tmp_path):
    seen = [*counted(3, 4, 3), Record("bad", {}, "failed")]
    assert verdict(tmp_path, seen, min=0.75, counted=COUNTED).details["right"] == 3


def test_a_count_of_other_records_is_not_believed(tmp_path):
    found = verdict(tmp_path, counted(4, 60, 60), min=0.1, counted=COUNTED)
    assert (found.details["right"], found.details["by"], found.passed) == (0, "records", False)
    assert "the platform's count is not of these records" in found.what


@pytest.mark.parametrize("options", [{"min": 2}, {"min": 0, "confidence": 1}, {"min": 0, "expected": TRUTH}])
def test_bad_options_are_told(tmp_path, options):
    with pytest.raises(ConfigError):
        verdict(tmp_path, [], **options)
