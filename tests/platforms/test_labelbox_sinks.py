"""Records to annotators, into model runs and datasets, and the status of a training."""

import asyncio

import pytest

from runner.model.errors import AuthError, Refused, RunnerError
from runner.model.item import Record
from runner.templating import compile_template
from tests.platforms.labelbox_desk import PROJECT, QUEUE, RUN, labelbox
from tests.platforms.made import PLACE, done, job


def over(act, **knobs):
    """Run `act(desk)` over a fresh emulator."""

    async def run():
        async with labelbox(**knobs) as desk:
            return await act(desk)

    return asyncio.run(run())


# -- send to annotate
HUMANS = {"project": PROJECT, "task_queue": QUEUE}


def records(items):
    return [Record(item.key, {"data_row_id": item.key}, item=item.value) for item in items]


def in_queue(desk, name):
    """How many rows of the project lie in a queue; a queue that there is not is Done."""
    project = desk.workspace.projects[PROJECT]
    ids = [queue.id for queue in project.queues if name in (queue.id, queue.name)] or [""]
    return [*project.rows.values()].count(ids[0])


@pytest.mark.parametrize("queue", [QUEUE, "Initial labeling task", "Done"])
def test_rows_land_in_the_queue_that_was_said(tmp_path, queue):
    async def act(desk):
        sent = records((await desk.rows())[:10])
        assert await desk.publish("annotate", sent, tmp_path, **{**HUMANS, "task_queue": queue}) == {"sent": 10}
        return in_queue(desk, queue)

    assert over(act) == 10


def test_only_new_rows_are_sent_later(tmp_path):
    async def act(desk):
        sent = records((await desk.rows())[:12])
        kept = [await desk.publish("annotate", sent[:n], tmp_path, **HUMANS) for n in (10, 12, 12)]
        return [one["sent"] for one in kept], [len(lot.row_ids) for lot in desk.workspace.projects[PROJECT].lots]

    assert over(act) == ([10, 2, 0], [10, 2])


def test_a_batch_that_was_sent_before_the_crash_is_not_sent_again(tmp_path):
    async def act(desk):
        sent = records((await desk.rows())[:3])
        with pytest.raises(RunnerError):
            await desk.publish("annotate", sent, tmp_path, **HUMANS)
        again = await desk.publish("annotate", sent, tmp_path, **HUMANS)
        return again, desk.counts["annotate_sent"]

    faults = [{"route": "sendToAnnotateFromCatalog", "when": "after", "drop": True}]
    assert over(act, graphql_faults=faults) == ({"sent": 0}, 3)


def test_predictions_come_along_as_drafts_by_the_ontology_map(tmp_path):
    async def act(desk):
        items = (await desk.rows())[:4]
        _, results = await done(desk.app(mode="model_run"), job(*items))
        ontology = desk.workspace.ontologies[desk.workspace.projects[PROJECT].ontology_id]
        lighting = next(each for each in ontology.normalized["classifications"] if each["name"] == "lighting")
        both = {lighting["featureSchemaId"]: lighting["featureSchemaId"]}
        sent = [Record(key, result.value) for key, result in results.items()]
        await desk.publish("annotate", sent, tmp_path, **HUMANS, ontology_map=both)
        drafts = desk.workspace.projects[PROJECT].prelabels.values()
        return [[each["name"] for each in draft.classifications] for draft in drafts]

    assert over(act) == [["lighting"]] * 4


def test_a_map_without_a_model_run_is_told(tmp_path):
    async def act(desk):
        await desk.publish("annotate", records((await desk.rows())[:2]), tmp_path, **HUMANS, ontology_map={"a": "b"})

    with pytest.raises(Refused, match="use mode model_run"):
        over(act)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"project": "none"}, "no project none"),
        ({"task_queue": "later"}, "no task queue later; it has Initial labeling task, initial-review"),
    ],
)
def test_a_wrong_project_or_queue_is_told_before_anything_is_paid(tmp_path, options, words):
    async def act(desk):
        await desk.connection.sink("annotate", {**HUMANS, **options}, PLACE).check()

    with pytest.raises(AuthError, match=words):
        over(act)


