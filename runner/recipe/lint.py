"""What no schema can see: names that are used twice, circles, things that are not there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from runner.documents import Document
from runner.model.item import Json
from runner.model.problem import Mark, Problem, Severity
from runner.model.recipe import Component, Recipe
from runner.model.suggestion import did_you_mean
from runner.recipe.kinds import Kinds
from runner.recipe.order import circle, ordered


def duplicate_names(documents: Sequence[Document]) -> Iterator[Problem]:
    """Give a problem for every recipe whose name an earlier file has."""
    first: dict[str, Mark] = {}
    for document in documents:
        name = document.value.get("name") if isinstance(document.value, dict) else None
        if not isinstance(name, str):
            continue
        mark = document.mark_of(("name",))
        if name in first:
            what = f'there is already a recipe "{name[:80]}"'
            yield Problem("duplicate-recipe", what, mark, "give it another name", other=first[name])
        else:
            first[name] = mark


def unknown_vars(documents: Sequence[Document], given: Mapping[str, str]) -> Iterator[Problem]:
    """Give a problem for every `--var` that no recipe declares."""
    known: set[str] = set()
    for document in documents:
        declared = document.value.get("vars") if isinstance(document.value, dict) else None
        known.update(declared if isinstance(declared, dict) else ())
    for name in given:
        if name not in known:
            mend = did_you_mean(name, sorted(known), "Variables")
            yield Problem("unknown-var", f'no recipe declares the variable "{name[:80]}"', None, mend)


def unknown_secrets(recipes: Sequence[Recipe], kinds: Kinds, known: Sequence[str]) -> Iterator[Problem]:
    """Give a problem for every trigger that is signed with a secret which the project does not have."""
    for trigger in (trigger for recipe in recipes for trigger in recipe.triggers):
        schema = kinds.schema("triggers", trigger.kind)
        field = schema.data["properties"].get("secret", {}) if schema is not None else {}
        name = trigger.plain.get("secret", field.get("default"))
        if isinstance(name, str) and name not in known:
            what = f'there is no secret "{name[:80]}" in runner.yaml'
            mend = did_you_mean(name, sorted(known), "Secrets") if known else ""
            mend = mend or f"add to runner.yaml: secrets: {{{name[:80]}: {{env: VARIABLE}}}}"
            yield Problem("unknown-secret", what, trigger.mark, mend)


def between_recipes(recipes: Sequence[Recipe], documents: Sequence[Document]) -> tuple[list[Recipe], list[Problem]]:
    """Sort the recipes so that each follows those whose records it reads; return them and the problems.

    Args:
        recipes: the usable ones.
        documents: of all recipes; a recipe that reads a faulty one is not reported itself.
    """
    given = {document.value.get("name") for document in documents if isinstance(document.value, dict)}
    by_name: dict[str, Recipe] = {}
    for recipe in recipes:
        by_name.setdefault(recipe.name, recipe)
    needs: dict[str, list[str]] = {name: [] for name in by_name}
    problems: list[Problem] = []
    for recipe in by_name.values():
        for source in _recipe_sources(recipe):
            name = source.options.get("name")
            if name in by_name:
                needs[recipe.name].append(str(name))
                problems += _stage_problems(source, by_name[str(name)])
            elif name not in given:
                problems.append(_not_among(source, str(name), list(by_name)))
    if found := circle(needs):
        mark = _recipe_sources(by_name[found[0]])[0].mark
        what = f"the recipes read each other in a circle: {' -> '.join(found)}"
        return list(recipes), [*problems, Problem("cyclic-recipes", what, mark, "let one of them read something else")]
    return [by_name[name] for name in ordered(needs)], problems


def _recipe_sources(recipe: Recipe) -> list[Component]:
    sources = {id(stage.source): stage.source for stage in recipe.stages}
    return [source for source in sources.values() if source.kind == "recipe"]


def _stage_problems(source: Component, other: Recipe) -> Iterator[Problem]:
    wanted: Json = source.options.get("stage")
    known = [stage.name for stage in other.stages]
    if wanted and wanted not in known:
        mend = did_you_mean(str(wanted), known, "Stages")
        yield Problem("unknown-stage", f'the recipe "{other.name}" has no stage "{wanted}"', source.mark, mend)


def _not_among(source: Component, name: str, known: list[str]) -> Problem:
    what = f'the recipe "{name[:80]}" is not among the files given'
    mend = did_you_mean(name, known, "Recipes")
    return Problem("unknown-recipe", what, source.mark, mend, Severity.WARNING)
