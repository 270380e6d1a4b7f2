import json

import pytest

from runner.local.exchange import hand_back


def back(tmp_path, content, form="jsonl", keys=("a", "b"), most=1000):
    path = tmp_path / "out"
    if content is not None:
        path.write_bytes(content)
    found = {one.key: one for batch in hand_back(path, form, keys, most) for one in batch}
    return {key: one.error or one.value for key, one in found.items()}


def test_rows_belong_to_their_key(tmp_path):
    content = b'{"_key":"b","n":1}\n\n{"_key":"a","_error":"too dark"}\n'
    assert back(tmp_path, content) == {"a": "too dark", "b": {"n": 1}}


def test_a_list_of_rows_is_as_good(tmp_path):
    assert back(tmp_path, b'[{"_key":"a","n":1},{"_key":"b"}]', "json") == {"a": {"n": 1}, "b": {}}


@pytest.mark.parametrize(
    ("form", "content", "value"),
    [
        ("json", b'{"n": 1}', {"n": 1}),
        ("json", b"[1, 2]", [1, 2]),
        ("json", b"123456789012345678901", 123456789012345678901),
        ("json", b'{"_error": "no"}', "no"),
        ("text", "größe\n".encode(), {"text": "größe"}),
        ("jsonl", b'{"n":1}\n{"n":2}\n', {"lines": [{"n": 1}, {"n": 2}]}),
    ],
)
def test_one_item_needs_no_key(tmp_path, form, content, value):
    assert back(tmp_path, content, form, ["a"]) == {"a": value}


@pytest.mark.parametrize(
    ("form", "content", "error"),
    [
        ("json", b"", "the output is no JSON"),
        ("json", b'{"n":1}', "must be a list of rows"),
        ("json", b"x" * 1001, "1,001 bytes, allowed are 1,000"),
        ("jsonl", b'{"n":1}\n', "row 1 of the output has no _key"),
        ("jsonl", b"\nx\n", "line 2 of the output is no JSON"),
        ("jsonl", b"x" * 1001, "line 1 of the output is longer"),
        ("jsonl", b"", "no result for this item"),
        ("jsonl", None, "the command wrote no out"),
    ],
)
def test_what_cannot_be_used_fails_the_items(tmp_path, form, content, error):
    found = back(tmp_path, content, form)
    assert set(found) == {"a", "b"}
    assert all(error in one for one in found.values())


def test_rows_after_a_bad_one_count(tmp_path):
    found = back(tmp_path, b'broken\n{"n": 1}\n{"_key": "b"}')
    assert (found["b"], "line 1" in found["a"], "row 2" in found["a"]) == ({}, True, True)


def test_lines_of_one_item_with_a_bad_one_among_them_are_no_result(tmp_path):
    assert "line 2" in back(tmp_path, b'{"n": 1}\nbroken', "jsonl", ["a"])["a"]


def test_rows_before_a_bad_one_count(tmp_path):
    found = back(tmp_path, json.dumps({"_key": "a"}).encode() + b"\nbroken")
    assert found["a"] == {}
    assert "line 2" in found["b"]
