"""AI Hub's manifest against its emulator, over a real socket."""

import asyncio
from contextlib import asynccontextmanager
from dataclasses import replace
from random import Random

import pytest

from runner.emulators import create
from runner.emulators.aihub.apps import APPS, DEPLOYMENTS
from runner.emulators.serve import serving
from runner.model.errors import AuthError, JobLost, Refused, StopRun, Unavailable
from runner.model.job import JobStatus
from runner.model.secret import Secret
from runner.platforms import Catalog, connect
from runner.transport.clock import SystemClock
from tests.platforms.made import PLACE, done, finished, gathered, item, job, sent


def paper(key, text="one two three"):
    return item(key, data=text.encode())


@asynccontextmanager
async def aihub(options=None, kind="app", token="emulator", **knobs):
    """A target of the aihub manifest over its emulator; gives the target and the desk."""
    app = create("aihub", run_s=0.0, **knobs)
    async with serving(app) as url:
        platform = Catalog().manifest("aihub")
        fields = platform.emulated(url, token)
        connection = connect(platform, fields, clock=SystemClock(), rng=Random(1))
        try:
            yield connection.target(f"aihub.{kind}", {**statistics(), **(options or {})}, PLACE), app.state.desk
        finally:
            await connection.close()


def statistics():
    found = next(app for app in APPS if app.name == "Text Statistics")
    return {"app": found.name, "owner": found.owner, "version": found.versions[-1]}


def whole(one, options=None, kind="app", **knobs):
    async def run():
        async with aihub(options, kind, **knobs) as (target, desk):
            return await done(target, one), desk.stats()

    return asyncio.run(run())


ODD = ["a b.txt", "x/a b.txt", "y/a b.txt", "z/ü%2F.txt", "..", "x/..", "leer.txt", "a#b?.txt", "x" * 300 + ".txt"]


def test_every_file_comes_back_to_its_item_whatever_its_name():
    papers = [paper(key, f"text number {at}") for at, key in enumerate(ODD)]
    (state, results), _ = whole(job(*papers), page_size=2)
    assert state.status is JobStatus.SUCCEEDED
    assert {key: result.error for key, result in results.items()} == dict.fromkeys(ODD, "")


def test_results_have_fields_and_documents():
    (_, results), _ = whole(job(paper("a.txt")))
    value = results["a.txt"].value
    assert set(value) == {"file_name", "fields", "field_errors", "documents"}
    assert value["fields"] == {field["field_name"]: field["value"] for field in value["documents"][0]["fields"]}


def test_an_empty_file_is_uploaded_too():
    (_, results), _ = whole(job(paper("empty.txt", "")))
    assert "empty.txt" in results


def test_a_large_file_goes_in_parts():
    (_, results), stats = whole(job(paper("big.txt", "word " * 2_200_000), paper("a.txt")), part_size=4 << 20)
    assert not results["big.txt"].error
    assert [count for route, count in stats["requests"].items() if "/parts/" in route] == [3]


def test_a_file_that_is_refused_fails_alone():
    (_, results), _ = whole(job(paper("a.txt"), paper("big.txt", "x" * 5000)), max_put_bytes=1000)
    assert "413" in results["big.txt"].error
    assert not results["a.txt"].error


def test_when_every_file_is_refused_the_job_is():
    with pytest.raises(Refused, match="413"):
        whole(job(paper("big.txt", "x" * 5000)), max_put_bytes=1000)


def first_field():
    (_, results), _ = whole(job(paper("a.txt")))
    return next(iter(results["a.txt"].value["fields"]))


def test_a_field_that_could_not_be_extracted_fails_its_item():
    (_, results), _ = whole(job(paper("a.txt"), paper("b.txt")), error_fields={"a.txt": (first_field(),)})
    assert first_field() in results["a.txt"].error
    assert not results["b.txt"].error


def test_or_it_is_null_and_told_beside_when_the_recipe_says_so():
    name = first_field()
    (_, results), _ = whole(job(paper("a.txt")), {"field_errors": "keep"}, error_fields={"*": (name,)})
    value = results["a.txt"].value
    assert value["fields"][name] is None
    assert value["field_errors"][0]["field"] == name


