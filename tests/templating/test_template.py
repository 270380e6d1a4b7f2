"""Texts with expressions: types kept, text joined, problems told with their place."""

import json
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runner.model.errors import RecipeError
from runner.model.problem import Mark
from runner.model.secret import Secret
from runner.templating import compile_template, compile_tree, is_template, template_problem, tree_of

SCOPE = {
    "item": {"name": "a b/c.pdf", "size": 12, "items": [1, 2], "keys": "k", "none": None, "deep": {"x": {"y": 1.5}}},
    "vars": {"month": "2026-08", "id": "478", "flag": True},
}


def render(text: str) -> object:
    return compile_template(text)(SCOPE)


def problem(text: str, slug: str) -> str:
    with pytest.raises(RecipeError) as caught:
        render(text)
    (found,) = caught.value.problems
    assert found.slug == slug, found
    return f"{found.what} {found.mend}"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("plain }} text { } %}", "plain }} text { } %}"),
        ("", ""),
        ("{{ vars.id }}", "478"),
        ("{{ vars.id | int }}", 478),
        ("{{ item.size }}", 12),
        ("{{ item.none }}", None),
        ("{{ item.items }}", [1, 2]),
        ("{{ item.keys }}", "k"),
        ("{{ item['keys'] }}", "k"),
        ("{{ item.deep.x.y }}", 1.5),
        ("{{item.items[0]}}", 1),
        ("{{ item.items.1 }}", 2),
        ("{{ 25_000_000 }}", 25_000_000),
        ("out/{{ vars.month }}.jsonl", "out/2026-08.jsonl"),
        ("{{ vars.flag }} {{ item.deep.x.y }} {{ item.items }}", "true 1.5 [1,2]"),
        ("{{ item.size }}{{ item.size }}", "1212"),
        ("{{ {'a': {'b': 1}} }}", {"a": {"b": 1}}),
        ("{{ '}}' }}", "}}"),
        ("{{ '{{' }}x", "{{x"),
        (" {{ item.size }}", " 12"),
        ("{{ item.absent | default(7) }}", 7),
        ("{{ item.absent.deeper | default('x') }}", "x"),
        ("{{ item.absent | float | default(0) }}", 0),
        ("{{ [item] | map(attribute='absent', default=4) }}", [4]),
        ("{{ [item] | map(attribute='absent', default=[]) }}", [[]]),
        ("{{ 1.0 }}", 1.0),
        ("{{ '1' ~ 2 }}", "12"),
        ("{{ (1, [2, (3,)]) }}", [1, [2, [3]]]),
        ("{{ [3, 1] | map('string') }}", ["3", "1"]),
        ("{{ null }}", None),
        ("{{ not item.none }}", True),
        ("{{ item.absent is defined }}", False),
        ("{{ item.size if item.size > 10 else 0 }}", 12),
        ("{{ 1 if item.size < 10 }}", None),
        ("{{ '{{ vars.month }}' }}", "{{ vars.month }}"),
    ],
)
def test_values(text: str, value: object) -> None:
    found = render(text)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("text", "slug", "said"),
    [
        ("{{ item.nmae }}", "undefined-value", 'did you mean "name"?'),
        ("{{ itm.name }}", "undefined-value", 'did you mean "item"?'),
        ("{{ item.none.x }}", "undefined-value", "item.none is null"),
        ("{{ item.items[9] }}", "undefined-value", "has 2 elements"),
        ("x{{ item.none }}", "undefined-value", "null cannot stand in a text"),
        ("{{ item.absent or 1 }}", "undefined-value", "absent"),
        ("{{ item.absent ~ 'x' }}", "undefined-value", "absent"),
        ("{{ item.absent in [] }}", "undefined-value", "absent"),
        ("{{ item.absent is string }}", "undefined-value", "absent"),
        ("{{ 1 == item.absent }}", "undefined-value", "absent"),
        ("{{ -item.absent }}", "undefined-value", "absent"),
        ("{{ {'a': [item.absent]} }}", "undefined-value", "absent"),
        ("{{ [item] | map(attribute='absent') }}", "undefined-value", "absent"),
        ("{{ item[item.absent] }}", "undefined-value", "absent"),
        ("{{ [] | first }}", "undefined-value", "sequence was empty"),
        ("{{ item.name + 1 }}", "template-value", "a text and a number"),
        ("{{ 'x' | int }}", "template-value", "'x' is not a whole number"),
        ("{{ 'nan' | float }}", "template-value", "not a number"),
        ("{{ 1 / 0 }}", "template-value", "divides by zero"),
        ("{{ '%s' % item.name }}", "template-value", "does not take"),
        ("{{ '..' | segment }}", "template-value", "one segment"),
        ("{{ (-8) ** 0.5 }}", "template-value", "finite"),
        ("{{ item.name | uper }}", "unknown-filter", 'did you mean "upper"?'),
        ("{{ item.name is strng }}", "unknown-test", 'did you mean "string"?'),
        ("{% if x %}a{% endif %}", "template-forbidden", "a statement"),
        ("{# note #}", "template-forbidden", "a comment"),
        ("{{ item.__class__ }}", "template-forbidden", "no field of data"),
        ("{{ item['__class__'].x }}", "template-forbidden", "no field of data"),
        ("{{ item.name.format(1) }}", "template-forbidden", "format"),
        ("{{ item.name.__len__() }}", "template-forbidden", "__len__"),
        ("{{ ''.__class__.__mro__ }}", "template-forbidden", "__class__"),
        ("{{ (item.name ~ '').__class__ }}", "template-forbidden", "__class__"),
        ("{{ [''] | map(attribute='__class__') }}", "template-forbidden", "__class__"),
        ("{{ [item.size] | map('attr', 'real') }}", "unknown-filter", '"attr"'),
        ("{{ [item.size] | map(item.name) }}", "template-syntax", "in quotes"),
        ("{{ [item.size] | map('.upper') }}", "unknown-filter", '".upper"'),
        ("{{ item | attr('name') }}", "unknown-filter", '"attr"'),
        ("{{ '{0}' | format(1) }}", "unknown-filter", '"format"'),
        ("{{ '{0.real}'.format(1) }}", "template-forbidden", "format"),
        ("{{ item.items.append(3) }}", "template-forbidden", "append"),
        ("{{ range.__globals__ }}", "template-forbidden", "__globals__"),
        ("{{ range(*item.items) }}", "template-forbidden", "named"),
        ("{{ item.name | default(**item) }}", "template-forbidden", "one by one"),
        ("{{ item.name | default(value=1) }}", "template-syntax", "arguments"),
        ("{{ cycler('a') }}", "template-forbidden", "cannot be called"),
        ("{{ self }}", "undefined-value", 'no name "self"'),
        ("{{ 2 | map('string') | map('default', [1]) }}", "template-value", "map"),
        ("{{ [''] | map('default', [1], true) }}", "template-forbidden", "texts and numbers"),
        ("{{ item.name < 1 }}", "template-value", "not supported"),
        ("{{ {1: 2} }}", "template-value", "named by texts"),
        ("{{ 1e999 }}", "template-bound", "too large"),
        ("{{ item.items() }}", "template-forbidden", "item | items"),
        ("{{ lipsum() }}", "template-forbidden", "cannot be called"),
        ("{{ range }}", "undefined-value", 'no name "range"'),
        ("{{ item.name", "template-syntax", "does not end"),
        ("{{ }}", "template-syntax", "empty"),
        ("{{ item.size = 3 }}", "template-syntax", '"=="'),
        ("{{ 'a' }} {{ 'b }}", "template-syntax", "does not end"),
        ("{{ item.name | replace('a') }}", "template-syntax", "arguments"),
        (r"{{ '\d' }}", "template-syntax", "escape"),
        ("{{ a, b }}", "template-syntax", '","'),
        ("{{ 12abc }}", "template-syntax", '"abc"'),
        ("{{ x ! }}", "template-syntax", "write"),
    ],
)
def test_problems(text: str, slug: str, said: str) -> None:
    assert said in problem(text, slug)


