import pytest

from runner.model.errors import Refused
from runner.model.secret import Secret
from runner.platforms.tree import compile_tree, revealed
from runner.templating import compile_template


def grown(data, **scope):
    return compile_tree(data, (), lambda text, *_: compile_template(text))(scope)


def test_a_whole_expression_keeps_its_type_and_null_drops_its_member():
    data = {
        "a": "{{ x }}",
        "b": "{{ none_ }}",
        "c": None,
        "d": ["{{ none_ }}"],
        "e": "v{{ x }}",
        "f": {"g": "{{ none_ }}"},
    }
    assert grown(data, x=7, none_=None) == {"a": 7, "c": None, "d": [None], "e": "v7", "f": {}}


def test_a_loop_makes_a_list():
    data = {"$for": "one", "$in": "{{ xs }}", "$if": "{{ one > 1 }}", "$give": {"n": "{{ one }}", "k": "{{ k }}"}}
    assert grown(data, xs=[1, 2, 3], k="c") == [{"n": 2, "k": "c"}, {"n": 3, "k": "c"}]


def test_a_loop_makes_an_object():
    data = {"$for": "f", "$in": "{{ fs }}", "$name": "{{ f.name }}", "$value": "{{ f.value }}"}
    assert grown(data, fs=[{"name": "a", "value": None}, {"name": "b", "value": 2}]) == {"a": None, "b": 2}


def test_loops_nest():
    data = {"$for": ["d", "f"], "$in": ["{{ ds }}", "{{ d.fs }}"], "$give": "{{ d.n }}{{ f }}"}
    assert grown(data, ds=[{"n": "x", "fs": [1, 2]}, {"n": "y", "fs": [3]}]) == ["x1", "x2", "y3"]


def test_a_loop_over_null_is_empty():
    assert grown({"$for": "a", "$in": "{{ xs }}", "$give": 1}, xs=None) == []


def test_what_is_read_is_known():
    tree = compile_tree({"a": "{{ item.content | b64 }}", "b": 1}, (), lambda text, *_: compile_template(text))
    assert tree.reads("item", "content")
    assert tree.reads("item")
    assert not tree.reads("item", "size")


def test_secrets_are_opened_only_on_the_way_home():
    value = {"a": [Secret("s")], "b": 1}
    assert revealed(value, is_home=True) == {"a": ["s"], "b": 1}
    with pytest.raises(Refused, match="not the platform's own"):
        revealed(value, is_home=False)
