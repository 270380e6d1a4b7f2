import asyncio
import csv
import gzip
import io
import random

import pytest

from runner.conformance.place import collect, given_place
from runner.conformance.source import SourceContract
from runner.model.errors import ConfigError
from runner.paths import digest_of
from runner.sources.csv import Csv


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


def refusal(root, content, **options):
    with pytest.raises(ConfigError) as told:
        read(root, content, **options)
    return str(told.value), told.value.mend


def test_a_quote_without_end_names_all_lines_that_it_swallows(tmp_path):
    what, _ = refusal(tmp_path, b'a,b\n1,2\n3,"x\n5,6\n7,8\n9,0\n')
    assert what == "a.csv:3: the quote of line 3 is never closed: lines 3 to 6 are not read"


@pytest.mark.parametrize(
    "text",
    [
        b'1,"quoted "word" then\n2,tail of one"\n2,the real two\n',  # goes on behind the fault
        b'1,"he "said\n2,tail of one\nend" x"\n2,the real two\n',  # an even number of quotes on the first line
        b'"1","a "b" c"\n"2","d"\n',  # every value is quoted: any of these quotes may be the end
    ],
)
def test_a_file_is_refused_when_the_next_row_may_lie_in_a_broken_one(tmp_path, text):
    what, mend = refusal(tmp_path, b"a,b\n" + text)
    assert what.startswith("a.csv:2: the quotes of this row do not match")
    assert "double every quote" in mend


def test_a_broken_row_without_a_later_quote_ends_with_its_line(tmp_path):
    values, rejected = read(tmp_path, b'a,b\n1,"x\ny "z" w"\n8,9\n')
    assert values == [{"a": "8", "b": "9"}]
    assert [one.split(": ")[0] for one in rejected] == ["a.csv:2", "a.csv:3"]


@pytest.mark.parametrize("options", [{"key": "id"}, {}, {"key": "id", "delimiter": ","}])
def test_a_table_with_another_delimiter_is_refused(tmp_path, options):
    what, mend = refusal(tmp_path, b"id;text\n1;a\n", **options)
    assert '"id;text"' in what and mend == 'write `delimiter: ";"`'


def test_a_missing_column_of_the_key_is_told_with_those_that_are_there(tmp_path):
    what, _ = refusal(tmp_path, b"nr,text\n1,a\n", key="id")
    assert what == 'a.csv:1: there is no column "id", only "nr", "text"'


def test_one_column_with_a_semicolon_can_be_meant(tmp_path):
    assert read(tmp_path, b"a;b\n1\n", delimiter=",") == ([{"a;b": "1"}], [])


def test_the_delimiter_is_found_and_told(tmp_path):
    one = source(tmp_path, b"id;text, long;n\n1;a;2\n", delimiter="auto")
    assert [item.value for item in collect(one.read())[0]] == [{"id": "1", "text, long": "a", "n": "2"}]
    assert one.notes() == ("a.csv: the delimiter is ';'",)


def test_a_second_column_of_a_name_gets_a_number_and_is_told(tmp_path):
    one = source(tmp_path, b"id,text,text,text_2,text\n1,a,b,c,d\n")
    (item,), _ = collect(one.read())
    assert item.value == {"id": "1", "text": "a", "text_3": "b", "text_2": "c", "text_4": "d"}
    assert one.notes()[0] == "a.csv: column 3 is a second 'text' and is called 'text_3'"


@pytest.mark.parametrize(
    ("content", "options", "values"),
    [
        (b"id,text,text\n1,a,b\n", {"names": ["id", "a", "b"]}, {"id": "1", "a": "a", "b": "b"}),
        (b"1,a\n", {"names": ["id", "text"], "header": False}, {"id": "1", "text": "a"}),
        (b"id,text\n1,'a, b'\n", {"quote": "'"}, {"id": "1", "text": "a, b"}),
        (b'id,text\n1,"a\n', {"quote": ""}, {"id": "1", "text": '"a'}),
        (b'id, text\n1, "a, b"\n', {"skip_blanks": True}, {"id": "1", "text": "a, b"}),
        (b"id,text,\n1,a,\n", {"trailing_delimiter": True}, {"id": "1", "text": "a"}),
        (b"id,text\n1,a,\n", {"trailing_delimiter": True}, {"id": "1", "text": "a"}),
        ("id,text\n1,größe\n".encode("latin-1"), {"encoding": "latin-1"}, {"id": "1", "text": "größe"}),
        (gzip.compress(b"id,text\n1,a\n"), {}, {"id": "1", "text": "a"}),
        (gzip.compress("id,text\n1,a\n".encode("utf-16")), {"encoding": "utf-16"}, {"id": "1", "text": "a"}),
    ],
)
def test_dialects(tmp_path, content, options, values):
    assert read(tmp_path, content, key="id", **options) == ([values], [])


