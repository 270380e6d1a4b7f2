import asyncio
import gzip
import json

import pytest

from runner.conformance.place import collect, given_place
from runner.conformance.source import SourceContract
from runner.model.contracts import Same
from runner.model.errors import ConfigError
from runner.sources.jsonl import LINE_BYTES, Jsonl


def source(root, content=None, key=None, path="a.jsonl", **options):
    if content is not None:
        (root / "a.jsonl").write_bytes(content)
    return Jsonl(Jsonl.Config(path, key, **options), given_place(root))


def read(root, content, key=None):
    items, rejected = collect(source(root, content, key).read())
    return [item.value for item in items], [f"{one.place}: {one.what}" for one in rejected]


class TestContract(SourceContract):
    def make(self, root):
        lines = (json.dumps({"id": f"T-{n}", "text": "größe"}) for n in range(2500))
        return source(root, "\n".join(lines).encode(), "id")

    def make_empty(self, root):
        return source(root, b"")

    def make_missing(self, root):
        return source(root, path="none.jsonl")


def test_blank_lines_bom_and_crlf_count_for_nothing(tmp_path):
    assert read(tmp_path, b'\xef\xbb\xbf{"a":1}\r\n\r\n  \n{"a":2}\r\n\n') == ([{"a": 1}, {"a": 2}], [])


@pytest.mark.parametrize(
    "line",
    [
        b"[1]",
        b"null",
        b'"x"',
        b"{",
        b"NaN",
        b'{"a":NaN}',
        b'{"a":1e999}',
        b'{"a":"\xff"}',
        b'{"a":1} x',
        b"\0",
        b"\xff\xfe",
    ],
)
def test_what_is_no_object_is_rejected_by_line(tmp_path, line):
    values, rejected = read(tmp_path, b'{"a":1}\n' + line + b'\n{"a":3}')
    assert values == [{"a": 1}, {"a": 3}]
    assert len(rejected) == 1
    assert rejected[0].startswith("a.jsonl:2: ")


@pytest.mark.parametrize(
    "value",
    [
        {"n": 2**200},
        {"n": -(2**63) - 1},
        {"t": "x" * 1_000_000},
        {"t": "\u2028\0\x85"},
        {"f": 0.012345678901234567},
        {"d": json.loads("[" * 499 + "]" * 499)},
    ],
    ids=["huge", "below", "1 MB", "odd characters", "float", "deep"],
)
def test_every_value_is_delivered_without_loss(tmp_path, value):
    assert read(tmp_path, b'{"a":1}\n' + json.dumps(value).encode()) == ([{"a": 1}, value], [])


def test_a_file_packed_with_gzip_is_read(tmp_path):
    lines = b"".join(b'{"id":"%d"}\n' % number for number in range(5000))
    values, rejected = read(tmp_path, gzip.compress(lines), "id")
    assert (len(values), rejected) == (5000, [])


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b'[{"id": 1}, {"id": 2}]', "a.jsonl:1: one JSON array, but one object per line is expected"),
        (b'\xef\xbb\xbf [\r\n  {"id": 1}\n]\n', "a.jsonl:1: one JSON array, but one object per line is expected"),
        ('{"id": 1}\n'.encode("utf-16"), "a.jsonl is UTF-16 text"),
        ('{"id": 1}\n'.encode("utf-16-be"), "a.jsonl is UTF-16 text"),
        (b"\x28\xb5\x2f\xfd...", "a.jsonl is compressed with zstd"),
        (gzip.compress(b'{"id": 1}\n' * 99)[:-9], "a.jsonl cannot be unpacked"),
    ],
)
def test_a_file_of_another_form_is_refused(tmp_path, content, what):
    with pytest.raises(ConfigError) as told:
        read(tmp_path, content)
    assert str(told.value).startswith(what)


def test_an_array_as_the_first_line_is_rejected_alone(tmp_path):
    values, rejected = read(tmp_path, b'[1,2]\n{"a":1}\n')
    assert (values, len(rejected)) == ([{"a": 1}], 1)


@pytest.mark.parametrize(
    "line", [b'{"t":"a\\ud83d"}', b'{"t":[{"\\udc00":1}]}', b'{"n":123456789012345678901,"t":"\\ud83d"}']
)
def test_a_line_with_half_a_character_is_rejected_alone(tmp_path, line):
    values, (rejected,) = read(tmp_path, b'{"a":1}\n' + line + b'\n{"a":3}')
    assert values == [{"a": 1}, {"a": 3}]
    assert rejected.endswith("`surrogates: replace` puts U+FFFD there")
    assert rejected.startswith("a.jsonl:2: half a character (the lone surrogate '\\ud")


