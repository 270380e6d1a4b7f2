"""`--select`: which of the loaded recipes are meant.

A wish is a name or glob, a label (`team` or `team=ocr`), `changed:REF`, or `state:pending|held|failed`; wishes joined
by commas must all fit, several `--select` are alternatives.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from fnmatch import fnmatchcase
from typing import Final

import click

from runner.assembly.loading import Loaded
from runner.cli.options import Asked
from runner.model.recipe import Recipe

STATES: Final = {"pending": ("new", "in_job"), "held": ("held",), "failed": ("failed",)}
"""State to the statuses of items that it means, as in `ItemStatus` (whose module is not needed for anything else)."""

Fits = Callable[[Recipe], bool]


def chosen(loaded: Loaded, asked: Asked) -> Sequence[Recipe]:
    """Return the recipes that fit one of the selections; all without any.

    Raises:
        click.UsageError: a state is not known.
        UsageError: `changed:` names no commit.
        ConfigError: there is no Git work tree.
    """
    if not asked.select:
        return loaded.recipes
    alternatives = [[_fits(wish.strip(), loaded, asked) for wish in text.split(",")] for text in asked.select]
    return [recipe for recipe in loaded.recipes if any(all(fits(recipe) for fits in wishes) for wishes in alternatives)]


def is_question(asked: Asked) -> bool:
    """Whether it is all right that nothing is selected: every selection asks what changed, or how recipes stand."""
    return bool(asked.select) and all("changed:" in text or "state:" in text for text in asked.select)


def _fits(wish: str, loaded: Loaded, asked: Asked) -> Fits:
    method, colon, value = wish.partition(":")
    if colon and method == "changed":
        names = _changed(loaded, asked, value)
        return lambda recipe: recipe.name in names
    if colon and method == "state":
        if value not in STATES:
            raise click.UsageError(f'--select "{wish}": the states are {", ".join(STATES)}')
        import asyncio  # start-up: only when asked for

        names = asyncio.run(_in_state(loaded, value, emulate=asked.emulate))
        return lambda recipe: recipe.name in names
    label, equals, text = wish.partition("=")
    if equals:
        return lambda recipe: recipe.labels.get(label) == text
    return lambda recipe: fnmatchcase(recipe.name, wish) or wish in recipe.labels


def _changed(loaded: Loaded, asked: Asked, ref: str) -> frozenset[str]:
    from runner.gitops.changed import changed_recipes, reloading  # start-up: only when asked for

    return changed_recipes(loaded, ref, reloading(os.environ, dict(asked.variables), asked.profile))


async def _in_state(loaded: Loaded, state: str, *, emulate: bool) -> frozenset[str]:
    from runner.assembly.session import open_session  # start-up: only when asked for

    found = set()
    async with open_session(loaded.project, loaded.known, loaded.catalog, emulate=emulate) as session:
        ledger = await session.ledger()
        for recipe in loaded.recipes:
            for stage in recipe.stages:
                counts = await ledger.counts(session.scope(recipe, stage.name))
                if any(counts.get(status) for status in STATES[state]):
                    found.add(recipe.name)
    return frozenset(found)