def test_a_deployment_runs_too():
    deployment = next(iter(DEPLOYMENTS))
    (state, results), _ = whole(
        job(paper("a.txt")), {"deployment": deployment, "version": None, "field_errors": "keep"}, "deployment"
    )
    assert state.status is JobStatus.SUCCEEDED
    assert results["a.txt"].value


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("FAILED", JobStatus.FAILED),
        ("CANCELLED", JobStatus.CANCELLED),
        ("STOPPED_AT_CHECKPOINT", JobStatus.WAITING_HUMAN),
        ("PAUSED", JobStatus.WAITING_HUMAN),
        ("EXPLODED", JobStatus.HELD),
    ],
)
def test_words_of_the_platform(word, status):
    async def run():
        async with aihub(force={"*": word}) as (target, _):
            one, _ = await sent(target, job(paper("a.txt")))
            state = await target.poll(one)
            return state, (await gathered(target, one, state) if state.is_terminal else {})

    state, results = asyncio.run(run())
    assert (state.status, state.word, results) == (status, word, {})


def test_a_lost_run_is_found_by_its_batch():
    async def run():
        async with aihub(list_size=1) as (target, _):
            each = [(await sent(target, job(paper("a.txt"), key=f"{n:032x}")))[0] for n in range(3)]
            return each[1].id, await target.find(each[1])

    id_, found = asyncio.run(run())
    assert found.id == id_


def test_a_run_that_hides_its_batch_is_never_taken_for_absence():
    async def run():
        async with aihub(show_batch_id=False) as (target, _):
            one, _ = await sent(target, job(paper("a.txt")))
            await target.find(one)

    with pytest.raises(Unavailable, match="batch_id"):
        asyncio.run(run())


@pytest.mark.parametrize("size", [1, 100])
def test_a_lost_run_is_found_even_when_the_ledger_is_lost_too(size):
    async def run():
        async with aihub(list_size=size) as (target, _):
            await sent(target, job(paper("a.txt"), key="e" * 32))
            one, _ = await sent(target, job(paper("a.txt")))
            bare = job(paper("a.txt"))
            return one.id, await target.find(bare), await target.find(replace(bare, key="f" * 32))

    id_, found, other = asyncio.run(run())
    assert (found.id, other) == (id_, None)
    assert found.kept["batch"]


def test_a_run_that_is_gone_is_lost():
    async def run():
        async with aihub() as (target, _):
            one, _ = await sent(target, job(paper("a.txt")))
            await target.poll(replace(one, id="00000000-0000-0000-0000-000000000000"))

    with pytest.raises(JobLost):
        asyncio.run(run())


def test_pages_that_never_end_are_an_error():
    async def run():
        async with aihub(stuck_pages=True, page_size=1) as (target, _):
            one, state = await finished(target, *await sent(target, job(paper("a.txt"), paper("b.txt"))))
            await gathered(target, one, state)

    with pytest.raises(Unavailable, match="page is empty"):
        asyncio.run(run())


def test_a_wrong_token_says_so_without_showing_it():
    async def run():
        async with aihub(token="wrong-token-123") as (target, _):
            await target.check()

    with pytest.raises(AuthError) as caught:
        asyncio.run(run())
    assert "wrong-token-123" not in f"{caught.value} {caught.value.mend}"


def test_used_up_units_stop_the_run():
    async def run():
        async with aihub(units=0) as (target, _):
            await sent(target, job(paper("a.txt")))

    with pytest.raises(StopRun, match="units"):
        asyncio.run(run())


def test_the_batch_is_deleted_only_when_the_recipe_says_so():
    async def run(options):
        async with aihub(options) as (target, desk):
            one, _ = await sent(target, job(paper("a.txt")))
            await target.clean_up(one)
            return sum(count for route, count in desk.stats()["requests"].items() if route.startswith("DELETE"))

    assert [asyncio.run(run(options)) for options in ({}, {"delete_batch": True})] == [0, 1]


def test_the_context_is_sent():
    async def run():
        app = create("aihub", contexts=("org-1",))
        async with serving(app) as url:
            platform = Catalog().manifest("aihub")
            fields = {**platform.emulated(url, "emulator"), "context": "org-1", "token": Secret("emulator")}
            connection = connect(platform, fields, clock=SystemClock(), rng=Random(1))
            await connection.check()
            await connection.close()

    asyncio.run(run())
