"""The generic job API of the house, in the four ways of its manifest, over a real socket."""

import asyncio
from contextlib import asynccontextmanager
from dataclasses import replace
from random import Random

import httpx
import pytest

from runner.conformance.target import TargetContract
from runner.emulators import create
from runner.emulators.serve import serving
from runner.model.contracts import Cancelling, Finding, PollingMany, Preparing
from runner.model.errors import Indeterminate, Refused, Unavailable
from runner.model.job import JobStatus
from runner.platforms import Catalog, connect
from runner.templating import compile_template
from runner.transport.clock import SystemClock
from tests.platforms.made import EXAMPLES, PLACE, done, finished, gathered, item, job, over, sent


@asynccontextmanager
async def jobs(kind, options=None, **knobs):
    """A target of the jobs manifest over its emulator; gives the target and the app."""
    app = create("jobs", **knobs)
    async with serving(app) as url:
        platform = Catalog([EXAMPLES]).manifest("jobs")
        connection = connect(platform, platform.emulated(url, "emulator"), clock=SystemClock(), rng=Random(1))
        try:
            yield connection.target(f"jobs.{kind}", options or {}, PLACE), app.state.desk
        finally:
            await connection.close()


@pytest.mark.parametrize("kind", ["keyed", "job", "blind", "batch"])
@pytest.mark.parametrize("knobs", [{}, {"inline": True}, {"duration_s": 0.02, "retry_after_s": None}])
def test_a_job_ends_with_its_result(kind, knobs):
    async def run():
        async with jobs(kind, **knobs) as (target, desk):
            return await done(target, job(item("k", {"text": "hello"}))), desk.stats()

    (state, results), stats = asyncio.run(run())
    assert state.status is JobStatus.SUCCEEDED
    assert results["k"].value
    assert stats["submits"]["total"] == 1


def test_a_job_that_is_done_at_once_needs_no_poll():
    async def run():
        async with jobs("keyed", inline=True) as (target, _):
            one, state = await sent(target, job(item("k", {"text": "hello"})))
            return state, await gathered(target, one, state)

    state, results = asyncio.run(run())
    assert (state.status, results["k"].value["text"]) == (JobStatus.SUCCEEDED, "HELLO")


def test_a_failed_job_says_why():
    async def run():
        async with jobs("keyed", fail_percent=100) as (target, _):
            return await done(target, job(item("k", {"text": "x"})))

    state, results = asyncio.run(run())
    assert (state.status, results) == (JobStatus.FAILED, {})
    assert state.error


def test_an_array_of_items_over_several_pages():
    async def run():
        async with jobs("batch", {"note": compile_template("n {{ item.n }}")}, list_size=7) as (target, desk):
            items = [item(f"row {n}", {"n": n}) for n in range(30)]
            return await done(target, job(*items)), desk.stats()

    (_, results), stats = asyncio.run(run())
    assert len(results) == 30
    assert all(not result.error for result in results.values())
    assert stats["requests"]["GET /jobs/{id}/results"] == 5


def test_failed_items_of_an_array_fail_alone():
    async def run():
        async with jobs("batch", fail_keys=("a", "c")) as (target, _):
            return await done(target, job(*(item(key) for key in "abcd")))

    _, results = asyncio.run(run())
    assert {key for key, result in results.items() if result.error} == {"a", "c"}


def test_the_same_key_is_the_same_job():
    async def run():
        async with jobs("keyed") as (target, desk):
            one, _ = await sent(target, job(item("k", {"text": "x"})))
            other, _ = await sent(target, job(item("k", {"text": "x"})))
            return one.id, other.id, desk.stats()["submits"]["total"]

    first, second, submits = asyncio.run(run())
    assert (first, submits) == (second, 1)


