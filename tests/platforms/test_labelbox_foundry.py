"""Foundry apps: one prediction a job, raw assets, and one run over many rows."""

import asyncio
import base64
import json
from dataclasses import replace
from itertools import product
from pathlib import Path

import httpx
import pytest

from runner.emulators.labelbox.knobs import CURSORS, SHAPES
from runner.model.errors import AuthError, Indeterminate, JobLost, Refused, StopRun, Unavailable, UnexpectedReply
from runner.model.job import Find, JobStatus
from runner.model.secret import Secret
from runner.platforms.catalog import BUILT_IN
from runner.platforms.manifest import load_manifest
from runner.templating import compile_template
from tests.platforms.labelbox_desk import APP, labelbox
from tests.platforms.made import PLACE, done, finished, item, job, sent
from tests.platforms.made import over as mocked

ROW = "caxdcfb94by83fse1wjkyrcuo"
PREDICT = "POST /api/v1/foundry-app/{app}/predict"


def over(act, **knobs):
    """Run `act(desk)` over a fresh emulator."""

    async def run():
        async with labelbox(**knobs) as desk:
            return await act(desk)

    return asyncio.run(run())


def predicted(one, options=None, **knobs):
    return over(lambda desk: done(desk.app(**(options or {})), one), **knobs)


def row(key=ROW):
    return item(key, {"id": key})


# -- one data row a job
def test_a_data_row_is_predicted_with_its_price():
    state, results = predicted(job(row()))
    assert (state.status, state.cost, results[ROW].cost) == (JobStatus.SUCCEEDED, 0.002, 0.002)
    value = results[ROW].value
    assert value["data_row_id"] == ROW
    assert value["answers"]["lighting"] == "day"
    assert value["answers"]["vehicles"] == ["car", "bus"]
    assert value["objects"][0]["bounding_box"] == {"top": 44, "left": 20, "height": 9, "width": 18}


def test_the_id_of_the_row_may_come_from_any_field():
    one = job(item("a", {"labelbox": ROW}))
    _, results = predicted(one, {"data_row": compile_template("{{ item.labelbox }}")})
    assert results["a"].value["data_row_id"] == ROW


def test_a_prediction_goes_into_the_model_run_of_the_app_when_wanted():
    async def act(desk, *, add):
        await done(desk.app(add_to_model_run=add), job(row()))
        return [run.name for run in desk.workspace.runs.values()]

    assert over(lambda desk: act(desk, add=True)) == ["Baseline", "App Street scenes - inferences"]
    assert over(lambda desk: act(desk, add=False)) == ["Baseline"]


@pytest.mark.parametrize(("given", "sent_as"), [({}, None), ({"add_to_model_run": False}, "false")])
def test_a_switch_that_was_not_given_is_not_sent_for_data_rows(given, sent_as):
    bodies = []

    def answer(request):
        bodies.append((str(request.url), json.loads(request.content)))
        return httpx.Response(201, json={"id": "p1"})

    target = mocked(answer, "labelbox", {"token": Secret("t")}).target("foundry_app", {"app": "a/b", **given}, PLACE)
    asyncio.run(sent(target, job(row())))
    body = {"type": "dataRow", "id": ROW, **({"addToModelRun": sent_as} if sent_as else {})}
    assert bodies == [("https://app.labelbox.com/api/v1/foundry-app/a%2Fb/predict", body)]


@pytest.mark.parametrize(
    ("word", "status"),
    [("error", JobStatus.FAILED), ("canceled", JobStatus.CANCELLED), ("success", JobStatus.SUCCEEDED)],
)
def test_every_end_is_understood(word, status):
    state, results = predicted(job(row()), status=word)
    assert (state.status, state.word) == (status, word)
    assert bool(results) == (status is JobStatus.SUCCEEDED)


def test_a_failed_prediction_says_why():
    state, _ = predicted(job(row()), fail_share=1.0)
    assert state.error.startswith("The model could not answer")


@pytest.mark.parametrize("shape", SHAPES)
def test_a_retried_prediction_goes_on_as_the_newer_job(shape):
    async def act(desk):
        one, state = await finished(desk.app(), *await sent(desk.app(), job(row())))
        return one, state, desk.counts["predictions"]

    one, state, paid = over(act, status="retried", find_shape=shape)
    assert (state.status, paid) == (JobStatus.SUCCEEDED, 1)
    assert one.kept["newer"] not in ("", one.id)


