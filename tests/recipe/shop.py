"""A catalog of two made-up platforms, and the short way to load recipes for tests."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from runner.model.item import Json
from runner.model.problem import Problem
from runner.model.recipe import Recipe
from runner.recipe import load_project, load_recipes
from tests.allowed import commands_in

TEXT = {"type": "string"}
OPTIONS: Mapping[str, Mapping[str, Json]] = {
    "sources": {"shop.rows": {"table": TEXT}},
    "targets": {"shop.app": {"app": TEXT, "version": TEXT, "prompt": {"type": "string", "x-scope": ["item"]}}},
    "sinks": {"shop.send": {"table": TEXT}},
    "triggers": {"shop.hook": {"event": TEXT}},
    "notifiers": {"shop.status": {"run": TEXT}},
}
REQUIRED = {"shop.app": ["app"]}


class Shop:
    """Fulfils `Catalog`."""

    def __init__(self, version: str = "1") -> None:
        self._version = version

    def kinds(self, room: str) -> list[str]:
        return sorted(OPTIONS.get(room, {}))

    def is_faulty(self, name: str) -> bool:
        return False

    def options_schema(self, room: str, kind: str) -> Mapping[str, Json] | None:
        fields = OPTIONS.get(room, {}).get(kind)
        required = REQUIRED.get(kind, [])
        shape = {"type": "object", "additionalProperties": False, "required": required, "properties": fields}
        return None if fields is None else shape

    def connection_schema(self, platform: str) -> Mapping[str, Json] | None:
        fields = {"token": {"type": "string", "x-secret": True}, "base_url": TEXT, "retries": {"type": "integer"}}
        if platform not in ("shop", "market"):
            return None
        return {"type": "object", "additionalProperties": False, "required": ["token"], "properties": fields}

    def sent_defaults(self, kind: str) -> dict[str, Json]:
        return {}

    def first_digest(self, kind: str) -> str:
        return self.digest(kind)

    def digest(self, kind: str) -> str:
        return f"{kind} {self._version}"


def load(*paths: Path, profile: str | None = None, **more: Json) -> tuple[list[Recipe], list[Problem]]:
    """Load with the shop's catalog, all commands allowed; `more` is passed on to `load_recipes`."""
    environ = more.pop("environ", {})
    loaded = load_project(paths, profile=profile, environ=environ)
    commands = [*loaded.project.commands, *commands_in(*paths)]
    loaded = replace(loaded, project=replace(loaded.project, commands=commands))
    settings = {"vars": {}, "catalog": Shop(), **more}
    return load_recipes(loaded, list(paths), environ=environ, **settings)


HEAD = "apiVersion: runner/v1\nkind: Recipe\nname: r\n"
BODY = "source: {jsonl: {path: in.jsonl}}\ntarget: {command: {argv: [cat]}}\n"


def load_text(folder: Path, text: str, **more: Json) -> tuple[list[Recipe], list[Problem]]:
    """Load one recipe from the text behind its head."""
    path = folder / "r.yaml"
    path.write_text(HEAD + text)
    return load(path, **more)


def one(folder: Path, text: str = "", **more: Json) -> Recipe:
    """Load one recipe that must be right; what the text does not set is a small source and target."""
    body = "".join(f"{line}\n" for line in BODY.splitlines() if line.split(":")[0] + ":" not in text)
    (recipe,), problems = load_text(folder, body + text, **more)
    assert not [problem for problem in problems if problem.severity == "error"], problems
    return recipe
