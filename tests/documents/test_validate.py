"""Schemas: quick shapes that agree with the library, and problems that help."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runner.documents import Schema, parse, problems_of
from runner.documents.shapes import compile_shape

SCHEMA = Schema(
    "test",
    {
        "type": "object",
        "required": ["path"],
        "additionalProperties": False,
        "properties": {
            "path": {"type": "string", "minLength": 1, "examples": ["data/a.csv"]},
            "glob": {"type": "string"},
            "mode": {"enum": ["fast", "slow"]},
            "ratio": {"type": "number", "minimum": 0, "maximum": 1},
            "count": {"type": "integer", "minimum": 1},
            "flag": {"type": "boolean"},
            "names": {"type": "array", "items": {"type": "string"}, "uniqueItems": True, "minItems": 1},
            "nested": {"type": "object", "additionalProperties": False, "properties": {"field": {"type": "integer"}}},
            "map": {
                "type": "object",
                "propertyNames": {"pattern": "^[a-z]+$"},
                "additionalProperties": {"type": "integer"},
            },
            "month": {"type": "string", "pattern": r"^\d{4}-\d{2}$", "examples": ["2026-08"]},
            "either": {"anyOf": [{"type": "string"}, {"type": "object", "properties": {"k": {"type": "integer"}}}]},
        },
    },
)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "globb: x\npath: x",
            '1:1: error[unknown-field]: source files has no field "globb"\n    mend: did you mean "glob"?',
        ),
        (
            "glob: x",
            '1:1: error[missing-field]: source files needs the field "path"\n    mend: for example path: "data/a.csv"',
        ),
        (
            "path: 3.20",
            '1:7: error[wrong-type]: source files: "path" must be a text, not the number 3.2\n'
            '    mend: put it in quotes: "3.20"',
        ),
        ("path:", "must be a text, not null\n    mend: give a value, or leave the field out"),
        ("path: ''", "error[out-of-range]"),
        (
            "path: x\nmode: fats",
            '2:7: error[not-one-of]: source files: "mode" cannot be "fats"\n'
            '    mend: did you mean "fast"? Values: fast, slow',
        ),
        ("path: x\nratio: 1.5", '2:8: error[out-of-range]: source files: "ratio" must be at most 1, not 1.5'),
        ("path: x\ncount: '5'", "mend: write 5 without quotes"),
        ("path: x\ncount: 1_000", "mend: write 1000 without quotes"),
        ("path: x\ncount: true", "must be a whole number, not true"),
        ("path: x\nflag: yes", "mend: write true"),
        ("path: x\nflag: off", "mend: write false"),
        ("path: x\nnames: a", "mend: make it a list: [a]"),
        ("path: x\nnames: [a, b, a]", '2:15: error[not-unique]: source files: "names" holds "a" twice'),
        ("path: x\nnested: {filed: 1}", '2:10: error[unknown-field]: source files nested has no field "filed"'),
        ("path: x\nmap: {A1: 1}", '2:7: error[bad-pattern]: source files: "map": "A1" does not have the right form'),
        ("path: x\nmonth: 2026-8", 'for example "2026-08"'),
        ("path: x\neither: 3", "error[wrong-type]"),
        ("path: x\neither: {k: a}", '2:13: error[wrong-type]: source files: "either.k" must be a whole number'),
        ("[path]", "1:1: error[wrong-type]: source files must be an object, not a list"),
    ],
)
def test_problem(text: str, said: str) -> None:
    document = parse(text, "f.yaml")
    (problem,) = problems_of(SCHEMA, document.value, document, noun="source files")
    assert said in str(problem)


@pytest.mark.parametrize(
    ("text", "mend"),
    [
        ("{path: 3.20}", 'put it in quotes: "3.20"'),
        ("{path: 7, mode: fast}", 'put it in quotes: "7"'),
        ("path: x\neither: {k: 1}\nglob: 7 # {", 'put it in quotes: "7"'),
        ("{mode: fast,\n path: 7,\n count: 1}", 'put it in quotes: "7"'),
        ("{path: x, names: a, count: 1}", "make it a list: [a]"),
        ("{path: x, names: 'a}'}", "make it a list: ['a}']"),
        ("path: x\nnames: a, b", "make it a list: [a, b]"),
    ],
)
def test_what_to_write_is_the_value_alone(text: str, mend: str) -> None:
    document = parse(text, "f.yaml")
    (problem,) = problems_of(SCHEMA, document.value, document, noun="source files")
    assert problem.mend == mend


def test_all_problems_in_order_of_the_file() -> None:
    document = parse("mode: x\nglobb: 1\ncount: 0", "f.yaml")
    found = problems_of(SCHEMA, document.value, document, noun="source files")
    assert [problem.slug for problem in found] == ["missing-field", "not-one-of", "unknown-field", "out-of-range"]


def test_thousands_of_problems_are_cut_off() -> None:
    fields = "".join(f"{name}{number}: 1\n" for name in ("a", "b") for number in range(30_000))
    document = parse(f"path: x\nmap:\n  A: 1\n{fields}", "f.yaml")
    found = problems_of(SCHEMA, document.value, document, noun="x")
    assert (len(found), found[-1].slug) == (2001, "too-many-problems")
    assert parse("a: 1\n" * 10_000, "f.yaml").problems[-1].slug == "too-many-problems"


def test_a_template_passes_as_any_scalar() -> None:
    text = "{path: '{{ a }}', mode: '{{ a }}', ratio: '{{ a }}', flag: '{{ a }}', month: '{{ a }}', names: ['{{ a }}']}"
    document = parse(text, "f.yaml")
    assert SCHEMA.fits(document.value)
    document = parse(text[:-1] + ", globb: 1, count: '{{ b }}'}", "f.yaml")
    (problem,) = problems_of(SCHEMA, document.value, document, noun="x")
    assert problem.slug == "unknown-field"


def test_a_schema_may_refer_to_itself() -> None:
    tree = {"definitions": {"n": {"type": "object", "additionalProperties": {"$ref": "#/definitions/n"}}}}
    shape = compile_shape({**tree, "$ref": "#/definitions/n"})
    assert shape({"a": {"b": {}}})
    assert not shape({"a": {"b": 1}})


def test_a_schema_may_choose_by_what_is_there() -> None:
    choice = {"if": {"required": ["modes"]}, "then": {"required": ["mode"]}, "else": {"required": ["submit"]}}
    shape, library = compile_shape(choice), jsonschema.Draft7Validator(choice)
    for value in ({}, {"modes": 1}, {"modes": 1, "mode": 1}, {"submit": 1}, [], 1):
        assert shape(value) == library.is_valid(value)
    assert not compile_shape({**choice, "if": {"properties": {"a": {"const": 1}}}})({"submit": 1})


@pytest.mark.parametrize(
    "schema", [{"if": {}}, {"type": "strnig"}, {"pattern": "("}, {"$ref": "x.json"}, {"items": [1]}]
)
def test_a_schema_that_is_not_understood_is_never_sure(schema: dict[str, Any]) -> None:
    assert not compile_shape(schema)({})


SCHEMAS = sorted((Path(__file__).parents[2] / "schemas").rglob("*.json"))
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 2) | st.sampled_from([0.5, 1.0, "", "a", "fast", "2026-08", "x-y"]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["path", "k", "A", "mode", "ab"]), inner)
    ),
    max_leaves=6,
)
FIELDS = st.dictionaries(st.sampled_from(sorted(SCHEMA.data["properties"])), VALUES, max_size=4)


@settings(max_examples=600, deadline=None)
@given(FIELDS)
def test_a_shape_is_never_sure_of_what_the_library_refuses(value: dict[str, Any]) -> None:
    is_valid = jsonschema.Draft7Validator(SCHEMA.data).is_valid(value)
    if SCHEMA.fits(value):
        assert is_valid
    elif is_valid:
        assert any(one == 1.0 for one in _leaves(value)) or "names" in value


def _leaves(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return [leaf for one in value.values() for leaf in _leaves(one)]
    return [leaf for one in value for leaf in _leaves(one)] if isinstance(value, list) else [value]


@pytest.mark.parametrize("path", SCHEMAS, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_schema_of_the_house_is_a_schema_and_its_examples_fit(path: Path) -> None:
    data = json.loads(path.read_text())
    jsonschema.Draft7Validator.check_schema(data)
    for example in data.get("examples", []):
        assert Schema(path.stem, data).fits(example), example


def _mutated(value: Any, draw: st.DrawFn) -> Any:
    """Return a value with one part of it replaced, renamed or left out."""
    if isinstance(value, dict) and value and draw(st.booleans()):
        name = draw(st.sampled_from(sorted(value)))
        rest = {key: one for key, one in value.items() if key != name}
        fate = draw(st.integers(0, 2))
        return rest if fate == 0 else {**rest, (f"{name}x" if fate == 1 else name): _mutated(value[name], draw)}
    if isinstance(value, list) and value and draw(st.booleans()):
        at = draw(st.integers(0, len(value) - 1))
        return [*value[:at], _mutated(value[at], draw), *value[at + draw(st.integers(0, 1)) :]]
    return draw(VALUES)


@pytest.mark.parametrize("path", SCHEMAS, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_shapes_of_the_house_are_never_sure_of_what_the_library_refuses(path: Path) -> None:
    data = json.loads(path.read_text())
    fields = {name: field["examples"][0] for name, field in data.get("properties", {}).items() if field.get("examples")}
    plain = _without_rooms(data)
    schema, library = Schema(path.stem, plain), jsonschema.Draft7Validator(plain)
    examples = plain.get("examples", [])

    @settings(max_examples=60, deadline=None)
    @given(data=st.data())
    def agree(data: st.DataObject) -> None:
        start = data.draw(st.sampled_from([fields, *examples]))
        value = data.draw(st.composite(lambda draw: _mutated(start, draw))())
        if schema.fits(value) and "{{" not in json.dumps(value):
            assert library.is_valid(value)

    agree()


def _without_rooms(data: Any) -> Any:
    """Return a schema whose references to other files are gone: they are checked kind by kind."""
    if isinstance(data, dict):
        is_foreign = not str(data.get("$ref", "#")).startswith("#")
        return {} if is_foreign else {name: _without_rooms(one) for name, one in data.items()}
    return [_without_rooms(one) for one in data] if isinstance(data, list) else data