def test_a_status_that_nobody_knows_is_held():
    async def act(desk):
        one, _ = await sent(desk.app(), job(row()))
        desk.workspace.predictions[one.id].status = "pondering"
        return await desk.app().poll(one)

    state = over(act)
    assert (state.status, state.word) == (JobStatus.HELD, "pondering")


def test_a_job_that_is_gone_is_lost():
    async def act(desk):
        one, _ = await sent(desk.app(), job(row()))
        desk.workspace.predictions.clear()
        await desk.app().poll(one)

    with pytest.raises(JobLost, match="not found"):
        over(act)


# -- looking for a lost one
async def lost(desk, before=3, after=3):
    """Send a job between others, and forget its id; return what is found."""
    target = desk.app()
    for _ in range(before):
        await sent(target, job(row("cj2jjuhu4njve5m3qoee7kte0")))
    one, _ = await sent(target, job(row()))
    for _ in range(after):
        await sent(target, job(row("ck3khra0i8akj8046s2qlcrue")))
    found = await target.find(replace(one, id=None))
    return found.id == one.id


@pytest.mark.parametrize(("shape", "cursor"), [*product(SHAPES[:-1], CURSORS)])
def test_a_lost_prediction_is_found_in_every_shape_of_the_list(shape, cursor):
    assert over(lost, find_shape=shape, find_cursor=cursor, find_limit=2)


def test_the_list_may_be_asked_for_since_a_date_where_that_is_known_to_work():
    fields = {"find_by_date": True}
    assert over(lost, fields=fields)
    with pytest.raises(Unavailable, match="Unknown filters: createdAt"):
        over(lost, fields=fields, find_filters=())


def test_a_bare_list_is_searched_too():
    assert over(lost, find_shape="list")


def test_a_list_in_no_known_shape_is_never_taken_for_an_empty_one():
    odd = {"route": "POST /api/v1/foundry-app/{app}/predictions", "status": 200, "body": {"rows": []}}
    with pytest.raises(Unavailable, match="not as the manifest expects"):
        over(lost, faults=[odd])


def test_one_that_was_never_sent_is_not_found_and_that_proves_nothing():
    async def act(desk):
        target = desk.app()
        await sent(target, job(row("cj2jjuhu4njve5m3qoee7kte0")))
        return target.capabilities, await target.find(job(row(), kept={"row": ROW}, sent_at=2e9))

    capabilities, found = over(act)
    assert (capabilities.find, capabilities.complete, found) == (Find.PROBABLE, False, None)


# -- what failing replies mean
@pytest.mark.parametrize(
    ("fault", "error", "words"),
    [
        ({"status": 429}, Unavailable, "You have exceeded"),
        ({"status": 401}, Refused, "injected .*the login itself is accepted"),
        ({"status": 403}, Refused, "injected .*the login itself is accepted"),
        ({"status": 426}, StopRun, "injected"),
        ({"status": 400}, Refused, "injected"),
        ({"status": 404}, Refused, "injected"),
        ({"status": 500}, Indeterminate, "injected"),
        ({"drop": True}, Indeterminate, "POST"),
        ({"status": 201, "body": "{"}, Indeterminate, "JSON"),
        ({"status": 200, "body": {"job": 1}}, UnexpectedReply, "submit.id cannot be read"),
    ],
)
def test_a_failing_submit_is_sent_once_and_judged(fault, error, words):
    async def act(desk):
        with pytest.raises(error, match=words):
            await sent(desk.app(), job(row()))
        return desk.workspace.desk.requests[PREDICT]

    assert over(act, faults=[{"route": PREDICT, "times": None, **fault}]) == 1


def test_a_data_row_that_is_not_there_is_refused_by_name():
    with pytest.raises(Refused, match="Data row none not found"):
        predicted(job(row("none")))


@pytest.mark.parametrize("mode", ["per_row", "model_run"])
def test_an_app_that_is_not_there_is_told_before_anything_is_paid(mode):
    with pytest.raises(AuthError, match="Model app none not found"):
        over(lambda desk: desk.app(app="none", mode=mode).check())


