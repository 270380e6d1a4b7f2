"""Summarize a recipe from the ledger; only the list of rejected rows reads the source."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from runner.assembly.session import Session
from runner.engine.lease import holder_now
from runner.engine.select import rejected_rows
from runner.model.item import Json, Rejected
from runner.model.ledger import ItemStatus, Publication, RunRow, Scope
from runner.model.recipe import Recipe

FAILURES_KEPT = 1000


@dataclass(frozen=True, slots=True)
class StageStatus:
    """One stage as the ledger has it.

    Attributes:
        counts: item status to number over the current selection.
        jobs: job status to number of all its jobs.
        run: the latest apply; None when there was none.
        publications: sink to its last publication.
        failures: (item key, status, error) of the first failed and held items; empty unless asked for.
        holder: who applies it now, None when nobody does; `dead` in it tells that it died.
        is_selected: whether an apply has read the source to its end.
        rejected: number of rows without a usable item in the current selection.
        rejections: all of them as the source has them now; None unless asked for.
    """

    scope: Scope
    counts: Mapping[str, int]
    jobs: Mapping[str, int]
    run: RunRow | None
    publications: Mapping[str, Publication]
    failures: Sequence[tuple[str, str, str]]
    holder: Mapping[str, Json] | None
    is_selected: bool = False
    rejected: int = 0
    rejections: Sequence[Rejected] | None = None


async def recipe_status(
    session: Session, recipe: Recipe, *, failures: bool = False, rejections: bool = False
) -> Sequence[StageStatus]:
    """Return the status of every stage of a recipe.

    Args:
        session: of the command.
        recipe: the recipe.
        failures: also list failed and held items.
        rejections: also read the sources and list every rejected row.

    Raises:
        ConfigError, AuthError, Unavailable: a source cannot be read, when it is.
    """
    ledger = await session.ledger()
    holder = await holder_now(ledger, session.lease_name(recipe), session.clock.now())
    works = {work.scope: work for work in await session.work(recipe)} if rejections else {}
    found = []
    for stage in recipe.stages:
        scope = session.scope(recipe, stage.name)
        runs, selection = await ledger.runs(scope, 1), await ledger.fingerprint(scope)
        found.append(
            StageStatus(
                scope,
                await ledger.counts(scope),
                Counter([str(row.status) async for row in ledger.jobs(scope)]),
                runs[0] if runs else None,
                await ledger.publications(scope),
                await _failures(session, scope) if failures else (),
                holder,
                bool(selection),
                int(selection.get("rejected", 0)),
                [one async for one in rejected_rows(works[scope])] if rejections else None,
            )
        )
    return found


async def _failures(session: Session, scope: Scope) -> Sequence[tuple[str, str, str]]:
    ledger = await session.ledger()
    found: list[tuple[str, str, str]] = []
    async for batch in ledger.outcomes(scope):
        found += [
            (one.key, one.status, one.error) for one in batch if one.status in (ItemStatus.FAILED, ItemStatus.HELD)
        ]
        if len(found) >= FAILURES_KEPT:
            break
    return found[:FAILURES_KEPT]