def test_a_task_that_fails_says_why(tmp_path):
    async def act(desk):
        await desk.publish("annotate", records((await desk.rows())[:2]), tmp_path, **HUMANS)

    with pytest.raises(Refused, match=r"ended as FAILED: .*The job failed"):
        over(act, fail_tasks=("send-to-annotate",))


# -- predictions and metrics
ANSWER = {"name": "topic", "answer": {"name": "billing", "confidence": 0.5}}
METRIC = {"metricName": "correct", "metricValue": 1, "featureName": "topic"}
MATRIX = {"metricName": "confusion", "metricValue": [1, 0, 0, 0], "featureName": "topic"}


async def upload(desk, folder, row=None, **options):
    items = await desk.rows("model_run_rows", model_run=RUN)
    row = {"predictions": [ANSWER], "metrics": [METRIC, MATRIX]} if row is None else row
    made = [Record(item.key, row, item=item.value) for item in items]
    return await desk.publish("model_run_predictions", made, folder, model_run=RUN, **options)


def held(desk):
    """Number of predictions and metrics in the model run."""
    rows = desk.workspace.runs[RUN].rows.values()
    return sum(len(row.predictions) for row in rows), sum(len(row.metrics) for row in rows)


def test_predictions_and_metrics_are_uploaded(tmp_path):
    async def act(desk):
        return await upload(desk, tmp_path), held(desk)

    assert over(act) == ({"lines": 360, "refused": 0}, (120, 240))


def test_a_second_upload_replaces_the_first(tmp_path):
    async def act(desk):
        await upload(desk, tmp_path)
        await upload(desk, tmp_path, {"predictions": [{**ANSWER, "answer": {"name": "account"}}]})
        row = next(iter(desk.workspace.runs[RUN].rows.values()))
        return held(desk), [answer["radio_answer"]["name"] for _, answer in row.predictions.values()]

    assert over(act) == ((120, 240), ["account"])


def test_an_upload_whose_reply_was_lost_is_found_by_its_name(tmp_path):
    async def act(desk):
        with pytest.raises(RunnerError):
            await upload(desk, tmp_path)
        return await upload(desk, tmp_path), desk.counts["imports.mea"]

    faults = [{"route": "createModelErrorAnalysisPredictionImport", "when": "after", "drop": True}]
    assert over(act, graphql_faults=faults) == ({"lines": 360, "refused": 0}, 1)


def test_refused_lines_are_an_error_or_are_counted(tmp_path):
    async def act(desk):
        with pytest.raises(Refused, match=r"of 360 lines were refused, the first for data row c\w+: An error"):
            await upload(desk, tmp_path)
        return await upload(desk, tmp_path, refused_lines="keep")

    assert 0 < over(act, fail_lines=0.2)["refused"] < 360


def test_rows_outside_the_run_are_added_when_wanted(tmp_path):
    async def act(desk, **options):
        items = (await desk.rows())[:3]
        made = [Record(item.key, {"predictions": [ANSWER]}, item=item.value) for item in items]
        return await desk.publish("model_run_predictions", made, tmp_path, model_run=RUN, **options)

    assert over(lambda desk: act(desk, add_rows=True)) == {"lines": 3, "refused": 0}
    with pytest.raises(Refused, match="is not in the model run"):
        over(act)


def test_a_row_may_be_named_by_its_global_key(tmp_path):
    key = compile_template("{{ item.global_key }}")
    assert over(lambda desk: upload(desk, tmp_path, global_key=key)) == {"lines": 360, "refused": 0}


def test_records_without_predictions_upload_nothing(tmp_path):
    assert over(lambda desk: upload(desk, tmp_path, {"x": 1})) == {"lines": 0, "refused": 0}


def test_a_failed_import_is_told(tmp_path):
    with pytest.raises(Refused, match="has failed"):
        over(lambda desk: upload(desk, tmp_path), fail_tasks=("mea-import",))


def test_a_model_run_that_is_not_there_is_told(tmp_path):
    async def act(desk):
        await desk.publish("model_run_predictions", [], tmp_path, model_run="none")

    with pytest.raises(AuthError, match="no model run none"):
        over(act)


# -- data rows
NEW = [Record(f"k{n}", {"row_data": f"tëxt {n}", "global_key": f"new-{n}"}) for n in range(5)]
TICKETS = "clx0support0tickets"


