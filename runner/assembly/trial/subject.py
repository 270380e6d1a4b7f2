"""The recipe of a case: the user's own, or one made around the target of a manifest, with the items of the case."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from runner.assembly.loading import Loaded, load_files, waits_for_trigger
from runner.assembly.trial.document import Case, Trial
from runner.assembly.trial.stands import SECRET
from runner.documents import Pointer, read, to_yaml
from runner.model.errors import ConfigError, RecipeError
from runner.model.item import Json
from runner.model.problem import Mark, Problem
from runner.model.recipe import Component, Recipe, RunOptions, Stage
from runner.platforms import load_manifest
from runner.recipe.options import run_options

_HEAD: Final = {"apiVersion": "runner/v1", "kind": "Project", "name": "trial"}
_MADE: Final = "trial.yaml"
_SET_LATER: Final = "http://stand.invalid"


def subject_of(trial: Trial, case: Case, place: Path, environ: Mapping[str, str], *, is_trusted: bool = True) -> Loaded:
    """Load what the case is about, in a project that neither keeps nor tells anything.

    Args:
        trial: the document.
        case: one of its cases.
        place: an empty folder for what is made.
        environ: what templates read as `env`.
        is_trusted: whether what lies outside the project may be read.

    Returns:
        One recipe, without sinks and notifiers, whose source gives the items of the case.

    Raises:
        RecipeError: recipe, manifest, or what the case says of them is wrong.
        ConfigError: the case leaves something open that the recipe needs.
    """
    if trial.is_about_platform:
        loaded = _around(trial, case, place, environ)
    else:
        loaded = load_files([trial.subject], environ=environ, variables=trial.vars, trigger=trial.trigger or None)
    if loaded.errors:
        raise RecipeError(loaded.errors)
    if not loaded.recipes:
        raise ConfigError(f"{trial.subject} is no recipe", mend="name another file in the test: recipe: FILE")
    recipe = _overlaid(loaded.recipes[-1], trial, case, place)
    _refuse_open_ends(recipe)
    outside = [*loaded.project.allowed, *_folders(trial, case)] if is_trusted else []
    project = replace(
        loaded.project,
        ledger="memory:",
        state=place / ".runner",
        allowed=[*outside, place],
        freeze=(),
    )
    return replace(loaded, project=project, recipes=[recipe])


def _refuse_open_ends(recipe: Recipe) -> None:
    if waits_for_trigger(recipe):
        mend = "give what would have: trigger: {NAME: VALUE} in the test"
        raise ConfigError(f"{recipe.name} reads what triggers it, and nothing has", mend=mend)
    if any(stage.source.kind == "recipe" for stage in recipe.stages):
        raise ConfigError(f"{recipe.name} reads the records of another recipe", mend="give the case items")


def _folders(trial: Trial, case: Case) -> Sequence[Path]:
    return [] if case.files is None else [Path(os.path.realpath(trial.folder / case.files))]


def _around(trial: Trial, case: Case, place: Path, environ: Mapping[str, str]) -> Loaded:
    """Write a project with one recipe, and load it; what leads to the platform is set by the stand later."""
    manifest = load_manifest(trial.subject)
    (place / "platforms").mkdir()
    (place / "platforms" / f"{manifest.name}.yaml").write_bytes(trial.subject.read_bytes())
    fields = {name: _placeholder(each.type) for name, each in manifest.connection.fields.items() if each.required}
    connection = {manifest.name: {"platform": manifest.name, **fields, **trial.connection}}
    (place / "runner.yaml").write_text(to_yaml({**_HEAD, "connections": connection}), encoding="utf-8")
    target = {kind: {"connection": manifest.name, **options} for kind, options in (case.target or {}).items()}
    source = {"jsonl": {"path": "items.jsonl", "key": "id"}}
    path = place / _MADE
    path.write_text(to_yaml({**_HEAD, "kind": "Recipe", "source": source, "target": target}), encoding="utf-8")
    loaded = load_files([path], environ=environ)
    problems = [_told(problem, trial, case, place) for problem in loaded.problems]
    return replace(loaded, problems=problems)


def _placeholder(kind: str) -> Json:
    return {"secret": {"env": SECRET}, "integer": 1, "number": 1, "boolean": False}.get(kind, _SET_LATER)


def _told(problem: Problem, trial: Trial, case: Case, place: Path) -> Problem:
    """Return a problem of the recipe that was made, with its place in the document that the user wrote."""
    if problem.mark is None or not Path(problem.mark.file).is_relative_to(place):
        return problem
    made, user = read(Path(problem.mark.file)), trial.document
    mark = trial.mark(case, ("target",))
    for at in _inside(case.target, ("target",)):
        if made.key_mark_of(at) == problem.mark:
            mark = user.key_mark_of((*case.at, *at))
        elif made.mark_of(at) == problem.mark:
            mark = user.mark_of((*case.at, *at))
    return replace(problem, mark=mark)


def _inside(value: Json, at: Pointer) -> Iterator[Pointer]:
    yield at
    if isinstance(value, Mapping):
        for name, inner in value.items():
            yield from _inside(inner, (*at, name))
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from _inside(inner, (*at, number))


def _overlaid(recipe: Recipe, trial: Trial, case: Case, place: Path) -> Recipe:
    stages = [replace(stage, sinks=()) for stage in recipe.stages]
    source = _source(trial, case, place)
    if source is not None:
        stages = [replace(stage, source=source) for stage in stages]
    if case.keys is not None:
        keys = _component("keys", {"keys": list(case.keys)}, trial.mark(case, ("keys",)))
        stages = [replace(stage, filters=[keys, *stage.filters]) for stage in stages]
    return replace(recipe, stages=stages, run=_run(recipe.run, case.run), notify=())


def _source(trial: Trial, case: Case, place: Path) -> Component | None:
    """Return what the case has in the place of the source; None when the recipe's own source is read."""
    if case.files is not None:
        folder = os.path.realpath(trial.folder / case.files)
        return _component("files", {"path": folder}, trial.mark(case, ("files",)))
    if case.items is None:
        return None
    path = place / "items.jsonl"
    path.write_text("".join(f"{json.dumps(item, ensure_ascii=False)}\n" for item in case.items), encoding="utf-8")
    return _component("jsonl", {"path": str(path), "key": case.key}, trial.mark(case, ("items",)))


def _component(kind: str, options: Mapping[str, Json], mark: Mark) -> Component:
    return Component(kind, options, mark, options)


def _run(below: RunOptions, given: Mapping[str, Json]) -> RunOptions:
    """Lay the case's `run` over the recipe's; `poll` and `budget` field by field."""
    above = run_options(given)
    poll = {f"{name}_s" if name != "factor" else name for name in given.get("poll", {})}
    whole = {f"{name}_s" if name in ("timeout", "deadline", "max_pause") else name for name in given} - {
        "poll",
        "budget",
    }
    return replace(
        below,
        **{name: getattr(above, name) for name in whole},
        poll=replace(below.poll, **{name: getattr(above.poll, name) for name in poll}),
        budget=replace(below.budget, **given.get("budget", {})),
    )


def platforms_of(recipe: Recipe) -> Sequence[str]:
    """Return the platforms that a recipe without sinks reaches."""
    return sorted({part.platform for stage in recipe.stages for part in parts_of(stage) if part.platform is not None})


def parts_of(stage: Stage) -> Iterator[Component]:
    """Return the parts of a stage that a case runs."""
    yield from (stage.source, stage.target, *stage.filters, *stage.checks)