@pytest.mark.parametrize(
    ("content", "options", "what"),
    [
        ("id,text\n1,a\n".encode("utf-16"), {}, "is UTF-16 text"),
        ("id,text\n1,a\n".encode("utf-16-le"), {}, "is UTF-16 text"),
        (b"i\0d\0,", {"encoding": "utf-16"}, "is not text in utf-16"),
        (b"PK\x03\x04...", {}, "is a zip archive"),
        (gzip.compress(b"id,text\n1,a\n" * 99)[:-9], {}, "cannot be unpacked"),
        (b"a,b,c\n", {"names": ["a", "b"]}, "the first line has 3 values, but `names:` gives 2"),
    ],
)
def test_files_of_another_form_are_refused(tmp_path, content, options, what):
    assert what in refusal(tmp_path, content, **options)[0]


def test_nothing_is_read_again_for_want_of_a_new_option(tmp_path):
    plain = source(tmp_path, b"a\n1\n")
    rule = repr((None, ",", "utf-8"))
    assert asyncio.run(plain.fingerprint()) == digest_of([(tmp_path / "a.csv", "a.csv")], rule)
    assert asyncio.run(source(tmp_path, skip_blanks=True).fingerprint()) != asyncio.run(plain.fingerprint())


def test_delimiter_and_encoding(tmp_path):
    content = "id;größe\n1;é\n".encode("cp1252")
    assert read(tmp_path, content, delimiter=";", encoding="cp1252") == ([{"id": "1", "größe": "é"}], [])


def test_utf_16_is_an_encoding(tmp_path):
    assert read(tmp_path, "a\tb\n1\t2\n".encode("utf-16"), delimiter="\t", encoding="utf-16")[0] == [
        {"a": "1", "b": "2"}
    ]


def test_long_values_are_whole(tmp_path):
    assert read(tmp_path, b"a\n" + b"x" * 1_000_000)[0] == [{"a": "x" * 1_000_000}]


@pytest.mark.parametrize("content", [b"", b"a,\n1,2\n", b"\xff\n1\n", b'"a"b\n'])
def test_bad_names_are_told(tmp_path, content):
    with pytest.raises(ConfigError, match=r"a\.csv"):
        read(tmp_path, content)


@pytest.mark.parametrize(
    "options",
    [
        {"delimiter": ""},
        {"delimiter": ",,"},
        {"encoding": "utf-9"},
        {"quote": "ab"},
        {"header": False},
        {"names": ["a", "a"]},
    ],
)
def test_bad_options_are_told(tmp_path, options):
    with pytest.raises(ConfigError):
        source(tmp_path, **options)


def test_fingerprint_changes_with_bytes_and_options(tmp_path):
    sources = [source(tmp_path, b"a\n1\n"), source(tmp_path, delimiter=";"), source(tmp_path, key="a")]
    before = {asyncio.run(one.fingerprint()) for one in sources}
    assert len(before | {asyncio.run(source(tmp_path, b"a\n2\n").fingerprint())}) == 4


@pytest.mark.parametrize(
    "text",
    [
        b'1,"quoted"\n2,tail of one"\n2,the real two\n',  # the text seems to end, and its rest to be a row
        b'"1,",\n2,\n2,x"\n"3","x"\n',  # a closing quote is lost
        b'1,"a"\n2,foreign\n3,"x" tail"\n4,d\n',
    ],
)
def test_a_file_is_refused_when_rows_before_may_lie_in_a_broken_one(tmp_path, text):
    what, _ = refusal(tmp_path, b"a,b\n" + text)
    assert "so that rows around it may be part of it" in what


@pytest.mark.parametrize(
    "text",
    [
        b'1,5"\n2,6" pipe\n3,7"\n',
        b'1,"a, b"\n2,5" pipe\n',
        b'1,"say ""hi"""\n2,"""x"""\n3,""\n',
        b'1,"a"\n2,"b,c\nd"\n',
    ],
)
def test_quotes_that_leave_no_doubt_are_read(tmp_path, text):
    values, rejected = read(tmp_path, b"a,b\n" + text)
    assert (len(values), rejected) == (len({value["a"] for value in values}), [])
    assert [value["b"] for value in values] == [row[1] for row in csv.reader(io.StringIO(text.decode()))]


def test_one_lost_quote_never_makes_a_row_of_what_lies_in_another(tmp_path):
    letters = ["a", "b", ",", '"', "\n", "1", "2", " ", '""', "\n2,"]
    outcomes = set()
    for seed in range(300):
        chance = random.Random(seed)
        rows = [[str(n), "".join(chance.choices(letters, k=6))] for n in range(chance.randint(2, 6))]
        file = io.StringIO()
        csv.writer(file, quoting=csv.QUOTE_ALL, lineterminator="\n").writerows([["id", "t"], *rows])
        text = file.getvalue()
        at = chance.choice([at for at, letter in enumerate(text) if letter == '"' and at > 9])
        try:
            values, _ = read(tmp_path, (text[:at] + text[at + 1 :]).encode(), key="id")
        except ConfigError:
            outcomes.add("refused")
            continue
        outcomes.add("read")
        assert [value for value in values if [value["id"], value["t"]] not in rows] == []
    assert "refused" in outcomes


def test_one_value_is_not_values(tmp_path):
    _, rejected = read(tmp_path, b"a,b\n1\n2,3,4\n")
    assert [one.split(": ", 1)[1] for one in rejected] == ["1 value, but 2 names", "3 values, but 2 names"]
