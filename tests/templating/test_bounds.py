"""Hostile expressions end quickly, small, and in a problem."""

import resource
import sys
import time
import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jinja2 import nodes

from runner.model.errors import RecipeError
from runner.templating import compile_template
from runner.templating.guard import Guard
from runner.templating.words import parse, words_of

LONGEST_S = 1.0 if sys.gettrace() is None else 3.0  # whoever measures coverage looks at every line

SCOPE = {"item": {"a": "x" * 1000, "b": [1, 2, 3], "n": 10**6, "t": "1e5"}, "z": None}
HOSTILE = [
    "range(10**9)",
    "range(10**30)",
    "range(0 - 10**30, 10**30, 7)",
    "'a' * 10**9",
    "10**9 * 'a'",
    "'x'.ljust(10**9)",
    "'x'.zfill(10**9)",
    "'{:>1000000000}'.format(1)",
    "10**(10**10)",
    "2 ** 100000",
    "(10**1000) * (10**1000) * (10**1000)",
    "[1] * 10**9",
    "range(100000) | map('string') | map('replace', '1', 'a' * 100000) | list",
    "range(100000) | join('a' * 100000)",
    "('a' * 9000000) | replace('a', 'b' * 9000000)",
    "('a' * 9000000).replace('', 'bbbbbbbbbbbbb')",
    "('a' * 9000000).replace('a', 'b' * 9000000)",
    "('a ' * 4000000).split()",
    "('a' * 9000000) | list | map('upper') | list",
    "('a' * 9000000) ~ ('a' * 9000000) ~ ('a' * 9000000)",
    "5 | round(-10**9)",
    "range(99999) | map('string') | map('replace', '', 'abc' * 1000) | join | length",
    "1e308 * 10",
    "('9' * 5000) | int",
    "(" * 5000 + "1" + ")" * 5000,
    "[" * 5000,
    "not " * 5000 + "true",
    "-" * 5000 + "1",
    "1" + "+1" * 5000,
    "item" + ".a" * 5000,
    "1" * 5000,
    "1 if " * 900 + "1",
    "'" * 19_999,
    "'\\" * 9_999,
    "item.a | " + "lower | " * 5000 + "lower",
    "('[' * 200000) | json",
    "('[' ~ '[],' * 3000000 ~ '[]]') | json",
    "'%1000000000d' is even",
    "'%1000000000d' is divisibleby(3)",
    "['%1000000000d'] | select('odd')",
    "('a' * 5000000).strip('b' * 4000000 ~ 'a')",
    "('a' * 5000000) | trim('b' * 4000000 ~ 'a')",
    "('a' * 5000000).rsplit('b' ~ 'a' * 2000000, 5)",
    "('a-' * 4000000) | title",
    "('a' * 9999999) | segment",
    "('a' * 9000000) | reverse",
    "('a' * 9000000) | select",
    "range(0, (2**61 - 1) * 99999, 2**61 - 1) | unique",
    "range(99999) | map(attribute='" + "a." * 5000 + "a')",
    "range(99999) | map('string') | select('in', 'a' * 9000000)",
    "range(99999) | select('in', range(99999))",
    "(' ' * 99999) | list | map('trim') | map('default', 'b' * 1000000, true)",
    "(' ' * 99999) | list | map('trim') | map('default', range(99999), true) | tojson",
    "range(3) | batch(10**9, 'x')",
    "item.b | sum(start=[])",
    "('f' * 9000000) | int(0, 16)",
    "[" + "item.a * 9000, " * 100 + "1]",
    "0x" + "f" * 5000,
    "(1).__class__.__base__.__subclasses__()",
]


@pytest.mark.parametrize("expression", HOSTILE, ids=lambda text: text[:40])
def test_hostile_expression(expression: str) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = time.process_time()
    with pytest.raises(RecipeError) as caught:
        compile_template("{{ " + expression + " }}")(SCOPE)
    assert time.process_time() - start < LONGEST_S
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200_000
    assert caught.value.problems[0].slug.startswith(("template-", "undefined-"))
    assert len(str(caught.value)) < 1_000


@pytest.mark.parametrize(
    "text", ["{{" * 5_000_000, "{%" * 5_000_000 + "{{ 1", "{{ 1 }}" * 1_000_000, "{{" + "'" * 10**7]
)
def test_hostile_text(text: str) -> None:
    start = time.process_time()
    with pytest.raises(RecipeError):
        compile_template(text)
    assert time.process_time() - start < LONGEST_S


def test_large_plain_text_is_no_template() -> None:
    text = "{%" * 2_000_000
    assert compile_template(text)({}) == text


@pytest.mark.parametrize(
    "expression",
    ["1 if true else 'a' * 10**9", "'b' or 10**10**10", "'a' if item is mapping else range(10**9)"],
)
def test_nothing_is_built_when_it_is_compiled(expression: str) -> None:
    start = time.process_time()
    tracemalloc.start()
    template = compile_template("{{ " + expression + " }}")
    assert template(SCOPE) in (1, "a", "b")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 30_000_000
    assert time.process_time() - start < LONGEST_S


def test_generated_code_calls_filters_only() -> None:
    guard = Guard(words := words_of("(item.a ~ 'x')[1:].upper().name[0] + range(3)[1]"))
    tree = nodes.Template([nodes.ExprStmt(guard.checked(parse(words)))], lineno=1)
    assert not list(tree.find_all((nodes.Call, nodes.Slice, nodes.Concat)))
    assert {name.name for name in tree.find_all(nodes.Name)} == {"p0"}


@pytest.mark.parametrize("expression", ["1" + " + 1" * 99, "t" + " | lower" * 99, "[" * 39 + "t" + "]" * 39])
def test_what_is_just_not_too_deep(expression: str) -> None:
    assert compile_template("{{ " + expression + " }}")({"t": "x"}) is not None


PARTS = """
item z a b n t . . | ( ) [ ] { } : , + - * ** / // % ~ == < in not and or if else is 1 0 2.5 -1 'x' '' "y" none true
default first int float join map select sort length replace tojson round range defined upper split keys __class__
batch sum max min unique list string json segment epoch_s rfc3339 dictsort selectattr 'a' 'upper' 'gt'
"""
WORDS = st.sampled_from(PARTS.split())


@settings(max_examples=1500, deadline=None)
@given(st.lists(WORDS, min_size=1, max_size=14))
def test_no_expression_ends_in_another_error(words: list[str]) -> None:
    try:
        compile_template("{{ " + " ".join(words) + " }}")(SCOPE)
    except RecipeError as error:
        assert error.problems[0].slug != ""


@settings(max_examples=500, deadline=None)
@given(st.text(alphabet="{}%#'\"\\ .|()[]ax1\n", max_size=40))
def test_no_text_ends_in_another_error(text: str) -> None:
    try:
        compile_template(text)(SCOPE)
    except RecipeError as error:
        assert error.problems[0].what
