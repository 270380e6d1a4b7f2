"""What notifiers are told of a run, and that nothing they do changes it."""

import asyncio
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from runner.assembly.run import Wishes
from runner.assembly.telling import Teller
from runner.emulators.serve import serving
from runner.engine.progress import Progress
from runner.model.recipe import Recipe
from runner.model.redact import REDACTOR
from runner.transport.clock import SystemClock
from tests.assembly.place import CAT, Ears, applied, opened, write

RECIPE = Recipe("r", "r.yaml", ())


def run(folder: Path, *ears: Ears, code: str = "") -> list:
    """Apply the folder's recipe with these notifiers and return the stages."""

    async def told():
        async with opened(folder) as session, Teller(session.recipes[0], ears, session.clock) as teller:
            teller.begin()
            stages = await applied(session, Wishes(teller=teller))
            await teller.finish()
            return stages

    return asyncio.run(told())


def test_a_good_run_from_its_begin_to_its_end(tmp_path: Path) -> None:
    write(tmp_path)
    ears = Ears()
    run(tmp_path, ears)
    assert list(dict.fromkeys(ears.names)) == [
        "run_started",
        "source_read",
        "stage_started",
        "jobs_running",
        "progress",
        "stage_ended",
        "run_ended",
    ]
    assert (ears.heard[1]["items"], ears.heard[1]["work"]) == (2, 2)
    assert (ears.heard[-1]["outcome"], ears.heard[-1]["error"], ears.heard[-1]["items"]) == (
        "done",
        "",
        {"succeeded": 2},
    )


def test_the_end_of_a_failed_run_says_why(tmp_path: Path) -> None:
    write(tmp_path, "target: {command: {argv: [sh, -c, 'echo no memory >&2; exit 3']}}\n", items=1)
    ears = Ears()
    run(tmp_path, ears)
    assert ears.heard[-1]["outcome"] == "failed_items"
    assert str(ears.heard[-1]["error"]).startswith("exit 3: no memory")


def test_metadata_of_the_progress_is_told_until_the_end(tmp_path: Path) -> None:
    script = 'echo "{\\"progress\\": 0.5, \\"metadata\\": {\\"epoch\\": 2}}" >&2; cat'
    write(tmp_path, f"target: {{command: {{progress: stderr, argv: [sh, -c, '{script}']}}}}\n", items=1)
    ears = Ears()
    run(tmp_path, ears)
    assert ears.heard[-1]["metadata"] == {"epoch": 2}
    assert "progress" in ears.names


def test_no_event_holds_a_secret(tmp_path: Path) -> None:
    REDACTOR.add("c4n4ry-s3cr3t")
    write(tmp_path, 'target: {command: {argv: [sh, -c, "echo c4n4ry-s3cr3t >&2; exit 3"]}}\n', items=1)
    ears = Ears()
    run(tmp_path, ears)
    assert ("c4n4ry" in str(ears.heard), "***" in str(ears.heard[-1]["error"])) == (False, True)


@pytest.mark.parametrize("fault", [OSError("no line"), KeyError("x")])
def test_a_notifier_that_fails_is_noted_and_the_others_hear(tmp_path: Path, fault: Exception) -> None:
    write(tmp_path)
    ears = Ears()
    (stage,) = run(tmp_path, Ears(fault), ears)
    assert stage.report.outcome == "done"
    assert ears.names[-1] == "run_ended"
    assert any("could not be told jobs_running" in note for note in stage.report.progress.notes)


def test_of_progress_that_waits_only_the_newest_is_told() -> None:
    ears = Ears()

    async def told() -> None:
        async with Teller(RECIPE, [ears], SystemClock()) as teller:
            progress = Progress()
            teller.watch("", progress)
            for step in range(100):
                progress.tell("progress", job="j", progress=step / 100, metadata={f"m{step % 3}": step})
            await teller.finish()

    asyncio.run(told())
    assert ears.names == ["stage_started", "jobs_running", "progress", "run_ended"]
    assert (ears.heard[2]["progress"], ears.heard[2]["metadata"]) == (0.99, {"m0": 99, "m1": 97, "m2": 98})


@pytest.mark.parametrize(
    ("outcome", "event"), [("interrupted", "run_paused"), ("pending", "run_paused"), ("held", "run_ended")]
)
def test_a_run_that_goes_on_later_pauses(outcome: str, event: str) -> None:
    ears = Ears()

    async def told() -> None:
        async with Teller(RECIPE, [ears], SystemClock()) as teller:
            await teller.finish(outcome, "why")

    asyncio.run(told())
    assert [(one["event"], one["outcome"], one["error"]) for one in ears.heard] == [(event, outcome, "why")]


def test_progress_that_has_not_changed_is_told_once() -> None:
    ears = Ears()

    async def told() -> None:
        async with Teller(RECIPE, [ears], SystemClock()) as teller:
            progress = Progress()
            teller.watch("", progress)
            for _ in range(3):
                progress.tell("progress", job="j", progress=0.5, metadata={"epoch": 1})
                await teller.settle(5)
            await teller.finish()

    asyncio.run(told())
    assert ears.names.count("progress") == 1


def test_who_watched_before_still_does() -> None:
    seen: list[object] = []
    everything: list[object] = []

    async def told() -> None:
        async with Teller(RECIPE, [], SystemClock(), also=lambda event: everything.append(event["event"])) as teller:
            progress = Progress(watch=lambda event: seen.append(event["event"]))
            teller.watch("", progress)
            progress.tell("log", lines=["a"])

    asyncio.run(told())
    assert (seen, everything) == (["log"], ["stage_started", "log"])


PAGER = """\
apiVersion: runner/v1
kind: Platform
name: pager
connection: {fields: {base_url: {type: string, required: true}}}
notifiers:
  page: {tell: [{call: {post: /page, json: "{{ event }}"}}]}
"""


@pytest.mark.parametrize(("status", "noted"), [(200, False), (400, True)])
def test_an_apply_tells_the_notifiers_of_its_recipe(tmp_path: Path, status: int, noted: bool) -> None:
    heard: list[dict[str, object]] = []

    async def page(request: Request) -> Response:
        heard.append(await request.json())
        return Response(status_code=status)

    async def told() -> list:
        async with serving(Starlette(routes=[Route("/page", page, methods=["POST"])])) as url:
            project = f"connections: {{pager: {{platform: pager, base_url: '{url}'}}}}\n"
            write(tmp_path, CAT + "notify: [{pager.page: {connection: pager}}]\n", project)
            (tmp_path / "platforms").mkdir()
            (tmp_path / "platforms/pager.yaml").write_text(PAGER)
            async with opened(tmp_path) as session:
                return await applied(session, Wishes())

    (stage,) = asyncio.run(told())
    assert [heard[0]["event"], heard[-1]["event"]] == ["run_started", "run_ended"]
    assert heard[-1]["outcome"] == stage.report.outcome == "done"
    assert bool(stage.report.progress.notes) == noted
