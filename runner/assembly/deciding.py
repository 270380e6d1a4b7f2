"""Record a person's decisions (retry, mark, unlock, give up), each under the recipe's lease."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from runner.assembly.session import Session
from runner.engine.lease import HeldLease, holding, this_process
from runner.engine.retry_request import RetryRequest
from runner.engine.select import select_all
from runner.engine.stop import Stop
from runner.model.errors import UsageError
from runner.model.event import Event, JobHeld, JobReleased
from runner.model.item import Item, Json
from runner.model.job import DOUBTFUL, OPEN, TERMINAL, JobStatus
from runner.model.ledger import ItemStatus, JobRow, Scope
from runner.model.recipe import Recipe

MARKS: Final = ("absent", "failed", "held")
_LIVING: Final = DOUBTFUL | OPEN | {JobStatus.HELD}


@dataclass(frozen=True, slots=True)
class Found:
    """One job with the scope and recipe that it belongs to."""

    recipe: Recipe
    scope: Scope
    row: JobRow


async def free(session: Session, recipe: Recipe, lease: HeldLease, again: RetryRequest) -> int:
    """Make failed items free for a new attempt; return how many.

    Held ones become free while the recipe is applied, after the platform was asked about them.
    """
    ledger, freed = await session.ledger(), 0
    for work in await session.work(recipe):
        await select_all(work, lease)
        freed += await ledger.reset(work.scope, lease(), [ItemStatus.FAILED], again.keys)
    return freed


async def abandoned(
    session: Session, recipes: Sequence[Recipe], keys: Sequence[str]
) -> tuple[Sequence[Recipe], RetryRequest]:
    """Return the recipes of the jobs whose keys begin so, and the request to give the jobs up and send their items.

    Raises:
        UsageError: there is no such job, or more than one, or nothing of it is left to give up.
    """
    found = [await job(session, recipes, key) for key in keys]
    for each in found:
        if each.row.status is JobStatus.RELEASED:
            raise UsageError(f"job {each.row.job} was given up or refused before", mend="runner state list")
    ledger = await session.ledger()
    wanted = [item.key for each in found for _, item in await ledger.job_items(each.scope, each.row.job)]
    request = RetryRequest(keys=list(dict.fromkeys(wanted)), abandoned=[each.row.job for each in found])
    return [recipe for recipe in recipes if any(recipe is each.recipe for each in found)], request


async def jobs(session: Session, recipes: Sequence[Recipe], *, all_of_them: bool = False) -> Sequence[Found]:
    """Return the jobs that are not at their end: in doubt, in flight, held; or all."""
    ledger = await session.ledger()
    wanted = None if all_of_them else [*_LIVING, *TERMINAL]
    return [
        Found(recipe, scope, row)
        for recipe in recipes
        for scope in (session.scope(recipe, stage.name) for stage in recipe.stages)
        async for row in ledger.jobs(scope, wanted)
    ]


async def unsent(session: Session, recipes: Sequence[Recipe]) -> Sequence[Found]:
    """Return the jobs that could not be sent so far: none was created, and the next apply sends their items."""
    ledger, found = await session.ledger(), list[Found]()
    for recipe in recipes:
        for scope in (session.scope(recipe, stage.name) for stage in recipe.stages):
            rows = [row async for row in ledger.jobs(scope, [JobStatus.RELEASED]) if row.error]
            new: set[str | None] = set()
            if rows:
                async for batch in ledger.outcomes(scope):
                    new |= {one.job for one in batch if one.status == ItemStatus.NEW}
            found += [Found(recipe, scope, row) for row in rows if row.job in new]
    return found


async def job(session: Session, recipes: Sequence[Recipe], key: str, noun: str = "job") -> Found:
    """Return the one job whose key begins so; `noun` is what else was looked for under the key.

    Raises:
        UsageError: there is none, or more than one.
    """
    found = [each for each in await jobs(session, recipes, all_of_them=True) if each.row.job.startswith(key)]
    if len(found) != 1:
        what = f"there are {len(found)} jobs whose key begins with {key!r}" if found else f"there is no {noun} {key!r}"
        raise UsageError(what, mend="runner state list --all shows the keys")
    return found[0]


async def items(session: Session, found: Found) -> Sequence[tuple[Item, Mapping[str, Json]]]:
    """Return the items of a job, each with what came of it (status, attempt, error, cost) if it is selected."""
    ledger = await session.ledger()
    listed = [item for _, item in await ledger.job_items(found.scope, found.row.job)]
    wanted, known = {item.key for item in listed}, {}
    async for batch in ledger.outcomes(found.scope):
        for one in batch:
            if one.key in wanted:
                facts = {"status": one.status, "attempt": one.attempt, "error": one.error, "cost": one.cost}
                known[one.key] = {**facts, "is_last": one.job == found.row.job}
    return [(item, known.get(item.key, {})) for item in listed]


async def mark(session: Session, found: Found, word: str, why: str, stop: Stop) -> None:
    """Decide about a job: `absent` (was never accepted: its items are new), `failed`, or `held`.

    Raises:
        UsageError: the job is at its end.
        LeaseHeld: an apply works on the recipe.
    """
    row, at = found.row, session.clock.now()
    is_open = row.status in OPEN and word != "absent"  # what has an id was accepted
    if row.status not in DOUBTFUL | {JobStatus.HELD} and not is_open:
        raise UsageError(f"job {row.job} is {row.status}: it cannot be marked {word}", mend="runner state list")
    said = why or f"marked {word} by hand"
    events: Mapping[str, Event] = {
        "absent": JobReleased(row.job, at, said),
        "failed": JobReleased(row.job, at, said, error=said),
        "held": JobHeld(row.job, at, said),
    }
    await _decide(session, found, events[word], stop)


async def _decide(session: Session, found: Found, event: Event, stop: Stop) -> None:
    ledger, who = await session.ledger(), this_process(session.environ)
    async with holding(ledger, session.lease_name(found.recipe), who, session.clock, stop) as lease:
        await ledger.record(found.scope, lease(), [event])


async def unlock(session: Session, recipe: Recipe) -> Mapping[str, Json] | None:
    """End the lease of a recipe whose holder is dead; return who held it, None when nobody did."""
    ledger, name = await session.ledger(), session.lease_name(recipe)
    holder = await ledger.holder(name, session.clock.now())
    if holder is None:
        return None
    who = this_process(session.environ)
    lease = await ledger.acquire(name, who, session.clock.now(), 1.0, dead_epoch=holder["epoch"])
    await ledger.release(lease)
    return holder
