"""What an expression over items reads from outside counts by its value: a plan sees that it has changed."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from runner.assembly.build import selector, sink_shapes
from runner.assembly.loading import load_files
from runner.assembly.run import Wishes, apply_recipe, plan_recipe
from runner.assembly.session import open_session
from runner.documents import Schema, load_schema, schema_names
from runner.engine.plan import StagePlan
from runner.engine.stop import Stop
from runner.model.item import Json
from runner.platforms.catalog import Catalog
from tests.assembly.place import PATH, write

ROOMS = {"sources": "source", "filters": "filter", "targets": "target", "checks": "checks", "sinks": "sinks"}
VALUES = {"vars": "1", "env": "1", "trigger": "1"}
READ = "vars.v ~ env.V ~ trigger.v"
REQUIRED = {
    "path": "in.jsonl",
    "key": "id",
    "argv": ["cat"],
    "min": 0.5,
    "actual": "{{ result.a }}",
    "expected": "{{ item.a }}",
    "expression": "{{ true }}",
    "value": "{{ true }}",
    "by": 0.1,
    "connection": "c",
}
PLATFORMS = ("aihub", "label_studio", "labelbox")
PROJECT = """\
apiVersion: runner/v1
kind: Project
name: t
environment: [V]
allow: {commands: [[cat]]}
connections:
"""
Fields = tuple[str, ...]


def fields(schema: Mapping[str, Json], root: Mapping[str, Json], path: Fields = ()) -> Iterator[tuple[Fields, str]]:
    """Give the path and a name of the scope of every field that may hold an expression at run time."""
    if "x-scope" in schema:
        yield path, schema["x-scope"][0]
        return
    parts = {**schema.get("properties", {}), "*": schema.get("additionalProperties"), "0": schema.get("items")}
    for name, part in parts.items():
        if isinstance(part, Mapping):
            yield from fields(part, root, (*path, name))


def over_items() -> list[tuple[str, str, Fields, str]]:
    """Return room, kind, path and scope of every such field of every kind of the house."""
    catalog = Catalog()
    kinds = [(room, name, load_schema(f"{room}/{name}")) for room in ROOMS for name in schema_names(room)]
    kinds += [
        (room, kind, Schema(kind, catalog.options_schema(room, kind) or {}))
        for room in ("sources", "targets", "sinks")
        for kind in catalog.kinds(room)
    ]
    found = [
        (room, kind, path, scope)
        for room, kind, schema in kinds
        if schema is not None
        for path, scope in fields(schema.data, schema.data)
    ]
    return [*found, ("record", "record", ("x",), "result")]


def recipe_of(room: str, kind: str, path: Fields, scope: str) -> dict[str, Json]:
    """Return a recipe with one field that reads a variable, the environment and the trigger."""
    expression = "{{ " + scope + ".a ~ " + READ + " }}"
    recipe: dict[str, Json] = {
        "apiVersion": "runner/v1",
        "kind": "Recipe",
        "name": "r",
        "vars": {"v": {"default": "1"}},
        "triggers": [{"webhook": {"path": "/hooks/r", "secret": "hook"}}],
        "source": {"jsonl": {"path": "in.jsonl"}},
        "target": {"labelbox.foundry_app": {"connection": "labelbox", "app": "x"}},
        "sinks": [{"jsonl": {"path": "out.jsonl"}}],
    }
    if room == "record":
        return {**recipe, "record": {"x": expression, "y": {"z": [expression]}}}
    if room == "filters":
        return {**recipe, "filter": {kind: expression}}
    options = _with(_required(room, kind), path, expression)
    if kind == "accuracy" and path[0] == "correct":
        options = {name: value for name, value in options.items() if name not in ("actual", "expected")}
    component = {kind: options}
    return {**recipe, ROOMS[room]: [component] if room in ("checks", "sinks") else component}


def _required(room: str, kind: str) -> dict[str, Json]:
    platform, dot, _ = kind.partition(".")
    schema = Catalog().options_schema(room, kind) if dot else getattr(load_schema(f"{room}/{kind}"), "data", {})
    names = [*(schema or {}).get("required", []), *(["connection"] if dot else [])]
    return {name: platform if name == "connection" else _value(schema or {}, name) for name in names}


def _value(schema: Mapping[str, Json], name: str) -> Json:
    rule = schema["properties"][name]
    return REQUIRED.get(name, 1 if "integer" in rule.get("type", "") else "x")


def _with(options: dict[str, Json], path: Fields, value: Json) -> dict[str, Json]:
    name, *rest = path
    if not rest:
        return {**options, name: {"text": value} if name == "asset" else value}
    if rest[0] == "0":
        return {**options, name: ["cat", value]}
    inner = options.get(name) if isinstance(options.get(name), dict) else {}
    others = dict.fromkeys(("correct", "of", "by"), "{{ item.n }}") if name == "counted" else {}
    return {**options, name: {**others, **(inner or {}), "V" if rest[0] == "*" else rest[0]: value}}


def hashes(folder: Path, values: Mapping[str, str]) -> list[Json]:
    """Return all that a plan compares, of the recipe in a folder under some values."""
    loaded = load_files(
        [folder / "r.yaml"],
        environ={"V": values["env"]},
        variables={"v": values["vars"]},
        trigger={"v": values["trigger"]},
    )
    assert not loaded.errors, [str(problem) for problem in loaded.errors]
    (stage,) = loaded.recipes[0].stages
    return [stage.work, selector(stage), stage.publish, [sink_shapes(stage.record, sink)[0] for sink in stage.sinks]]


@pytest.mark.parametrize(
    ("room", "kind", "path", "scope"),
    over_items(),
    ids=lambda value: ".".join(value) if isinstance(value, tuple) else value,
)
def test_every_value_that_an_expression_over_items_reads_counts(
    room: str, kind: str, path: Fields, scope: str, tmp_path: Path
) -> None:
    platforms = "".join(
        f"  {name}: {{platform: {name}, base_url: 'http://127.0.0.1:1', token: {{env: T}}}}\n" for name in PLATFORMS
    )
    (tmp_path / "runner.yaml").write_text(PROJECT + platforms + "secrets: {hook: {env: H}}\n")
    (tmp_path / "r.yaml").write_text(json.dumps(recipe_of(room, kind, path, scope)))
    before = hashes(tmp_path, VALUES)
    assert hashes(tmp_path, VALUES) == before
    for name in VALUES:
        assert hashes(tmp_path, {**VALUES, name: "2"}) != before, name


RECIPE = """\
vars: {most: {type: number, default: 2}}
filter: {where: "{{ item.n <= 2 }}"}
target: {command: {argv: [cat]}}
record: {n: "{{ result.n }}"}
checks: [{record: {expression: "{{ record.n > 0 }}"}}]
sinks: [{jsonl: {path: out/r.jsonl}}]
"""


def planned(folder: Path, most: int, *, apply: bool = False) -> StagePlan:
    """Return the plan of the recipe in a folder, and apply it."""

    async def work() -> StagePlan:
        loaded = load_files([folder / "r.yaml"], environ={}, variables={"most": str(most)})
        assert not loaded.errors, loaded.errors
        async with open_session(loaded.project, loaded.recipes, loaded.catalog, environ=PATH) as session:
            (found,) = await plan_recipe(session, loaded.recipes[0])
            if apply:
                async for applied in apply_recipe(session, loaded.recipes[0], Stop(), Wishes()):
                    assert applied.report is not None and applied.report.outcome == "done"
            return found.plan

    return asyncio.run(work())


@pytest.mark.parametrize(
    ("old", "new", "changed"),
    [
        ("item.n <= 2", "item.n <= vars.most", "items"),
        ('"{{ result.n }}"', '"{{ result.n * vars.most }}"', "sinks"),
        ("record.n > 0", "record.n > 0 - vars.most", "checks"),
    ],
)
def test_a_plan_sees_another_value_and_an_apply_makes_it_true(old: str, new: str, changed: str, tmp_path: Path) -> None:
    write(tmp_path, RECIPE.replace(old, new))
    (tmp_path / "in.jsonl").write_text("".join(f'{{"id": "k{number}", "n": {number}}}\n' for number in range(1, 6)))
    assert planned(tmp_path, 2, apply=True).to_submit == 2
    assert not planned(tmp_path, 2).has_work
    plan = planned(tmp_path, 4, apply=True)
    due = {"items": bool(plan.to_submit), "sinks": plan.sinks[0].action == "write", "checks": plan.checks_change}
    expected = {"items": {"items", "sinks"}, "sinks": {"sinks", "checks"}, "checks": {"checks"}}[changed]
    assert {name for name, value in due.items() if value} == expected
    rows = [json.loads(line)["n"] for line in (tmp_path / "out/r.jsonl").read_text().splitlines()]
    assert rows == {"items": [1, 2, 3, 4], "sinks": [4, 8], "checks": [1, 2]}[changed]
    assert not planned(tmp_path, 4).has_work
