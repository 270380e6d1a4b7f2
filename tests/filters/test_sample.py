import pytest

from runner.conformance.filter import FilterContract, items, passed
from runner.conformance.place import given_place
from runner.filters.sample import Sample
from runner.model.errors import ConfigError
from runner.model.item import Batch


def keys(root, batch, **options):
    return [item.key for item in passed(Sample(Sample.Config(**options), given_place(root)), [Batch(batch)])[0]]


class TestContractOfCount(FilterContract):
    def make(self, root):
        return Sample(Sample.Config(count=10, seed=7), given_place(root))


class TestContractOfRatio(FilterContract):
    def make(self, root):
        return Sample(Sample.Config(ratio=0.2), given_place(root))


@pytest.mark.parametrize(("options", "count"), [({"count": 0}, 0), ({"count": 7}, 7), ({"count": 1000}, 100)])
def test_a_count_is_exact(tmp_path, options, count):
    assert len(keys(tmp_path, items(100), **options)) == count


@pytest.mark.parametrize(("ratio", "least", "most"), [(0, 0, 0), (1, 5000, 5000), (0.1, 400, 600)])
def test_a_ratio_is_nearly_so(tmp_path, ratio, least, most):
    assert least <= len(keys(tmp_path, items(5000), ratio=ratio)) <= most


def test_a_ratio_does_not_change_when_the_source_grows(tmp_path):
    few = keys(tmp_path, items(100), ratio=0.3)
    assert [key for key in keys(tmp_path, items(200), ratio=0.3) if int(key[1:]) < 100] == few


def test_a_count_changes_little_when_the_source_grows(tmp_path):
    few, more = (set(keys(tmp_path, items(size), count=50)) for size in (1000, 1010))
    assert len(few - more) <= 10


def test_the_order_of_the_source_does_not_choose(tmp_path):
    there, back = items(100), items(100)[::-1]
    assert set(keys(tmp_path, there, count=10)) == set(keys(tmp_path, back, count=10))


def test_another_seed_chooses_others(tmp_path):
    assert keys(tmp_path, items(100), count=10) != keys(tmp_path, items(100), count=10, seed=1)


def test_the_choice_is_the_same_for_ever(tmp_path):
    assert keys(tmp_path, items(100), count=3, seed=7) == ["k19", "k47", "k90"]


@pytest.mark.parametrize("options", [{}, {"count": 1, "ratio": 0.1}, {"count": -1}, {"ratio": 1.1}])
def test_bad_options_are_told(tmp_path, options):
    with pytest.raises(ConfigError):
        keys(tmp_path, [], **options)