# -- raw assets
def asset(one, form, **more):
    return predicted(job(one), {"asset": {name: compile_template(text) for name, text in form.items()}, **more})


SCENES = Path(__file__).parents[2] / "recipes/data/scenes.jsonl"
PICTURE = base64.b64decode(json.loads(SCENES.read_text(encoding="utf-8").splitlines()[5])["png"])


@pytest.mark.parametrize(
    ("one", "form", "lighting"),
    [
        (item("a", {"t": "lamps at night"}), {"text": "{{ item.t }}"}, "night"),
        (item("a", {"u": "https://x.example/bright-sun.txt"}), {"text_url": "{{ item.u }}"}, "day"),
        (item("a", {"u": "https://x.example/night.jpg"}), {"image_url": "{{ item.u }}"}, "night"),
        (item("a", {"b": base64.b64encode(PICTURE).decode()}), {"image_base64": "{{ item.b }}"}, "day"),
    ],
)
def test_a_raw_asset_is_predicted_in_every_form(one, form, lighting):
    _, results = asset(one, form)
    assert results["a"].value["answers"]["lighting"] == lighting
    assert results["a"].value["data_row_id"] is None


def test_the_bytes_of_a_file_are_sent_as_base64():
    _, results = predicted(job(item("a.png", data=PICTURE)), {"asset": {"image_file": True}})
    assert results["a.png"].value["answers"]["vehicles"] == ["car"]


def test_of_several_forms_the_one_counts_that_is_there():
    forms = {"text": "{{ item.t | default(none) }}", "image_url": "{{ item.u | default(none) }}"}
    assert asset(item("a", {"u": "https://x.example/night.jpg"}), forms)[1]["a"].value["answers"]["lighting"] == "night"
    assert asset(item("a", {"t": "bright"}), forms)[1]["a"].value["answers"]["lighting"] == "day"
    with pytest.raises(Refused, match="exactly one of"):
        asset(item("a", {}), forms)


FORMS = {
    "text": ("text", "text"),
    "text_url": ("text", "url"),
    "image_url": ("image", "url"),
    "image_base64": ("image", "base64"),
}


@pytest.mark.parametrize("others", ["null", "left out"])
@pytest.mark.parametrize("form", FORMS)
def test_of_several_forms_that_are_null_but_one_that_one_is_sent(form, others):
    (way,) = load_manifest(BUILT_IN / "labelbox.yaml").targets["foundry_app"].modes["raw_asset"].submit
    asset = {**(dict.fromkeys([*FORMS, "image_file"]) if others == "null" else {}), form: "value"}
    options = {"asset": asset, "create_data_row": False, "add_to_model_run": None}
    sent = way.call.data({"options": options, "item": {}})
    kind, field = FORMS[form]
    assert {name: value for name, value in sent.items() if name in ("type", "text", "url", "base64")} == {
        "type": kind,
        field: "value",
    }


@pytest.mark.parametrize(("keeps", "rows"), [(False, 160), (True, 161)])
def test_a_raw_asset_is_left_behind_only_when_wanted(keeps, rows):
    async def act(desk):
        form = {"text": compile_template("{{ item.t }}")}
        target = desk.app(asset=form, create_data_row=keeps, add_to_model_run=keeps)
        await done(target, job(item("a", {"t": "lamps"})))
        return target.leaves(), len(desk.workspace.rows)

    leaves, kept = over(act)
    assert (kept, "inference data" in leaves, "inferences" in leaves) == (rows, keeps, keeps)


def test_a_raw_asset_cannot_be_searched():
    assert over(_capabilities).find is Find.NONE


async def _capabilities(desk):
    return desk.app(asset={"text": "x"}).capabilities


# -- one run over many rows
def test_one_run_predicts_many_rows():
    async def act(desk):
        items = await desk.rows()
        state, results = await done(desk.app(mode="model_run"), job(*items))
        return state, results, desk.counts["model_jobs"]

    state, results, jobs = over(act, export_chunk_bytes=3000)
    assert (state.status, state.cost, len(results), jobs) == (JobStatus.SUCCEEDED, 0.08, 40, 1)
    assert results[ROW].value["answers"]["lighting"] == "day"
    assert results[ROW].value["model_run_id"]


