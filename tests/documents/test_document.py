"""YAML with stricter rules: values, places, and a problem for everything else."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runner.documents import parse, read


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("no", "no"),
        ("on", "on"),
        ("y", "y"),
        ("1:30", "1:30"),
        ("0123", "0123"),
        ("-07", "-07"),
        ("2026-08-01", "2026-08-01"),
        ("1_000", "1_000"),
        ("=", "="),
        ("'1'", "1"),
        ("~", None),
        ("Null", None),
        ("TRUE", True),
        ("False", False),
        ("0", 0),
        ("+12", 12),
        ("0o17", 15),
        ("0x1F", 31),
        ("1.", 1.0),
        ("-.5", -0.5),
        ("1e3", 1000.0),
        ("3.2.0", "3.2.0"),
        ("|\n  a\n  b\n", "a\nb\n"),
        (">-\n  a\n  b\n", "a b"),
        ("|\n  {{ item.x }}\n", "{{ item.x }}"),
        (">\n  {{ a\n  ~ b }}\n", "{{ a ~ b }}"),
        ("|\n  {{ a }} {{ b }}\n", "{{ a }} {{ b }}\n"),
        ("x/{{ y }}", "x/{{ y }}"),
    ],
)
def test_scalar(text: str, value: object) -> None:
    document = parse(f"a: {text}", "f.yaml")
    assert document.problems == ()
    assert document.value == {"a": value}
    assert type(document.value["a"]) is type(value)


@pytest.mark.parametrize(
    ("text", "slug", "place"),
    [
        ("a: 1\nb:\n\tc: 2", "tab", "3:1"),
        ("a: b: c", "yaml-syntax", "1:5"),
        ("a: @x", "yaml-syntax", "1:4"),
        ("a: 1\nb: 'x\nc: 1", "yaml-syntax", "2:4"),
        ("a: [1, 2", "yaml-syntax", "1:4"),
        ("a:\n  b: 1\n c: 2", "yaml-syntax", "3:2"),
        ("é: {{ x }}", "unquoted-template", "1:4"),
        ("a: {{ x }}/y", "unquoted-template", "1:4"),
        ("- a: [{{ x }}]", "unquoted-template", "1:7"),
        ("a: 1\x00", "control-character", "1:5"),
        ("a: é\n\x1bb: 1", "control-character", "2:1"),
        ("a: 1\nb: 2\na: 3", "duplicate-key", "3:1"),
        ("a: {b: 1, b: 1}", "duplicate-key", "1:11"),
        ("1: a", "key-not-text", "1:1"),
        ("true: a", "key-not-text", "1:1"),
        ("? [a]\n: b", "key-not-text", "1:3"),
        ("a: &x {b: 1}\nc:\n  <<: *x", "merge-key", "3:3"),
        ("a: !!python/object x", "yaml-tag", "1:4"),
        ("a: !!map {}", "yaml-tag", "1:4"),
        ("a: *b", "unknown-alias", "1:4"),
        ("a: &x [*x]", "recursive-alias", "1:8"),
        ("[" * 100_000, "too-deep", "1:65"),
        ("a: " + "[" * 2_000, "too-deep", "1:67"),
        ("b: 1\nc: " + "[\n" * 2_000, "too-deep", "65:1"),
        ("{" * 2_000, "unquoted-template", "1:1"),
        ("a: " + "x" * 10_000_000, "scalar-too-long", "1:4"),
        ("[" + "a," * 300_000 + "]", "too-many-values", "1:400000"),
        ("a: .inf", "not-finite", "1:4"),
        ("a: -1e999", "not-finite", "1:4"),
        ("a: " + "9" * 5_000, "not-finite", "1:4"),
        ("a: 1\n---\nb: 2", "several-documents", "2:1"),
        ("", "empty-document", "1:1"),
        ("# only words\n", "empty-document", "1:1"),
        ("\ufeffa: 1", "byte-order-mark", "1:1"),
        ('a: "\\ud800"', "yaml-syntax", "1:7"),
    ],
)
def test_problem(text: str, slug: str, place: str) -> None:
    (problem,) = parse(text, "f.yaml").problems
    assert (problem.slug, str(problem.mark)) == (slug, f"f.yaml:{place}")
    assert problem.mend or slug in (
        "too-deep",
        "unknown-alias",
        "recursive-alias",
        "empty-document",
        "yaml-syntax",
        "key-not-text",
    )


@pytest.mark.parametrize(
    ("data", "place"), [(b"a: 1\nb: \xc3\xa9\xff", "2:5"), ("a: 1".encode("utf-16"), "1:1"), (b"\xed\xa0\x80", "1:1")]
)
def test_not_utf8(data: bytes, place: str) -> None:
    (problem,) = parse(data, "f.yaml").problems
    assert (problem.slug, str(problem.mark)) == ("not-utf8", f"f.yaml:{place}")


def test_aliases_are_bounded() -> None:
    lines = ["a0: &a0 [x, x]"] + [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]
    (problem,) = parse("\n".join(lines), "f.yaml").problems
    assert problem.slug == "too-many-aliases"
    assert parse("a: &x [1]\nb: [*x, *x]", "f.yaml").value == {"a": [1], "b": [[1], [1]]}


def test_every_problem_is_told_and_the_first_place_cited() -> None:
    document = parse("a: 1\na: 2\nb: .nan\nc: !x y\nb: 1\n", "f.yaml")
    assert [problem.slug for problem in document.problems] == [
        "duplicate-key",
        "not-finite",
        "yaml-tag",
        "duplicate-key",
    ]
    assert str(document.problems[0].other) == "f.yaml:1:1"
    assert document.value == {"a": 1, "b": 0, "c": "y"}


def test_a_file_too_large_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "big.yaml"
    with path.open("wb") as stream:
        stream.truncate(10**10)
    (problem,) = read(path, shown="big.yaml").problems
    assert problem.slug == "file-too-large"


def test_a_missing_file_and_a_folder_are_problems(tmp_path: Path) -> None:
    for path in (tmp_path / "none.yaml", tmp_path):
        (problem,) = read(path).problems
        assert problem.slug == "unreadable-file"


TEXT = """\
name: 'x {{ a }}'
list:
  - one
  - two: {{{{ }}}}
