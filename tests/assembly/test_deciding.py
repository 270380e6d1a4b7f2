"""What a person decides about jobs stands in the ledger afterwards."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from runner.assembly.adoption import adopt
from runner.assembly.deciding import Found, free, job, mark, unsent
from runner.assembly.session import Session
from runner.engine.lease import holding, this_process
from runner.engine.retry_request import RetryRequest
from runner.engine.select import filtered
from runner.engine.stop import Stop
from runner.model.errors import ConfigError
from runner.model.event import Event, ItemsDone, JobAccepted, JobHeld, JobIntended, JobPolled, JobSettled
from runner.model.item import Result
from runner.model.job import JobStatus
from tests.assembly.place import opened, write

Decide = Callable[[Session, Found], Awaitable[Any]]


async def given(session: Session) -> None:
    """Begin three jobs of one item: `held` is held, `failed` has failed, `running` runs."""
    (work,) = await session.work(session.recipes[0])
    ledger, scope, stop = await session.ledger(), work.scope, Stop()
    who = this_process(session.environ)
    async with holding(ledger, session.lease_of("r"), who, session.clock, stop) as lease:
        items = [item async for batch in filtered(work) for item in batch.items]
        standings = await ledger.select(scope, lease(), work.work, 0, items)
        await ledger.finish_selection(scope, lease(), len(items), {})
        for name, standing in zip(("held", "failed", "running"), standings, strict=True):
            assert standing.id is not None
            await ledger.record(scope, lease(), [JobIntended(name, 1, [standing.id], 1.0, sent=True)])
        ended: list[Event] = [
            JobAccepted("failed", "f1", 1.0),
            JobPolled("failed", JobStatus.FAILED, 2.0, "FAILED", "no"),
        ]
        ended += [ItemsDone("failed", [Result("k1", None, "no")], 2.0), JobSettled("failed", 2.0)]
        await ledger.record(scope, lease(), [JobHeld("held", 1.0, "a lost reply"), *ended])
        await ledger.record(scope, lease(), [JobAccepted("running", "r1", 1.0)])


def after(folder: Path, name: str, decide: Decide) -> tuple[JobStatus, str | None, dict[str, str]]:
    """Decide about a job; return its status, its id and the status of each item as the next process reads them."""
    write(folder, items=3)

    async def decided() -> None:
        async with opened(folder) as session:
            await given(session)
            await decide(session, await job(session, session.recipes, name))

    async def read() -> tuple[JobStatus, str | None, dict[str, str]]:
        async with opened(folder) as session:
            found = await job(session, session.recipes, name)
            outcomes = (await session.ledger()).outcomes(found.scope)
            return found.row.status, found.row.id, {one.key: str(one.status) async for each in outcomes for one in each}

    asyncio.run(decided())
    return asyncio.run(read())


@pytest.mark.parametrize(
    ("name", "word", "status", "items"),
    [
        ("held", "absent", JobStatus.RELEASED, {"k0": "new", "k1": "failed", "k2": "in_job"}),
        ("held", "failed", JobStatus.RELEASED, {"k0": "failed", "k1": "failed", "k2": "in_job"}),
        ("running", "held", JobStatus.HELD, {"k0": "held", "k1": "failed", "k2": "held"}),
    ],
)
def test_a_mark_is_written_down(tmp_path: Path, name, word, status, items):
    found = after(tmp_path, name, lambda session, found: mark(session, found, word, "seen there", Stop()))
    assert (found[0], found[2]) == (status, items)


@pytest.mark.parametrize(("word", "listed"), [("absent", ["held"]), ("failed", [])])
def test_what_could_not_be_sent_is_listed_with_its_reason(tmp_path: Path, word, listed):
    async def marked(session: Session, found: Found) -> None:
        assert await unsent(session, session.recipes) == []
        await mark(session, found, word, "a dead proxy", Stop())
        shown = await unsent(session, session.recipes)
        assert [each.row.job for each in shown] == listed
        assert all("a dead proxy" in each.row.error for each in shown)

    after(tmp_path, "held", marked)


def said(*pairs: tuple[str, str], force: bool = False) -> Decide:
    return lambda session, _: adopt(session, session.recipes, pairs, Stop(), force=force)


def test_an_adopted_job_goes_on_under_its_id(tmp_path: Path):
    found = after(tmp_path, "held", said(("he", "r77")))
    assert found == (JobStatus.ACCEPTED, "r77", {"k0": "in_job", "k1": "failed", "k2": "in_job"})


@pytest.mark.parametrize(
    ("pairs", "why"),
    [
        ([("held", "r1")], "'r1' already belongs to job running of r"),
        ([("held", "r7"), ("held", "r8")], "job held is named twice"),
        ([("held", "r7"), ("running", "r7")], "id r7 is named twice"),
        ([("held", "r7"), ("running", "r8")], "job running is accepted, not in doubt or held"),
        ([("held", "r7"), ("none", "r8")], "there is no job 'none'"),
    ],
)
def test_what_cannot_be_adopted_leaves_all_as_it_was(tmp_path: Path, pairs, why):
    async def refused(session: Session, found: Found) -> None:
        with pytest.raises(ConfigError, match=why):
            await said(*pairs)(session, found)

    assert after(tmp_path, "held", refused)[:2] == (JobStatus.HELD, None)


def test_a_taken_id_that_is_forced_is_said_so_in_the_ledger(tmp_path: Path):
    async def forced(session: Session, found: Found) -> None:
        await said(("held", "r1"), force=True)(session, found)
        assert (await job(session, session.recipes, "held")).row.adopted == "forced"

    assert after(tmp_path, "held", forced)[:2] == (JobStatus.ACCEPTED, "r1")


@pytest.mark.parametrize(("name", "word"), [("running", "absent"), ("failed", "failed")])
def test_what_is_known_cannot_be_marked_otherwise(tmp_path: Path, name, word):
    with pytest.raises(ConfigError, match="cannot be marked"):
        after(tmp_path, name, lambda session, found: mark(session, found, word, "", Stop()))


async def freed(session: Session, again: RetryRequest) -> int:
    recipe, who = session.recipes[0], this_process(session.environ)
    async with holding(await session.ledger(), session.lease_of("r"), who, session.clock, Stop()) as lease:
        return await free(session, recipe, lease, again)


def test_failed_items_are_free_again_and_held_ones_stay(tmp_path: Path):
    found = after(tmp_path, "held", lambda session, found: freed(session, RetryRequest()))
    assert (found[0], found[2]) == (JobStatus.HELD, {"k0": "held", "k1": "new", "k2": "in_job"})
