"""Durations, orders, and the schemas that the recipe's schema points to."""

import json
from pathlib import Path

import pytest

from runner.documents import load_schema, schema_names
from runner.recipe.order import circle, ordered

SCHEMAS = Path(__file__).parents[2] / "schemas"


def test_order() -> None:
    needs = {"d": ["b", "c"], "b": ["a"], "c": ["a"], "a": [], "e": ["elsewhere"]}
    assert ordered(needs) == ["a", "b", "c", "d", "e"]
    assert circle(needs) == []


@pytest.mark.parametrize(
    ("needs", "names"),
    [({"a": ["a"]}, ["a", "a"]), ({"x": ["a"], "a": ["b"], "b": ["c"], "c": ["a"]}, ["a", "b", "c", "a"])],
)
def test_circle(needs: dict[str, list[str]], names: list[str]) -> None:
    assert circle(needs) == names


@pytest.mark.parametrize("room", ["sources", "filters", "targets", "checks", "sinks", "triggers"])
def test_the_schema_of_recipes_names_every_kind(room: str) -> None:
    text = (SCHEMAS / "recipe.json").read_text()
    named = [kind for kind in schema_names(room) if json.dumps(f"{room}/{kind}.json") in text]
    assert named == list(schema_names(room))


def _undescribed(data: object, path: str) -> list[str]:
    if not isinstance(data, dict):
        return []
    fields = data.get("properties", {})
    wanted = ("title", "description", "examples")
    bare = [
        f"{path}.{name}" for name, field in fields.items() if "$ref" not in field and not all(map(field.get, wanted))
    ]
    inner = {**fields, **data.get("definitions", {}), "items": data.get("items")}
    return bare + [one for name, field in inner.items() for one in _undescribed(field, f"{path}.{name}")]


@pytest.mark.parametrize("name", ["recipe", "project"])
def test_every_field_is_described(name: str) -> None:
    schema = load_schema(name)
    assert schema is not None
    assert _undescribed(schema.data, name) == []
