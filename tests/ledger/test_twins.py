"""Random stories told to SQLite and to memory: both must always know the same."""

import asyncio
import tempfile
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runner.ledger import open_ledger
from runner.model.errors import LedgerError
from runner.model.event import (
    ItemsDone,
    JobAccepted,
    JobHeld,
    JobIntended,
    JobPolled,
    JobReleased,
    JobSent,
    JobSettled,
    JobUnknown,
)
from runner.model.item import Result
from runner.model.job import Adoption, JobStatus
from tests.contracts.ledger import HOLDER, SCOPE, Desk, StillClock, item

KEYS, JOBS = st.sampled_from("abcde"), st.sampled_from(["j1", "j2", "j3"])
ITEMS = st.builds(lambda key, content, n: item(key, content, n=n), KEYS, st.sampled_from("xy"), st.integers(0, 1))
RESULTS = st.builds(
    lambda key, bad, n: Result(key, None if bad else n, "bad" if bad else ""), KEYS, st.booleans(), st.integers(0, 3)
)
ITEMS_OF = {"j1": "ab", "j2": "bc", "j3": "d"}
AT = st.integers(1, 9).map(float)
EVENTS = st.one_of(
    st.builds(JobIntended, JOBS, st.integers(1, 3), st.just(()), AT, sent=st.booleans(), reserved=AT),
    st.builds(JobSent, JOBS, AT, st.dictionaries(KEYS, st.integers(), max_size=2)),
    st.builds(JobAccepted, JOBS, KEYS, AT, st.dictionaries(KEYS, st.integers(), max_size=2), st.sampled_from(Adoption)),
    st.builds(JobUnknown, JOBS, AT, st.just("lost")),
    st.builds(JobReleased, JOBS, AT, st.just("why"), st.sampled_from(["", "refused"])),
    st.builds(
        JobPolled, JOBS, st.sampled_from(["running", "succeeded", "failed", "held"]).map(JobStatus), AT, KEYS, KEYS
    ),
    st.builds(ItemsDone, JOBS, st.lists(RESULTS, max_size=4), AT),
    st.builds(JobHeld, JOBS, AT, st.just("hm")),
    st.builds(JobSettled, JOBS, AT, st.none() | AT, st.sampled_from(["no result", ""])),
)
STEPS = st.one_of(
    st.tuples(st.just("select"), st.lists(ITEMS, max_size=7), st.sampled_from(["w1", "w2"]), st.integers(1, 4)),
    st.tuples(st.just("record"), st.lists(EVENTS, min_size=1, max_size=4)),
    st.tuples(st.just("together"), st.lists(EVENTS, min_size=1, max_size=4)),
    st.tuples(st.just("reset"), st.lists(st.sampled_from(["failed", "held", "succeeded"])), st.none() | st.lists(KEYS)),
)


async def tell(desk, step):
    """Do one step of a story; return what came of it."""
    kind, *rest = step
    try:
        if kind == "select":
            standings, differs = await desk.select(*rest[0], work=rest[1], batch=rest[2])
            return [(row.id, row.status, row.seen, row.job, row.attempt, row.error) for row in standings], differs
        if kind == "reset":
            return await desk.ledger.reset(SCOPE, desk.lease, *rest)
        events = [await with_ids(desk, event) for event in rest[0]]
        if kind == "record":
            await desk.record(*events)
            return None
        done = await asyncio.gather(*(desk.record(event) for event in events), return_exceptions=True)
        return [type(entry) for entry in done]
    except LedgerError:
        return "refused"


async def with_ids(desk, event):
    """Give an intended job its items: always the same, for they are part of its key."""
    if not isinstance(event, JobIntended):
        return event
    standings = await desk.standing(*(item(key, "x") for key in ITEMS_OF[event.job]))
    ids = tuple(-1 if row.id is None else row.id for row in standings)
    return JobIntended(event.job, event.attempt, ids, event.at, "", event.reserved, event.sent)


async def known(desk):
    """Return all that the ledger knows."""
    ledger = desk.ledger
    held = [row async for row in ledger.jobs(SCOPE, [JobStatus.HELD, JobStatus.RUNNING, JobStatus.SUCCEEDED])]
    items = [await ledger.job_items(SCOPE, row.job) for row in await desk.rows()]
    standings = await desk.standing(*(item(key, content) for key in "abcde" for content in "xy"), work="w2")
    seen = (await desk.outcomes(), await desk.selected(), await ledger.counts(SCOPE), await ledger.spent(SCOPE, 4.0))
    return await desk.rows(), held, items, standings, seen


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(STEPS, max_size=12))
def test_sqlite_and_memory_tell_the_same_story(story):
    async def both(folder):
        ledgers = [open_ledger(url, clock=StillClock()) for url in ("memory:", f"{folder}/ledger.db")]
        try:
            desks = [Desk(ledger, await ledger.acquire("recipe", HOLDER, 0.0, 60.0)) for ledger in ledgers]
            for step in story:
                versions = [await desk.ledger.version(SCOPE) for desk in desks]
                told = [await tell(desk, step) for desk in desks]
                assert told[0] == told[1]
                assert await known(desks[0]) == await known(desks[1])
                grown = [await desk.ledger.version(SCOPE) > old for desk, old in zip(desks, versions, strict=True)]
                assert grown[0] <= grown[1]
        finally:
            for ledger in ledgers:
                await ledger.close()

    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(both(Path(folder)))
