import pytest

from runner.conformance.filter import FilterContract, items, passed
from runner.conformance.place import given_place
from runner.filters.subset import Subset, has_ground_truth
from runner.model.errors import ConfigError
from runner.model.item import Batch


def subset(root, name, **options):
    return Subset(Subset.Config(name, **options), given_place(root))


class TestContractOfAll(FilterContract):
    keeps_all = True

    def make(self, root):
        return subset(root, "all")


class TestContractOfSample(FilterContract):
    def make(self, root):
        return subset(root, "sample", size=30)


class TestContractOfCustom(FilterContract):
    def make(self, root):
        return subset(root, "custom", keys=["k1", "k7"])


@pytest.mark.parametrize(
    ("value", "has"),
    [
        ({"ground_truth": {"label": "a"}}, True),
        ({"ground_truth": 0}, False),
        ({"ground_truth": None}, False),
        ({"ground_truth": ""}, False),
        ({"ground_truths": [1]}, True),
        ({"ground_truths": []}, False),
        ({"is_ground_truth": True}, True),
        ({"is_ground_truth": "yes"}, False),
        ({"annotations": [{"ground_truth": False}, {"ground_truth": True}]}, True),
        ({"annotations": [{"ground_truth": False}]}, False),
        ({"annotations": "x"}, False),
        ({}, False),
    ],
)
def test_ground_truth(value, has):
    assert has_ground_truth(value) is has


def test_only_items_with_ground_truth_pass(tmp_path):
    batch = Batch([*items(2), *items(3, ground_truth="x")])
    assert len(passed(subset(tmp_path, "has_ground_truth"), [batch])[0]) == 3


def test_a_sample_is_over_when_reached(tmp_path):
    filter_ = subset(tmp_path, "sample", size=3)
    kept, _ = passed(filter_, [Batch(items(5))])
    assert ([item.key for item in kept], filter_.is_over) == (["k0", "k1", "k2"], True)


@pytest.mark.parametrize(("name", "options"), [("HasGT", {}), ("custom", {})])
def test_bad_options_are_told(tmp_path, name, options):
    with pytest.raises(ConfigError):
        subset(tmp_path, name, **options)
