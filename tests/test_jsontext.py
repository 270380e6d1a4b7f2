import json

import pytest

from runner import jsontext

KEPT = [
    {},
    {"a": None, "b": [True, False, 1, -1, 1.5, "x", {}]},
    {"big": 2**64, "small": -(2**63) - 1, "huge": 10**4000},
    {"id": 12345678901234567890, "text": "12345678901234567890123"},
    {"lone": "\ud800", "pair": "😀", "nul": "\0", "line": "\u2028"},
    {"float": 0.1, "tiny": 5e-324, "many": 0.012345678901234567},
]


def nested(depth):
    return b"[" * depth + b"]" * depth


@pytest.mark.parametrize("value", KEPT)
def test_every_value_is_kept(value):
    assert jsontext.read(jsontext.write(value)) == value
    assert jsontext.read(jsontext.canonical(value)) == value


@pytest.mark.parametrize("value", KEPT)
def test_what_another_library_wrote_is_read(value):
    assert jsontext.read(json.dumps(value).encode()) == value


@pytest.mark.parametrize("depth", [200, 500, 900])
def test_deep_values_are_kept(depth):
    assert jsontext.write(jsontext.read(nested(depth))) == nested(depth)


@pytest.mark.parametrize(
    "text",
    [b"NaN", b"[Infinity]", b"-Infinity", b"1e400", b"", b"{", b"\xff", b'"\xff"', b"\xef\xbb\xbf{}", b"01", b"{} {}"],
)
def test_what_is_no_json_is_refused(text):
    with pytest.raises(ValueError, match=r"JSON|UTF-8|large|column"):
        jsontext.read(text)


@pytest.mark.parametrize("text", [nested(200_000), b"1" * 5000, b"[" * 100_000])
def test_what_is_too_much_is_refused(text):
    with pytest.raises(ValueError, match=r"deep|digits"):
        jsontext.read(text)


@pytest.mark.parametrize("value", [float("nan"), [float("inf")], {"a": {"b": [None, float("-inf")]}}])
def test_no_number_becomes_null(value):
    with pytest.raises(ValueError, match="no JSON number"):
        jsontext.write(value)


@pytest.mark.parametrize("value", [{1, 2}, object(), b"bytes"])
def test_what_is_no_value_is_refused(value):
    with pytest.raises(TypeError):
        jsontext.write(value)


def test_canonical_knows_no_order_of_fields():
    assert jsontext.digest({"b": 1, "a": {"d": 2**70, "c": 3}}) == jsontext.digest({"a": {"c": 3, "d": 2**70}, "b": 1})


def test_digests_tell_values_apart():
    values = [1, 1.0, "1", True, None, [], {}, [1], "", 2**64, float(2**64)]
    assert len({jsontext.digest(value) for value in values}) == len(values)


@pytest.mark.parametrize(
    ("text", "is_long"),
    [
        (b'{"a":12345678901234567890}', True),
        (b"12345678901234567890", True),
        (b"[-12345678901234567890]", True),
        (b"1.12345678901234567890, 12345678901234567890", True),
        (b'{"a":0.12345678901234567890}', False),
        (b'{"a":"12345678901234567890"}', False),
        (b"123456789012345678", False),
    ],
)
def test_long_numbers_are_noticed(text, is_long):
    assert jsontext.has_long_number(text) is is_long


def test_many_are_read_as_one_by_one():
    texts = [json.dumps(value).encode() for value in ({"b": 1, "a": 2}, {"x": "y"})]
    assert jsontext.read_many(texts) == (
        [jsontext.read(text) for text in texts],
        [jsontext.digest(jsontext.read(text)) for text in texts],
    )


@pytest.mark.parametrize("text", [b"{", b'"\\ud800"', b"NaN", nested(300)])
def test_many_leave_the_odd_ones_to_the_slow_way(text):
    assert jsontext.read_many([b"{}", text]) is None