def test_problem_has_the_place_of_the_fault() -> None:
    text = "a {{ item.x | uper }}"
    found = template_problem(text, locate=lambda at: Mark("r.yaml", 3, 10 + at))
    assert found is not None
    assert found.mark == Mark("r.yaml", 3, 10 + text.index("uper"))


def test_run_time_problem_has_the_mark_of_the_template() -> None:
    template = compile_template("{{ item.x }}", mark=Mark("r.yaml", 7, 2))
    with pytest.raises(RecipeError, match=r"r\.yaml:7:2: error\[undefined-value\]"):
        template({"item": {}})


def test_names_and_paths() -> None:
    template = compile_template("{{ item.a[item.k].z ~ range(vars.n) | length }} {{ job.id | default(run['x y']) }}")
    assert template.names == {"item", "vars", "job", "run"}
    assert template.paths == {("item", "a"), ("item", "k"), ("vars", "n"), ("job", "id"), ("run", "x y")}


def test_paths_that_may_be_missing_are_not_needed() -> None:
    text = "{{ a.x }} {{ b.x | default(c.x) }} {{ d.x if e.x is defined else f.x }} {{ g.x and h.x }}"
    assert compile_template(text).needed == {("a", "x"), ("g", "x")}


def test_what_a_scope_surely_lacks_is_told_beforehand() -> None:
    template = compile_template("{{ item.any ~ vars.mnth }}")
    found = template.problem_in({"vars": {"month": 1}})
    assert found is not None
    assert 'did you mean "month"?' in found.mend
    assert template.problem_in({"vars": {"mnth": 1}}) is None