block: |
  first
    second {{ b }}
"""


def test_marks() -> None:
    document = parse(TEXT.replace("{{{{ }}}}", "3"), "f.yaml")
    assert str(document.mark_of(("list", 1, "two"))) == "f.yaml:4:10"
    assert str(document.key_mark_of(("list", 1, "two"))) == "f.yaml:4:5"
    assert str(document.mark_of(("list", 0))) == "f.yaml:3:5"
    assert str(document.mark_of(("list", 7))) == "f.yaml:3:3"
    assert str(document.mark_of(())) == "f.yaml:1:1"
    assert str(document.key_mark_of(("nothing",))) == "f.yaml:1:1"
    assert document.written(("list", 0)) == "one"


def test_place_inside_a_text() -> None:
    document = parse(TEXT.replace("{{{{ }}}}", "3"), "f.yaml")
    assert str(document.locate(("name",))(2)) == "f.yaml:1:10"
    block = document.value["block"]
    assert str(document.locate(("block",))(block.index("{{"))) == "f.yaml:7:12"
    assert str(parse('a: "\\t{{ b }}"', "f.yaml").locate(("a",))(3)) == "f.yaml:1:4"


@settings(max_examples=1000, deadline=None)
@given(st.text(alphabet="ab:-?[]{},#&*!|>'\"%@`\n\t 01~<=\\.x\x00é", max_size=60))
def test_no_text_ends_in_an_error(text: str) -> None:
    document = parse(text, "f.yaml")
    lines = text.count("\n") + 1
    assert document.value is not None or document.problems or text.strip()
    assert all(problem.mark is not None and problem.mark.line <= lines for problem in document.problems)


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=80))
def test_no_bytes_end_in_an_error(data: bytes) -> None:
    assert parse(data, "f.yaml").file == "f.yaml"
