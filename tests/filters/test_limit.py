import pytest

from runner.conformance.filter import FilterContract, items, passed
from runner.conformance.place import given_place
from runner.filters.limit import Limit
from runner.model.errors import ConfigError
from runner.model.item import Batch


def limit(root, count):
    return Limit(Limit.Config(count), given_place(root))


class TestContract(FilterContract):
    def make(self, root):
        return limit(root, 30)


def test_it_is_over_when_reached(tmp_path):
    filter_ = limit(tmp_path, 3)
    assert not filter_.is_over
    passed(filter_, [Batch(items(2)), Batch(items(1))])
    assert filter_.is_over


def test_zero_is_over_at_once(tmp_path):
    assert limit(tmp_path, 0).is_over


def test_below_zero_is_told(tmp_path):
    with pytest.raises(ConfigError):
        limit(tmp_path, -1)
