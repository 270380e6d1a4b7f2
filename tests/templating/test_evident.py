"""What is told of an expression without Jinja is what Jinja's tree tells."""

import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runner.model.errors import RecipeError
from runner.model.secret import Secret
from runner.templating import compile_template
from runner.templating.evident import FILTERS, evident
from runner.templating.expression import compile_expression

LITERALS = ["0", "7", "25_000_000", "86400", "1.5", "0.25", "''", "'a b'", '"ä | x"', "true", "none", "null", "False"]
ATOMS = [*LITERALS, "item", "item.size", "env.A_B", "job.sent_at", "_x.y", "range", "a.in"]
SIGNS = ["==", "!=", "<", "<=", ">", ">=", "+", "-", "and", "or"]
BROKEN = [
    "x ! y",
    "a b",
    "not a",
    "5x",
    "a.__b",
    "a[0]",
    "a()",
    "if",
    "in.b",
    "none.b",
    "1__0",
    "007",
    "1.",
    "'a",
    "'\\q'",
]


@st.composite
def applied(draw):
    name = draw(st.sampled_from(sorted(FILTERS)))
    brackets = draw(st.sampled_from(["", "()", *(f"({one})" for one in LITERALS)]))
    return f" | {name}{brackets}"


OPERANDS = st.tuples(st.sampled_from(ATOMS), st.lists(applied(), max_size=2)).map(
    lambda made: made[0] + "".join(made[1])
)
EXPRESSIONS = st.lists(OPERANDS | st.sampled_from(BROKEN), min_size=1, max_size=4).flatmap(
    lambda operands: st.lists(st.sampled_from(SIGNS), min_size=len(operands) - 1, max_size=len(operands) - 1).map(
        lambda signs: operands[0] + "".join(f" {sign} {one}" for sign, one in zip(signs, operands[1:], strict=True))
    )
)


@settings(max_examples=1500, deadline=None)
@given(EXPRESSIONS)
def test_what_is_evident_is_right_and_reads_the_same(expression):
    known = evident(expression)
    if known is not None:
        _, paths, needed = compile_expression(expression)
        assert (known.paths, known.needed) == (paths, needed)


@pytest.mark.parametrize("text", BROKEN)
def test_what_may_be_wrong_is_left_to_jinja(text):
    assert evident(text) is None


@pytest.mark.parametrize("default", ["", "()", "('x')", "(7)", "(0.5)", "(null)", "(true)", "(1_000)"])
@pytest.mark.parametrize("value", ["", "text", "x" * 10_001, 5, None, [], {"c": 1}, Secret("hush")])
def test_a_default_is_given_as_jinja_gives_it(default, value):
    expression = f"a.b | default{default}"
    quick, slow = compile_template(f"{{{{ {expression} }}}}"), compile_expression(expression)[0]
    for scope in ({"a": {"b": value}}, {"a": {}}, {"a": 5}, {}):
        assert repr(quick(scope)) == repr(slow(scope))


def test_a_fault_is_told_when_the_expression_is_evaluated():
    template = compile_template("{{ a + b }}")
    assert template({"a": 2, "b": 3}) == 5
    with pytest.raises(RecipeError, match="does not take a number and a list"):
        template({"a": 2, "b": []})


def test_a_usual_expression_is_compiled_without_jinja():
    program = (
        "import sys; from runner.templating import compile_template as c;"
        "made = [c('{{ env.A | default(7) }}'), c('{{ item.size < 25_000 }}'), c('{{ a or b - 1 }}')];"
        "assert made[0]({'env': {}}) == 7;"
        "print('jinja2' in sys.modules, made[1]({'item': {'size': 1}}))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "True"]
