import asyncio
import email
from typing import Any

import pytest

from runner.model.errors import Refused
from runner.transport.bodies import Multipart, Part, Slice, form_body, json_body, json_lines, whole


class Pieces:
    size = 10

    async def chunks(self):
        for piece in (b"abc", b"defg", b"hij"):
            yield piece


async def _all(body):
    return b"".join([chunk async for chunk in body.chunks()])


def test_json_keeps_the_order_of_members():
    assert json_body({"b": 1, "a": "ü"}) == '{"b":1,"a":"ü"}'.encode()


def test_what_json_cannot_hold_is_refused():
    with pytest.raises(Refused):
        json_body({"a": b"bytes"})


@pytest.mark.parametrize("value", [{"a": "x\ud83d"}, ["\udc00"], {"\ud83d": 1}])
def test_half_a_character_is_refused(value):
    with pytest.raises(Refused, match="half a character"):
        json_body(value)


def test_a_text_that_only_looks_like_half_a_character_is_sent():
    assert json_body(["\\ud83d", "😀"]) == '["\\\\ud83d","😀"]'.encode()


def test_lines_and_forms():
    assert json_lines([{"a": 1}, 2]) == b'{"a":1}\n2\n'
    assert form_body([("a b", "ü&"), ("a b", "2")]) == b"a+b=%C3%BC%26&a+b=2"


def test_multipart_is_read_back_by_a_parser_and_has_its_size():
    body = Multipart([Part("purpose", b"batch"), Part("file", Pieces(), 'a"b\n.txt', "text/plain")])
    data = asyncio.run(_all(body))
    message: Any = email.message_from_bytes(b"Content-Type: " + body.content_type.encode() + b"\r\n\r\n" + data)
    assert [part.get_payload() for part in message.get_payload()] == ["batch", "abcdefghij"]
    assert len(data) == body.size
    assert message.get_payload()[1].get_filename() == "a%22b%0A.txt"


def test_the_boundary_depends_on_what_is_sent():
    boundaries = {Multipart([Part("a", text)], seed).boundary for text in (b"1", b"2") for seed in (b"", b"s")}
    assert len(boundaries) == 4


@pytest.mark.parametrize(("start", "length"), [(0, 4), (2, 3), (3, 7), (7, 3), (9, 1)])
def test_a_slice_gives_its_bytes_only(start, length):
    assert asyncio.run(_all(Slice(Pieces(), start, length))) == b"abcdefghij"[start : start + length]
    assert asyncio.run(_all(Slice(b"abcdefghij", start, length))) == b"abcdefghij"[start : start + length]


def test_a_body_inside_a_text_is_bounded():
    assert asyncio.run(whole(Pieces(), 10)) == b"abcdefghij"
    with pytest.raises(Refused, match="10 bytes"):
        asyncio.run(whole(Pieces(), 9))