def test_records_become_data_rows_once(tmp_path):
    async def act(desk):
        kept = [await desk.publish("data_rows", NEW, tmp_path, dataset=TICKETS) for _ in range(2)]
        rows = [row.row_data for row in desk.workspace.rows.values() if (row.global_key or "").startswith("new-")]
        return kept, rows

    kept, rows = over(act)
    assert kept == [{"rows": 5, "refused": 0}] * 2
    assert rows == [f"tëxt {n}" for n in range(5)]


def test_rows_that_fail_inside_a_complete_upload_are_told(tmp_path):
    async def act(desk):
        with pytest.raises(Refused, match="of 5 data rows were refused, the first with global key new-"):
            await desk.publish("data_rows", NEW, tmp_path, dataset=TICKETS)
        return await desk.publish("data_rows", NEW, tmp_path, dataset=TICKETS, refused_rows="keep")

    assert over(act, fail_rows=0.5)["refused"] > 0


def test_what_a_row_is_made_of_may_be_said(tmp_path):
    async def act(desk):
        options = {"row_data": "{{ item.text }}", "global_key": "{{ 'ours-' ~ record.id }}"}
        told = {name: compile_template(text) for name, text in options.items()}
        await desk.publish(
            "data_rows", [Record("a", {"id": 7}, item={"text": "hi"})], tmp_path, dataset=TICKETS, **told
        )
        return desk.workspace.rows[desk.workspace.global_keys["ours-7"]].row_data

    assert over(act) == "hi"


def test_a_dataset_that_is_not_there_is_told(tmp_path):
    with pytest.raises(AuthError, match="no dataset none"):
        over(lambda desk: desk.publish("data_rows", NEW, tmp_path, dataset="none"))


# -- the status of a training
def told(*events, **knobs):
    async def act(desk):
        notifier = desk.connection.notifier("model_run_status", {"model_run": RUN}, PLACE)
        for event in events:
            await notifier.tell({"at": 1.0, "recipe": "r", "error": "", "metadata": {}, **event})
        pipeline = desk.workspace.runs[RUN].pipeline
        return desk.told, pipeline.metadata, pipeline.error_message

    return over(act, **knobs)


START = ({"event": "run_started"}, {"event": "source_read", "items": 3, "work": 3}, {"event": "stage_started"})


def test_a_training_is_followed_in_order():
    work = {"event": "progress", "progress": 0.5, "job": "x", "metadata": {"loss": 0.1, "note": "fine", "none": None}}
    end = ({"event": "stage_ended"}, {"event": "run_ended", "outcome": "done", "items": {"succeeded": 3}})
    statuses, metadata, error = told(*START, {"event": "jobs_running"}, work, *end)
    assert statuses == ["EXPORTING_DATA", "PREPARING_DATA", "TRAINING_MODEL", "TRAINING_MODEL", "COMPLETE"]
    assert (metadata, error) == ({"loss": "0.1", "note": "fine", "progress": "0.5"}, None)


@pytest.mark.parametrize("items", [{}, {"succeeded": 0}, None])
def test_a_training_of_no_rows_is_no_success(items):
    statuses, _, error = told({"event": "run_ended", "outcome": "done", "error": "", "items": items})
    assert (statuses, error) == (["FAILED"], "no row was selected: nothing was trained")


@pytest.mark.parametrize("outcome", ["failed_items", "check_failed", "held", "error", "cancelled"])
def test_anything_but_a_full_success_is_failed(outcome):
    statuses, _, error = told({"event": "run_ended", "outcome": outcome, "error": "", "items": {}})
    assert (statuses, error) == (["FAILED"], f"the run ended as {outcome}")


def test_a_long_error_is_cut_to_what_is_allowed():
    _, _, error = told({"event": "run_ended", "outcome": "error", "error": "ü" * 400})
    assert error == "ü" * 255


def test_a_pause_is_told_and_ends_nothing():
    statuses, metadata, _ = told({"event": "run_paused", "outcome": "interrupted", "items": {}})
    assert (statuses, metadata) == (["TRAINING_MODEL"], {"run": "interrupted"})


def test_a_status_is_told_again_when_its_reply_was_lost():
    faults = [{"route": "updateTrainingPipeline", "drop": True}]
    assert told({"event": "run_started"}, graphql_faults=faults)[0] == ["EXPORTING_DATA"]
