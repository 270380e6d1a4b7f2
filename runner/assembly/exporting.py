"""Everything that the ledger knows about recipes, as plain values: for looking, for other tools, for keeping."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import asdict

from runner.assembly.session import Session
from runner.model.item import Json
from runner.model.ledger import JobRow, Ledger, Outcome, Scope
from runner.model.recipe import Recipe


async def exported(session: Session, recipes: Sequence[Recipe]) -> AsyncIterator[dict[str, Json]]:
    """Give one value per fact: `kind` says which. Items come in source order, jobs and runs oldest first."""
    ledger = await session.ledger()
    for recipe in recipes:
        for stage in recipe.stages:
            async for fact in _scope(ledger, session.scope(recipe, stage.name)):
                yield fact


async def _scope(ledger: Ledger, scope: Scope) -> AsyncIterator[dict[str, Json]]:
    head = asdict(scope)
    yield {"kind": "scope", **head, "version": await ledger.version(scope), "counts": dict(await ledger.counts(scope))}
    contents = [(key, content.hex(), work) async for batch in ledger.selected(scope) for key, content, work, _ in batch]
    known = iter(contents)
    async for outcomes in ledger.outcomes(scope):
        for outcome in outcomes:
            _, content, work = next(known)
            yield {"kind": "item", **head, **asdict(outcome), **_adoption(outcome), "content": content, "work": work}
    async for row in ledger.jobs(scope):
        items = [item.key for _, item in await ledger.job_items(scope, row.job)]
        yield {"kind": "job", **head, **asdict(row), "status": str(row.status), **_adoption(row), "item_keys": items}
    for run in reversed(await ledger.runs(scope, 1_000_000)):
        yield {"kind": "run", **head, **asdict(run)}
    for publication in (await ledger.publications(scope)).values():
        yield {"kind": "publication", **head, **asdict(publication)}


def _adoption(row: JobRow | Outcome) -> dict[str, Json]:
    return {"adopted": bool(row.adopted), "adoption": str(row.adopted)}
