import asyncio

import pytest

from runner.model.errors import ConfigError
from runner.sources.csv import Csv
from tests.contracts.place import collect, given_place
from tests.contracts.source import SourceContract


def source(root, content=None, path="a.csv", **options):
    if content is not None:
        (root / "a.csv").write_bytes(content)
    return Csv(Csv.Config(path, **options), given_place(root))


def read(root, content, **options):
    items, rejected = collect(source(root, content, **options).read())
    return [item.value for item in items], [f"{one.place}: {one.what}" for one in rejected]


class TestContract(SourceContract):
    def make(self, root):
        return source(root, b"id,text\n" + b"".join(b"T-%d,gr\xc3\xb6sse\n" % n for n in range(2500)), key="id")

    def make_empty(self, root):
        return source(root, b"id,text\n")

    def make_missing(self, root):
        return source(root, path="none.csv")


def test_values_are_text_with_quotes_breaks_and_bom(tmp_path):
    content = b'\xef\xbb\xbfid,text\r\n007,"a, ""b""\nc"\r\n\r\n8,\r\n'
    assert read(tmp_path, content) == ([{"id": "007", "text": 'a, "b"\nc'}, {"id": "8", "text": ""}], [])


def test_bad_rows_are_rejected_by_line(tmp_path):
    values, rejected = read(tmp_path, b'a,b\n1,"x\ny"\n2\n3,4,5\n6,\xff\n7,"x"y\n8,9\n')
    assert [value["a"] for value in values] == ["1", "8"]
    assert [one.split(": ")[0] for one in rejected] == ["a.csv:4", "a.csv:5", "a.csv:6", "a.csv:7"]


def test_a_quote_without_end_is_rejected(tmp_path):
    values, rejected = read(tmp_path, b'a,b\n1,2\n3,"x\n5,6\n')
    assert values == [{"a": "1", "b": "2"}]
    assert [one.split(": ")[0] for one in rejected] == ["a.csv:3"]


def test_delimiter_and_encoding(tmp_path):
    content = "id;größe\n1;é\n".encode("cp1252")
    assert read(tmp_path, content, delimiter=";", encoding="cp1252") == ([{"id": "1", "größe": "é"}], [])


def test_utf_16_is_an_encoding(tmp_path):
    assert read(tmp_path, "a\tb\n1\t2\n".encode("utf-16"), delimiter="\t", encoding="utf-16")[0] == [
        {"a": "1", "b": "2"}
    ]


def test_long_values_are_whole(tmp_path):
    assert read(tmp_path, b"a\n" + b"x" * 1_000_000)[0] == [{"a": "x" * 1_000_000}]


@pytest.mark.parametrize("content", [b"", b"a,a\n1,2\n", b"a,\n1,2\n", b"\xff\n1\n", b'"a"b\n'])
def test_bad_names_are_told(tmp_path, content):
    with pytest.raises(ConfigError, match=r"a\.csv"):
        read(tmp_path, content)


@pytest.mark.parametrize("options", [{"delimiter": ""}, {"delimiter": ",,"}, {"encoding": "utf-9"}])
def test_bad_options_are_told(tmp_path, options):
    with pytest.raises(ConfigError):
        source(tmp_path, **options)


def test_fingerprint_changes_with_bytes_and_options(tmp_path):
    sources = [source(tmp_path, b"a\n1\n"), source(tmp_path, delimiter=";"), source(tmp_path, key="a")]
    before = {asyncio.run(one.fingerprint()) for one in sources}
    assert len(before | {asyncio.run(source(tmp_path, b"a\n2\n").fingerprint())}) == 4
