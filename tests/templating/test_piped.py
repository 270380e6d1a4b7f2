"""`path | filter` without Jinja is `path | filter` with it."""

import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runner.model.errors import RecipeError
from runner.model.secret import Secret
from runner.templating import compile_template, metered
from runner.templating.expression import compile_expression
from runner.templating.fault import Fault
from runner.templating.piped import LONGEST, QUICK

TEXTS = ["", ".", "a b/c", "17", "1e3", "x" * (LONGEST + 1), "\udc80", "2026-08-01T12:00:00Z", "ä" * 9]
VALUES = st.one_of(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    st.sampled_from(TEXTS),
    st.just(Secret("hush"))
    | st.lists(st.integers(), max_size=2)
    | st.dictionaries(st.text(), st.integers(), max_size=2),
)


def said(evaluate, scope):
    try:
        value = evaluate(scope)
    except Fault as fault:
        return fault.slug, fault.what
    except RecipeError as error:
        return error.problems[0].slug, error.problems[0].what.partition(", in ")[0]
    return type(value), value.reveal() if isinstance(value, Secret) else repr(value)


@settings(max_examples=500, deadline=None)
@given(st.lists(st.sampled_from(sorted(QUICK)), min_size=1, max_size=3), VALUES)
def test_quick_and_slow_say_the_same(names, value):
    expression = " | ".join(["a.b", *names])
    quick, (slow, paths, needed) = compile_template(f"{{{{ {expression} }}}}"), compile_expression(expression)
    assert (quick.paths, quick.needed) == (paths, needed)
    for scope in ({"a": {"b": value}}, {"a": {}}, {}):
        assert said(quick, scope) == said(slow, scope)


def test_what_is_quick_is_guarded_as_nothing_else():
    assert QUICK.isdisjoint(metered.FILTERS)


@pytest.mark.parametrize(
    "text", ["a | int(0)", "a | nope", "a | segment.x", "none | int", "a | int +1", "a |", "a | int | join"]
)
def test_everything_else_is_compiled_in_full(text):
    try:
        slow = said(compile_expression(text)[0], {"a": "5"})
    except Fault as fault:
        slow = fault.slug, fault.what
    try:
        quick = said(compile_template(f"{{{{{text}}}}}"), {"a": "5"})
    except RecipeError as error:
        quick = error.problems[0].slug, error.problems[0].what.partition(", in ")[0]
    assert quick == slow


def test_an_expression_that_goes_well_needs_no_jinja():
    probe = """
import sys
from runner.templating import compile_template
assert compile_template("/jobs/{{ job.id | segment }}")({"job": {"id": "a/b"}}) == "/jobs/a%2Fb"
sys.exit("jinja2" in sys.modules)
"""
    assert subprocess.run([sys.executable, "-c", probe], check=False).returncode == 0
