"""What is wrong with a trial beyond what its schema says: parts that do not go together, cases that try nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import TypeAlias

from runner.documents import Document, Pointer, load_schema, problems_of
from runner.documents.schemas import Schema
from runner.model.item import Json
from runner.model.problem import Problem

Value: TypeAlias = Mapping[str, Json]


def judged(document: Document, *, is_about_platform: bool) -> Iterator[Problem]:
    """Give what is wrong with a document that fits its schema."""
    if "recipe" in document.value and "platform" in document.value:
        what = "a test is about a recipe or about a platform"
        yield Problem("two-subjects", what, document.key_mark_of(("platform",)), "leave one of them out")
    yield from _doubles(document)
    rules = _FOR_PLATFORM if is_about_platform else _FOR_RECIPE
    for number, case in enumerate(document.value["cases"]):
        for rule in (*rules, *_FOR_BOTH):
            yield from rule(document, ("cases", number), case)


def _doubles(document: Document) -> Iterator[Problem]:
    first: dict[str, int] = {}
    for number, case in enumerate(document.value["cases"]):
        before = first.setdefault(case["name"], number)
        if before != number:
            mark, other = (document.mark_of(("cases", each, "name")) for each in (number, before))
            yield Problem(
                "not-unique", f"two cases are named {case['name']!r}", mark, "rename one of them", other=other
            )


def _of_a_platform(document: Document, at: Pointer, case: Value) -> Iterator[Problem]:
    if "target" not in case:
        mend = "say which target is tried, with its options: target: {acme.ocr: {mode: fast}}"
        yield Problem("missing-field", "a case about a manifest needs a target", document.mark_of(at), mend)
    if not ("items" in case or "files" in case):
        mend = "add items: [{id: a, ...}], or files: FOLDER"
        yield Problem("missing-field", "a case about a manifest needs items or files", document.mark_of(at), mend)
    for name in ("vars", "trigger"):
        if name in document.value:
            yield Problem("unknown-field", f"a manifest has no {name}", document.key_mark_of((name,)), "leave it out")


def _of_a_recipe(document: Document, at: Pointer, case: Value) -> Iterator[Problem]:
    for name in ("target", "promises"):
        if name in case:
            mend = "leave it out, or name a manifest: platform: FILE"
            yield Problem(
                "unknown-field", f"{name} is for a test of a manifest", document.key_mark_of((*at, name)), mend
            )


def _together(document: Document, at: Pointer, case: Value) -> Iterator[Problem]:
    for one, other in (("items", "files"), ("recorded", "emulator")):
        if one in case and other in case:
            what = f"a case has {one} or {other}, not both"
            yield Problem("invalid-value", what, document.key_mark_of((*at, other)), "leave one of them out")
    if "recorded" in case and "accepted" in case.get("expect", {}):
        mark = document.key_mark_of((*at, "expect", "accepted"))
        mend = "leave it out: a request that is sent too often shows as unexpected"
        yield Problem("invalid-value", "accepted is counted by emulators only", mark, mend)


def _filed(document: Document, at: Pointer, case: Value) -> Iterator[Problem]:
    folder = Path(document.file).parent / str(case.get("files", "."))
    if not folder.is_dir():
        mark = document.mark_of((*at, "files"))
        mend = "paths start at the folder of the test"
        yield Problem("unreadable-file", f"there is no folder {str(folder)!r}", mark, mend)


def _keyed(document: Document, at: Pointer, case: Value) -> Iterator[Problem]:
    key = case.get("key", "id")
    for number, item in enumerate(case.get("items", ())):
        if key not in item:
            mark = document.mark_of((*at, "items", number))
            mend = f"add {key}, or name the field that names the items: key: FIELD"
            yield Problem("missing-field", f"the item has no {key!r}", mark, mend)


def _runnable(document: Document, at: Pointer, case: Value) -> Iterator[Problem]:
    if "run" in case:
        yield from problems_of(_run_schema(), case["run"], document, (*at, "run"), noun="run")


@cache
def _run_schema() -> Schema:
    recipe = load_schema("recipe")
    if recipe is None:
        raise FileNotFoundError("schemas/recipe.json is not where the program was installed")
    definitions = recipe.data["definitions"]
    return Schema("run", {**definitions["run"], "definitions": definitions})


_Rule: TypeAlias = Callable[[Document, Pointer, Value], Iterator[Problem]]

_FOR_PLATFORM: tuple[_Rule, ...] = (_of_a_platform,)
_FOR_RECIPE: tuple[_Rule, ...] = (_of_a_recipe,)
_FOR_BOTH: tuple[_Rule, ...] = (_together, _filed, _keyed, _runnable)
