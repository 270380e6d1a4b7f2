import pytest

from runner.conformance.filter import FilterContract, items, passed
from runner.conformance.place import given_place
from runner.filters.keys import Keys
from runner.model.errors import ConfigError
from runner.model.item import Batch


def keys(root, **options):
    return Keys(Keys.Config(**options), given_place(root))


class TestContract(FilterContract):
    def make(self, root):
        return keys(root, keys=["k3", "k99", "other"])


def test_keys_come_from_a_file(tmp_path):
    (tmp_path / "wanted.txt").write_bytes("\ufeffk2\r\n\n  \nk1".encode())
    kept, _ = passed(keys(tmp_path, file="wanted.txt"), [Batch(items(5))])
    assert [item.key for item in kept] == ["k1", "k2"]


@pytest.mark.parametrize("options", [{}, {"keys": ["a"], "file": "b"}])
def test_it_needs_one_of_both(tmp_path, options):
    with pytest.raises(ConfigError, match="list or a file"):
        keys(tmp_path, **options)


@pytest.mark.parametrize("content", [None, b"\xff"])
def test_a_bad_file_is_told(tmp_path, content):
    if content:
        (tmp_path / "wanted.txt").write_bytes(content)
    with pytest.raises(ConfigError, match=r"wanted\.txt"):
        keys(tmp_path, file="wanted.txt").apply(Batch(items(1)))
