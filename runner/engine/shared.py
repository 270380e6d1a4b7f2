"""Results that another stage of the same recipe has paid for already: the same item and content under the same work.

A pilot over some items and a stage over all of them must not pay for the pilot's items twice. Such an item is *shared*:
its result is taken over inside the ledger, as a job that cost nothing and never left the house.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from runner.engine.apply import Apply
from runner.engine.decide import Decision, decide
from runner.engine.key import job_key
from runner.engine.work import Work
from runner.model.event import ItemsDone, JobAccepted, JobIntended, JobPolled, JobSettled
from runner.model.item import Item, Result
from runner.model.job import Adoption, JobStatus
from runner.model.ledger import ItemStatus, Outcome, Scope, Standing
from runner.model.work_hash import WorkHash

TAKEN_TOGETHER = 1000

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Shared:
    """An item of this stage whose result stands in another one."""

    item: Item
    id: int | None
    scope: Scope


async def find_shared(work: Work, items: Sequence[Item], standings: Sequence[Standing]) -> dict[int, Shared]:
    """Return place in the batch to where the result stands, for items that would be sent for the first time."""
    found: dict[int, Shared] = {}
    if not work.siblings or work.skip == "nothing":
        return found
    open_places = [place for place, standing in enumerate(standings) if _is_first(work, standing)]
    for scope in work.siblings:
        places = [place for place in open_places if place not in found]
        if not places:
            break
        there = await work.ledger.standings(scope, work.work, [items[place] for place in places])
        for place, standing in zip(places, there, strict=True):
            if standing.status == ItemStatus.SUCCEEDED:
                found[place] = Shared(items[place], standings[place].id, scope)
    return found


def _is_first(work: Work, standing: Standing) -> bool:
    decision = decide(standing, skip=work.skip, attempts=work.run.attempts)
    return decision in (Decision.NEW, Decision.CHANGED)


async def take_over(apply: Apply, shared: Sequence[Shared]) -> int:
    """Copy the results of shared items into this stage; return how many could not be found after all.

    A result is looked for in the current selection of its stage; one that left it is paid for in this stage.
    """
    missing = 0
    for scope in dict.fromkeys(each.scope for each in shared):
        wanted = {(each.item.key, each.item.content): each for each in shared if each.scope == scope}
        ready: list[tuple[Shared, Outcome]] = []
        async for outcome, content in _results(apply.work, scope):
            each = wanted.pop((outcome.key, content), None)
            if each is not None:
                ready.append((each, outcome))
            if len(ready) == TAKEN_TOGETHER:
                await _record(apply, scope, ready)
                ready = []
        if ready:
            await _record(apply, scope, ready)
        apply.unshared.update(wanted)
        missing += len(wanted)
    return missing


async def _results(work: Work, scope: Scope) -> AsyncIterator[tuple[Outcome, bytes]]:
    """Give the succeeded outcomes of a stage under this work hash, each with its content."""
    hashes = {str(work.work), WorkHash.first_of(work.work)}
    selected, outcomes = _flat(work.ledger.selected(scope)), _flat(work.ledger.outcomes(scope))
    async for key, content, under, status in selected:
        outcome = await anext(outcomes)
        if outcome.key == key and under in hashes and status == ItemStatus.SUCCEEDED:
            yield outcome, content


async def _flat(batches: AsyncIterator[Sequence[T]]) -> AsyncIterator[T]:
    async for batch in batches:
        for each in batch:
            yield each


async def _record(apply: Apply, scope: Scope, ready: Sequence[tuple[Shared, Outcome]]) -> None:
    """Write one job that was never sent: intended, done and settled in one transaction."""
    work, at = apply.work, apply.now()
    items = [each.item for each, _ in ready]
    key = job_key(replace(work.scope, stage=f"{work.scope.stage} from {scope.stage}"), work.work, 1, items)
    ids = [each.id for each, _ in ready if each.id is not None]
    results = [Result(outcome.key, outcome.result) for _, outcome in ready]
    await apply.record(
        JobIntended(key, 1, ids, at),
        JobAccepted(key, f"stage {scope.stage}", at, adopted=Adoption.FOUND),
        JobPolled(key, JobStatus.SUCCEEDED, at, "shared"),
        ItemsDone(key, results, at),
        JobSettled(key, at, 0.0),
    )
    apply.progress.items["shared"] += len(ready)
