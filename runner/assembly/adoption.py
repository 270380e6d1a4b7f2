"""Adopt remote jobs for doubtful and held jobs, as a person says which is which."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass

from runner.assembly.deciding import Found, jobs
from runner.assembly.session import Session
from runner.engine.lease import HeldLease, holding, this_process
from runner.engine.stop import Stop
from runner.model.errors import UsageError
from runner.model.event import JobAccepted
from runner.model.job import DOUBTFUL, Adoption, JobStatus
from runner.model.ledger import Ledger, Scope
from runner.model.recipe import Recipe


@dataclass(frozen=True, slots=True)
class Adopted:
    """One job with its adopted id, and the other job of ours that already has that id; usually None."""

    found: Found
    id: str
    other: tuple[Scope, str] | None = None


async def adopt(
    session: Session, recipes: Sequence[Recipe], pairs: Sequence[tuple[str, str]], stop: Stop, *, force: bool = False
) -> Sequence[Adopted]:
    """Record which remote job each doubtful or held job is, all or none; the next apply polls them.

    Args:
        session: of the project.
        recipes: whose jobs are meant.
        pairs: the beginning of a job's key, and the id on the platform.
        stop: asked when a lease is lost.
        force: whether an id may be given that another job of ours has already.

    Raises:
        UsageError: a job is not there, not in doubt, or named twice; an id is taken.
        LeaseHeld: an apply works on one of the recipes.
    """
    named = {each.found.recipe.name: each.found.recipe for each in await _named(session, recipes, pairs)}
    ledger, who = await session.ledger(), this_process(session.environ)
    async with AsyncExitStack() as stack:
        leases: Mapping[str, HeldLease] = {
            name: await stack.enter_async_context(
                holding(ledger, session.lease_name(named[name]), who, session.clock, stop)
            )
            for name in sorted(named)
        }
        chosen = [await _checked(ledger, each, force=force) for each in await _named(session, recipes, pairs)]
        for scope in dict.fromkeys(each.found.scope for each in chosen):
            mine = [each for each in chosen if each.found.scope == scope]
            events = [_accepted(each, session.clock.now()) for each in mine]
            await ledger.record(scope, leases[scope.recipe](), events)
    return chosen


async def _named(session: Session, recipes: Sequence[Recipe], pairs: Sequence[tuple[str, str]]) -> list[Adopted]:
    """Return the jobs that the pairs name; raise unless every job and every id occurs once."""
    known = await jobs(session, recipes, all_of_them=True)
    chosen = [Adopted(_one(known, key), remote) for key, remote in pairs]
    for what, names in (
        ("job", Counter(each.found.row.job for each in chosen)),
        ("id", Counter(each.id for each in chosen)),
    ):
        twice = [name for name, number in names.items() if number > 1]
        if twice:
            raise UsageError(f"{what} {twice[0]} is named twice", mend="a remote job belongs to one job")
    for each in chosen:
        row = each.found.row
        if row.status not in DOUBTFUL | {JobStatus.HELD}:
            raise UsageError(f"job {row.job} is {row.status}, not in doubt or held", mend="runner state list")
    return chosen


def _one(known: Sequence[Found], key: str) -> Found:
    found = [each for each in known if each.row.job.startswith(key)]
    if len(found) == 1:
        return found[0]
    what = f"there are {len(found)} jobs whose key begins with {key!r}" if found else f"there is no job {key!r}"
    raise UsageError(what, mend="runner state list --all shows the keys")


async def _checked(ledger: Ledger, adopted: Adopted, *, force: bool) -> Adopted:
    """Refuse an id that another job of ours has on the same connection."""
    found = adopted.found
    known = await ledger.jobs_with_ids(found.row.connection, [adopted.id])
    others = [owner for owner in known.get(adopted.id, ()) if owner != (found.scope, found.row.job)]
    if not others:
        return adopted
    scope, key = others[0]
    if not force:
        what = f"{adopted.id!r} already belongs to job {key} of {scope.recipe}"
        raise UsageError(what, mend="check the id on the platform; --force gives both jobs the same results")
    return Adopted(found, adopted.id, others[0])


def _accepted(adopted: Adopted, at: float) -> JobAccepted:
    how = Adoption.PERSON if adopted.other is None else Adoption.FORCED
    return JobAccepted(adopted.found.row.job, adopted.id, at, adopted=how)
