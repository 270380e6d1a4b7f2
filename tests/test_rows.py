import pytest

from runner.conformance.place import GivenExpression
from runner.rows import Rows


def batch(rows, *values, start=1):
    made = rows.batch(range(start, start + len(values)), values, [repr(value).encode() for value in values])
    return [item.key for item in made.items], [f"{one.place} {one.what}" for one in made.rejected]


def rows(key=None):
    made = Rows(key)
    made.begin("a.jsonl")
    return made


def test_without_a_key_it_is_the_digest_and_repeats_are_counted():
    keys, rejected = batch(rows(), {"a": 1}, {"a": 2}, {"a": 1}, {"a": 1})
    assert keys[2:] == [f"{keys[0]}#2", f"{keys[0]}#3"]
    assert rejected == []


def test_a_field_is_the_key():
    assert batch(rows("id"), {"id": "x"}, {"id": 7}, {"id": "größe"}) == (["x", "7", "größe"], [])


@pytest.mark.parametrize("found", [None, "", True, 1.5, [], {}, "\ud800"])
def test_what_is_no_key_is_rejected_by_line(found):
    keys, rejected = batch(rows("id"), {"id": "x"}, {"id": found}, {"id": "y"})
    assert keys == ["x", "y"]
    assert rejected[0].startswith("a.jsonl:2 the key is ")


def test_the_second_of_two_equal_keys_is_rejected_with_both_lines():
    made = rows("id")
    batch(made, {"id": "x"}, {"id": "y"})
    assert batch(made, {"id": "y"}, start=5)[1] == ["a.jsonl:5 the key 'y' was already given by a.jsonl:2"]


def test_files_are_told_apart():
    made = rows("id")
    batch(made, {"id": "x"}, start=9)
    made.begin("b.jsonl")
    assert batch(made, {"id": "x"}, start=3)[1] == ["b.jsonl:3 the key 'x' was already given by a.jsonl:9"]


def test_an_expression_is_the_key():
    made = rows(GivenExpression(lambda scope: f"{scope['item']['a']}/{scope['item']['b']}"))
    keys, rejected = batch(made, {"a": 1, "b": 2}, {"a": 1})
    assert keys == ["1/2"]
    assert rejected[0].startswith("a.jsonl:2 the key cannot be made: ")


def test_a_plain_word_that_was_compiled_is_a_field():
    assert batch(rows(GivenExpression(None, text="id", names=frozenset())), {"id": "x"})[0] == ["x"]


def test_an_error_at_a_line_is_no_repeat():
    keys, rejected = batch(rows("id"), {}, {"id": ""}, {"id": None})
    assert keys == []
    assert [one.split()[0] for one in rejected] == ["a.jsonl:1", "a.jsonl:2", "a.jsonl:3"]


def test_a_key_is_normalized_on_request():
    made = Rows("id", normalize="nfc")
    made.begin("a.jsonl")
    keys, rejected = batch(made, {"id": "é"}, {"id": "e\u0301"}, {"id": "e"})
    assert (keys, rejected) == (["é", "e"], ["a.jsonl:2 the key 'é' was already given by a.jsonl:1"])
    assert batch(rows("id"), {"id": "é"}, {"id": "e\u0301"}) == (["é", "e\u0301"], [])