def test_half_a_character_is_replaced_on_request(tmp_path):
    one = source(tmp_path, b'{"t":["a\\ud83d"],"\\udc00":"\\ud83d\\ude00"}', surrogates="replace")
    (item,), rejected = collect(one.read())
    assert (item.value, rejected) == ({"t": ["a\ufffd"], "\ufffd": "😀"}, [])
    assert asyncio.run(one.fingerprint()) != asyncio.run(source(tmp_path).fingerprint())


def test_content_does_not_depend_on_the_way_of_writing(tmp_path):
    (one, other, big), _ = collect(
        source(tmp_path, b'{"a":1,"b":"\xc3\xa4"}\n{ "b": "\\u00e4", "a": 1 }\n{"a":123456789012345678901}').read()
    )
    assert one.content == other.content != big.content


def test_a_line_over_several_blocks_is_whole(tmp_path):
    long = {"t": "y" * 700_000}
    content = b"\n".join(json.dumps(value).encode() for value in ({"a": 1}, long, {"a": 2}, long))
    assert read(tmp_path, content) == ([{"a": 1}, long, {"a": 2}, long], [])


def test_a_line_without_end_is_rejected_and_the_rest_read(tmp_path):
    with (tmp_path / "a.jsonl").open("wb") as file:
        file.write(b'{"a":1}\n"')
        file.seek(LINE_BYTES + 100)
        file.write(b'"\n{"a":3}\n')
    items, (rejected,) = collect(source(tmp_path).read())
    assert [item.value for item in items] == [{"a": 1}, {"a": 3}]
    assert rejected.place == "a.jsonl:2"


def test_several_files_are_read_by_name(tmp_path):
    for name in ("b 2", "b 1", "b 3"):
        (tmp_path / f"{name}.jsonl").write_text(json.dumps({"from": name, "id": 1}))
    items, rejected = collect(source(tmp_path, key="id", path="*.jsonl").read())
    assert [item.value["from"] for item in items] == ["b 1"]
    assert [one.place for one in rejected] == ["b 2.jsonl:1", "b 3.jsonl:1"]


def test_fingerprint_changes_with_bytes_names_and_key(tmp_path):
    def prints(*sources):
        return {asyncio.run(one.fingerprint()) for one in sources}

    before = prints(source(tmp_path, b'{"a":1}'), source(tmp_path, key="a"))
    after = prints(source(tmp_path, b'{"a":2}'))
    (tmp_path / "b.jsonl").touch()
    assert len(before | after | prints(source(tmp_path, path="*.jsonl"))) == 4


def test_check_tells_a_missing_file(tmp_path):
    asyncio.run(source(tmp_path, b"").check())


def recalled(source, name):
    async def pieces():
        return [piece async for stretch in await source.recall(name) for piece in stretch]

    return asyncio.run(pieces())


def test_lines_that_stand_as_they_stood_are_known_again(tmp_path):
    lines = [b'{"id":"%d"}' % number for number in range(1200)]
    one = source(tmp_path, b"\xef\xbb\xbf" + b"\n".join(lines), "id")
    name, count = asyncio.run(one.remember())
    source(tmp_path, b"\n".join([*lines[:7], b"", b'{"id":"new"}', b"{", *lines[9:], b""]))
    first, changed, last = recalled(one, name)
    assert (count, first, last) == (1200, Same(0, 7), Same(9, 1191))
    assert [item.key for item in changed.items] == ["new"]
    assert [rejected.place for rejected in changed.rejected] == ["a.jsonl:10"]


@pytest.mark.parametrize(("number", "key"), [(1200, None), (900, "id")])
def test_what_cannot_be_known_again_is_not_remembered(tmp_path, number, key):
    lines = [b'{"id":"%d"}' % line for line in range(number)]
    assert asyncio.run(source(tmp_path, b"\n".join(lines), key).remember()) is None


def test_a_memory_that_is_lost_gives_nothing(tmp_path):
    assert asyncio.run(source(tmp_path, b'{"id":"1"}', "id").recall("0" * 32)) is None