def test_bound_names_need_not_be_given_again() -> None:
    template = compile_template("{{ vars.a }}-{{ item.b }}").bind({"vars": {"a": 1}, "env": {}})
    assert template.names == {"item"}
    assert template.bound == {"vars": {"a": 1}}
    assert template({"item": {"b": 2}}) == "1-2"


def test_a_rendered_value_is_not_rendered_again() -> None:
    assert compile_template("{{ item }}!")({"item": "{{ 1 + 1 }}"}) == "{{ 1 + 1 }}!"


def test_a_secret_taints_what_it_is_joined_into() -> None:
    scope = {"connection": {"user": "u", "token": Secret("s3cret")}}
    bearer = compile_template("Bearer {{ connection.token }}")(scope)
    basic = compile_template("{{ (connection.user ~ ':' ~ connection.token) | b64 }}")(scope)
    assert str(bearer) == str(basic) == "***"
    assert bearer.reveal() == "Bearer s3cret"
    assert basic.reveal() == "dTpzM2NyZXQ="


@pytest.mark.parametrize("text", ["{{ t | upper }}", "{{ t | tojson }}", "{{ [t] | join }}", "{{ t[0] }}", "{{ t.x }}"])
def test_a_secret_cannot_be_looked_into(text: str) -> None:
    with pytest.raises(RecipeError) as caught:
        compile_template(text)({"t": Secret("s3cret")})
    assert "s3cret" not in str(caught.value)


def test_is_template() -> None:
    assert is_template("a {{ b }}")
    assert is_template("{% if %}")
    assert not is_template('{"a": {"b": 1}} {# {%')


def test_tree() -> None:
    tree = compile_tree({"a": ["{{ x.y }}", "k", {"b": "{{ z }}!"}], "c": None, "d": "{{ n }}"})
    assert tree.names == {"x", "z", "n"}
    assert tree({"x": {"y": [1]}, "z": 2, "n": None}) == {"a": [[1], "k", {"b": "2!"}], "c": None, "d": None}


def test_tree_of_compiled_templates_leaves_texts_alone() -> None:
    tree = tree_of({"a": [compile_template("{{ x }}-{{ y }}").bind({"y": 1}), "{{ x }}"]})
    assert tree.names == {"x"}
    assert tree({"x": 2}) == {"a": ["2-1", "{{ x }}"]}
    assert tree.text == '{"a": ["{{ x }}-{{ y }}", "{{ x }}"]}'


def test_tree_without_templates_is_given_as_it_is() -> None:
    data = {"a": [1, {"b": "c"}]}
    tree = compile_tree(data)
    assert tree.is_constant
    assert tree({}) is data


def test_tree_tells_every_problem_with_its_pointer() -> None:
    with pytest.raises(RecipeError) as caught:
        compile_tree({"a": ["{{"], "b": "{{ 1 + }}"}, mark_of=lambda pointer: Mark(json.dumps(pointer)))
    assert [found.mark for found in caught.value.problems] == [Mark('["a", 0]'), Mark('["b"]')]


def test_a_plain_path_does_not_import_jinja() -> None:
    code = (
        "import sys; from runner.templating import compile_template as c; "
        "print(c('a {{ b.c }}')({'b': {'c': 1}}), 'jinja2' in sys.modules, c('{{ b | abs }}')({'b': -2}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["a", "1", "False", "2"]


@settings(max_examples=100, deadline=None)
@given(st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.lists(st.text()))
def test_a_whole_expression_gives_the_value_itself(value: object) -> None:
    assert compile_template("{{ a.b }}")({"a": {"b": value}}) is value
    assert compile_template("{{ (a | default(0)).b }}")({"a": {"b": value}}) is value