def test_a_lost_job_is_found_and_another_is_not():
    async def run():
        async with jobs("job", list_size=2) as (target, _):
            known = [job(item(f"k{n}"), key=f"{n:032x}") for n in range(7)]
            ids = [(await sent(target, each))[0].id for each in known]
            lost = replace(known[4], sent_at=SystemClock().now() - 1)
            return ids[4], await target.find(lost), await target.find(replace(lost, key="f" * 32))

    expected, found, other = asyncio.run(run())
    assert (found.id, other) == (expected, None)


def test_many_jobs_are_polled_in_few_requests():
    async def run():
        async with jobs("job", duration_s=60) as (target, desk):
            each = [(await sent(target, job(item(f"k{n}"), key=f"{n:032x}")))[0] for n in range(20)]
            return await target.poll_many([*each, replace(each[0], key="gone", id="none")]), desk.stats()

    states, stats = asyncio.run(run())
    assert {state.status for state in states.values()} == {JobStatus.RUNNING}
    assert (len(states), stats["requests"]["GET /jobs"]) == (20, 1)


def test_a_running_job_is_cancelled():
    async def run():
        async with jobs("keyed", duration_s=60) as (target, _):
            one, _ = await sent(target, job(item("k")))
            running = await target.poll(one)
            await target.cancel(one)
            await target.cancel(one)
            return running, (await finished(target, one))[1]

    first, last = asyncio.run(run())
    assert (first.status, first.poll_after_s, last.status) == (JobStatus.RUNNING, 1.0, JobStatus.CANCELLED)


@pytest.mark.parametrize(
    ("status", "expected"),
    [(500, Indeterminate), (502, Indeterminate), (302, Indeterminate), (429, Unavailable), (422, Refused)],
)
def test_a_failing_submit_is_sent_once(status, expected):
    seen = []
    target = over(lambda request: seen.append(request) or httpx.Response(status), "jobs").target("keyed", {}, PLACE)
    with pytest.raises(expected):
        asyncio.run(sent(target, job(item("k"))))
    assert len(seen) == 1


def test_powers_are_those_of_the_manifest():
    async def run():
        found = {}
        for kind in ("keyed", "job", "blind"):
            async with jobs(kind) as (target, _):
                found[kind] = [isinstance(target, each) for each in (Preparing, Finding, Cancelling, PollingMany)]
        return found

    assert asyncio.run(run()) == {
        "keyed": [False, False, True, False],
        "job": [False, True, True, True],
        "blind": [False, False, False, False],
    }


class TestContract(TargetContract):
    """The suite of all targets, with a platform's answers played by the emulator inside the process."""

    value = {"text": "hello"}  # noqa: RUF012 - the suite reads it from the class

    def make(self, root):
        if not hasattr(self, "app"):
            self.app = create("jobs", inline=True)
        return self.over(self.app)

    def make_failing(self, root):
        return self.over(create("jobs", fail_percent=100))

    def over(self, app):
        platform = Catalog([EXAMPLES]).manifest("jobs")
        fields = platform.emulated("http://emulator", "emulator")
        transport = httpx.ASGITransport(app)
        connection = connect(platform, fields, clock=SystemClock(), rng=Random(1), transport=transport)
        return Engine(connection.target("jobs.job", {}, PLACE))


class Engine:
    """Keeps the ids that the ledger would keep, for a suite that asks with the job it made."""

    ids: dict = {}  # noqa: RUF012 - one ledger for all

    def __init__(self, target):
        self._target = target
        self.capabilities = target.capabilities

    async def submit(self, one):
        submitted = await self._target.submit(one)
        self.ids[one.key] = submitted.id
        return submitted

    async def poll(self, one):
        return await self._target.poll(replace(one, id=self.ids[one.key]))

    def results(self, one, state):
        return self._target.results(replace(one, id=self.ids[one.key]), state)

    async def find(self, one):
        return await self._target.find(one)


def test_the_price_of_keys_is_their_age():
    async def run():
        async with jobs("keyed") as (target, _):
            await target.submit(replace(job(item("k")), sent_at=PLACE.clock.now()))

    with pytest.raises(Indeterminate, match="remembers keys"):
        asyncio.run(run())
