"""A loaded recipe as plain data, for `runner render`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict

from runner.model.item import Json
from runner.model.recipe import Component, Recipe, Stage
from runner.recipe.scopes import plain


def shown(recipe: Recipe) -> dict[str, Json]:
    """Return what a recipe became: defaults filled, variables in place, run-time expressions as their text.

    No secret can stand in it: a recipe names connections only.
    """
    data: dict[str, Json] = {"name": recipe.name, "path": recipe.path}
    for name in ("description", "labels", "vars", "trigger"):
        if value := getattr(recipe, name):
            data[name] = value
    data["run"] = asdict(recipe.run)
    data["stages"] = [_stage(stage) for stage in recipe.stages]
    for name, components in (("triggers", recipe.triggers), ("notify", recipe.notify)):
        if components:
            data[name] = _all(components)
    return data


def _stage(stage: Stage) -> dict[str, Json]:
    data: dict[str, Json] = {"name": stage.name} if stage.name else {}
    if stage.needs:
        data["needs"] = list(stage.needs)
    data["source"] = _one(stage.source)
    data["filter"] = _filter(stage)
    data["target"] = _one(stage.target)
    if stage.record is not None:
        data["record"] = plain(dict(stage.record))
    data["checks"] = _all(stage.checks)
    data["sinks"] = _all(stage.sinks)
    if stage.allow_empty:
        data["allow_empty"] = True
    return {**data, "work": str(stage.work), "publish": stage.publish}


def _filter(stage: Stage) -> dict[str, Json]:
    data: dict[str, Json] = {} if stage.subset is None else {"subset": stage.subset.plain}
    data["skip"] = stage.skip
    for one in stage.filters:
        data[one.kind] = one.plain
    return data


def _one(component: Component) -> Mapping[str, Json]:
    return {component.kind: component.plain}


def _all(components: Sequence[Component]) -> list[Mapping[str, Json]]:
    return [_one(one) for one in components]
