import pytest

from runner.conformance.filter import FilterContract, items, passed
from runner.conformance.place import GivenExpression, given_place
from runner.filters.where import Where
from runner.model.item import Batch


def where(root, function):
    return Where(Where.Config(GivenExpression(function)), given_place(root))


class TestContract(FilterContract):
    def make(self, root):
        return where(root, lambda scope: scope["item"]["n"] % 3 == 0)


@pytest.mark.parametrize("answer", [0, 1, "true", None, [], 1.0])
def test_what_is_no_bool_rejects_the_item(tmp_path, answer):
    kept, (rejected,) = passed(where(tmp_path, lambda _: answer), [Batch(items(1))])
    assert kept == []
    assert rejected.place == "item 'k0'"
    assert "not true or false" in rejected.what


def test_an_error_rejects_only_its_item(tmp_path):
    kept, rejected = passed(where(tmp_path, lambda scope: {0: True, 2: True}[scope["item"]["n"]]), [Batch(items(3))])
    assert [item.key for item in kept] == ["k0", "k2"]
    assert [one.place for one in rejected] == ["item 'k1'"]


@pytest.mark.parametrize(("said", "count"), [(True, 3), (False, 0)])
def test_a_fixed_answer_is_an_answer(tmp_path, said, count):
    kept, rejected = passed(Where(Where.Config(said), given_place(tmp_path)), [Batch(items(3))])
    assert (len(kept), rejected) == (count, [])
