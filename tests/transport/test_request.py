import pytest

from runner.model.errors import Unavailable
from runner.transport.request import Reply, Request, parsed


def test_what_may_hold_a_key_is_not_shown():
    request = Request("GET", "/a", [("key", "secret")], {"X": "secret"}, {"Y": "secret"}, b"secret")
    assert "secret" not in repr(request)


def test_the_name_hides_the_query():
    assert Request("GET", "/a?key=secret").name == "GET /a"


@pytest.mark.parametrize(
    ("method", "safe", "expected"), [("GET", None, True), ("POST", None, False), ("POST", True, True)]
)
def test_only_reading_methods_are_safe_unless_told(method, safe, expected):
    assert Request(method, "/", safe=safe).is_safe is expected


@pytest.mark.parametrize("body", [b"<html>", b'{"a": 1', b"\xff\xfe", b"[" * 100_000])
def test_what_is_no_json_is_unavailable(body):
    with pytest.raises(Unavailable, match="not JSON"):
        Reply(200, {}, body, "").json()


def test_json_that_servers_write_wrongly_is_read():
    assert parsed(b'{"a": NaN, "b": [-Infinity], "n": 12345678901234567890123}') == {
        "a": None,
        "b": [None],
        "n": 12345678901234567890123,
    }


def test_a_number_beyond_a_double_is_null_as_infinity_is():
    assert parsed(b'{"a": 1e999, "b": [-1E+400, 1.5e3]}') == {"a": None, "b": [None, 1500.0]}


def test_an_empty_body_is_null():
    assert Reply(204, {}, b"", "").json() is None
