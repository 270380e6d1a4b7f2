"""Look up the states of one item in the ledger, by the item's key."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from runner.assembly.session import Session
from runner.model.ledger import JobRow, Ledger, Outcome, Scope
from runner.model.recipe import Recipe


@dataclass(frozen=True, slots=True)
class ItemState:
    """One item of one stage.

    Attributes:
        outcome: as of the last selection.
        job: the last one that the item was in; None without one.
    """

    scope: Scope
    outcome: Outcome
    job: JobRow | None


async def item_states(session: Session, recipes: Sequence[Recipe], key: str) -> Sequence[ItemState]:
    """Return the states of an item in all stages whose last selection has it."""
    ledger = await session.ledger()
    scopes = [session.scope(recipe, stage.name) for recipe in recipes for stage in recipe.stages]
    return [await _state(ledger, scope, key) for scope in scopes if await ledger.places(scope, [key])]


async def _state(ledger: Ledger, scope: Scope, key: str) -> ItemState:
    (outcome,) = [one async for batch in ledger.outcomes(scope) for one in batch if one.key == key]
    job = None
    if outcome.job is not None:
        async for row in ledger.jobs(scope):
            job = row if row.job == outcome.job else job
    return ItemState(scope, outcome, job)