def test_rows_that_failed_inside_a_complete_run_fail_alone():
    async def act(desk):
        return await done(desk.app(mode="model_run"), job(*await desk.rows()))

    state, results = over(act, fail_share=0.3)
    failed = [result for result in results.values() if result.error]
    assert (state.status, len(results)) == (JobStatus.SUCCEEDED, 40)
    assert 0 < len(failed) < 40
    assert "no prediction for this data row" in failed[0].error


def test_a_failed_run_is_failed():
    state, results = predicted(job(row()), {"mode": "model_run"}, fail_tasks=("foundry-model-job",))
    assert (state.status, results) == (JobStatus.FAILED, {})
    assert state.error == "the run ended as FAILED; Labelbox gave no reason"


def test_a_run_whose_rows_are_not_there_is_refused():
    with pytest.raises(Refused, match="Data row none not found"):
        predicted(job(row(), row("none")), {"mode": "model_run"})


@pytest.mark.parametrize("fault", [{"drop": True}, {"status": 502}])
def test_a_run_whose_reply_was_lost_is_found_by_its_name(fault):
    async def act(desk):
        target, one = desk.app(mode="model_run"), job(row(), sent_at=1.0)
        one = replace(one, kept=await target.prepare(one))
        assert await target.find(one) is None
        with pytest.raises(Indeterminate):
            await target.submit(one)
        found = await target.find(one)
        _, state = await finished(target, replace(one, id=found.id, kept={**one.kept, **found.kept}))
        return state.status, desk.counts["model_jobs"]

    faults = [{"route": "createModelJobForDataRows", "when": "after", **fault}]
    assert over(act, graphql_faults=faults) == (JobStatus.SUCCEEDED, 1)


@pytest.mark.parametrize("body", ["{", {"data": None}, {"errors": [{"message": "timed out"}]}])
def test_a_run_whose_reply_does_not_name_it_is_found_at_once(body):
    fault = {"route": "createModelJobForDataRows", "when": "after", "body": body}

    async def act(desk):
        state, _ = await done(desk.app(mode="model_run"), job(row(), sent_at=1.0))
        return state.status, desk.counts["model_jobs"]

    assert over(act, graphql_faults=[fault]) == (JobStatus.SUCCEEDED, 1)


def test_a_run_without_its_task_is_never_taken_for_absent():
    async def act(desk):
        target, one = desk.app(mode="model_run"), job(row())
        one, _ = await sent(target, one)
        desk.workspace.tasks.clear()
        found = await target.find(replace(one, id=None))
        with pytest.raises(JobLost):
            await target.poll(replace(one, id=found.id))

    over(act)


@pytest.mark.parametrize(
    ("code", "status", "error"),
    [
        ("AUTHENTICATION_ERROR", None, AuthError),
        ("AUTHORIZATION_ERROR", None, AuthError),
        ("GRAPHQL_VALIDATION_FAILED", None, Refused),
        ("MALFORMED_REQUEST", None, Refused),
        ("INTERNAL_SERVER_ERROR", 422, Refused),
        ("INTERNAL_SERVER_ERROR", 426, StopRun),
        ("INTERNAL_SERVER_ERROR", 500, UnexpectedReply),
        ("INTERNAL_SERVER_ERROR", None, UnexpectedReply),
        ("SOMETHING_NEW", None, UnexpectedReply),
    ],
)
def test_an_error_inside_a_reply_with_200_is_understood(code, status, error):
    extensions = {"code": code, **({"exception": {"status": status}} if status else {})}
    body = {"errors": [{"message": "no way", "extensions": extensions}], "data": None}
    with pytest.raises(error, match="no way"):
        predicted(
            job(row()),
            {"mode": "model_run"},
            graphql_faults=[{"route": "createModelJobForDataRows", "status": 200, "body": body}],
        )


def test_the_limit_of_requests_is_waited_for():
    body = {"message": "You have exceeded the limit of requests per minute"}
    fault = {"route": "createModelJobForDataRows", "status": 429, "body": body}
    with pytest.raises(Unavailable, match="You have exceeded"):
        predicted(job(row()), {"mode": "model_run"}, graphql_faults=[fault])


def test_the_plan_is_told_what_a_run_leaves_behind():
    assert over(_leaves) == "a model run a job, named nightly and its key"


async def _leaves(desk):
    return desk.app(mode="model_run", name="nightly", app=APP).leaves()
