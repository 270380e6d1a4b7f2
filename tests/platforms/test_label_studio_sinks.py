"""The sinks `label_studio.predictions` and `label_studio.tasks`: all rows, once, and nobody's work lost."""

import asyncio

import pytest

from runner.model.errors import Indeterminate, Refused, Unavailable
from runner.model.item import Record
from tests.platforms.studio import Studio, row

NAME = "intent v7"


async def published(sink, rows):
    await sink.open()
    try:
        await sink.write(rows)
        return await sink.commit()
    finally:
        await sink.abort()


def predict(studio, folder, rows, name=NAME):
    return asyncio.run(published(studio.sink("predictions", folder, model_version=name), rows))


def holds(studio, folder, receipt, name=NAME):
    return asyncio.run(studio.sink("predictions", folder, model_version=name).holds(receipt))


# -- predictions
def test_rows_become_predictions(tmp_path):
    studio = Studio(seed=600)
    receipt = predict(studio, tmp_path, [row(n, score=0.5) for n in range(1, 601)])
    assert (receipt["rows"], len(studio.said(NAME)), studio.desk.counts["predictions_uploaded"]) == (600, 600, 600)
    (prediction,) = studio.site.store.tasks[5].predictions.values()
    assert (prediction.score, prediction.result[0]["value"]) == (0.5, {"choices": ["billing"]})


def test_a_second_time_leaves_no_duplicates(tmp_path):
    studio = Studio()
    for label in ("billing", "other"):
        predict(studio, tmp_path, [row(n, label) for n in range(1, 11)])
    said = studio.said(NAME)
    assert {len(results) for results in said.values()} == {1}
    assert {results[0][0]["value"]["choices"][0] for results in said.values()} == {"other"}


def test_only_what_differs_is_replaced(tmp_path):
    studio = Studio(seed=1200)
    rows = [row(n, score=0.25) for n in range(1, 1201)]
    predict(studio, tmp_path, rows)
    before = set(studio.site.store.predictions)
    predict(studio, tmp_path, [*rows[:3], row(4, "other", score=0.25), *rows[4:]])
    assert studio.desk.counts["predictions_uploaded"] == 1201
    assert len(before & set(studio.site.store.predictions)) == 1199
    assert {len(results) for results in studio.said(NAME).values()} == {1}


def test_rows_that_are_gone_are_gone_there_too(tmp_path):
    studio = Studio()
    predict(studio, tmp_path, [row(1), row(2)])
    predict(studio, tmp_path, [row(2)])
    assert list(studio.said(NAME)) == [2]


@pytest.mark.parametrize("other", ["intent v70", "intent", "INTENT V7"])
def test_predictions_of_others_stay(tmp_path, other):
    studio = Studio()
    predict(studio, tmp_path, [row(1), row(2)], other)
    predict(studio, tmp_path, [row(1)])
    predict(studio, tmp_path, [row(1)])
    assert (list(studio.said(other)), list(studio.said(NAME))) == ([1, 2], [1])


def test_old_ones_stay_until_the_new_ones_are_there(tmp_path):
    studio = Studio()
    predict(studio, tmp_path, [row(1)])
    studio.desk.turn({"faults": [{"route": "POST */import/predictions", "status": 503}]})
    with pytest.raises(Unavailable):
        predict(studio, tmp_path, [row(1, "other")])
    assert studio.said(NAME)[1][0][0]["value"]["choices"] == ["billing"]


@pytest.mark.parametrize("knobs", [{}, {"strict_predictions": True}])
def test_a_label_that_the_project_lacks_is_told_and_nothing_is_left_of_it(tmp_path, knobs):
    studio = Studio(seed=600, **knobs)
    predict(studio, tmp_path, [row(1)])
    rows = [row(n) for n in range(1, 501)] + [row(501, "no such label"), row(502)]
    with pytest.raises(Refused) as told:
        predict(studio, tmp_path, rows)
    assert ("of 2 predictions 1 were stored" if not knobs else "400") in str(told.value)
    assert list(studio.said(NAME)) == [1]


def test_a_lost_reply_leaves_no_duplicates_after_the_next_apply(tmp_path):
    studio = Studio(faults=[{"route": "POST */import/predictions", "when": "after", "drop": True}])
    with pytest.raises(Indeterminate):
        predict(studio, tmp_path, [row(1)])
    predict(studio, tmp_path, [row(1)])
    assert {task: len(results) for task, results in studio.said(NAME).items()} == {1: 1}


def test_it_knows_whether_its_predictions_are_still_there(tmp_path):
    studio = Studio()
    receipt = predict(studio, tmp_path, [row(1), row(2)])
    assert holds(studio, tmp_path, receipt) is True
    studio.site.store.drop_prediction(next(iter(studio.site.store.tasks[1].predictions)))
    assert holds(studio, tmp_path, receipt) is False
    assert holds(studio, tmp_path, receipt, "never written") is False


def test_the_limit_of_one_import_a_second_is_waited_out(tmp_path):
    studio = Studio(seed=1100, rate_limits=True)
    predict(studio, tmp_path, [row(n) for n in range(1, 1101)])
    assert len(studio.said(NAME)) == 1100


def test_the_task_is_the_item_when_the_row_does_not_say(tmp_path):
    studio = Studio()
    bare = row(3)
    predict(studio, tmp_path, [Record("3", {"result": bare.row["result"]}, item={"id": 3})])
    assert list(studio.said(NAME)) == [3]


@pytest.mark.parametrize("wrong", [{"task": 1}, {"task": "x", "result": []}])
def test_a_row_that_is_no_prediction_is_refused_before_anything_is_sent(tmp_path, wrong):
    studio = Studio()
    with pytest.raises(Refused, match="the row of '1' cannot be sent"):
        predict(studio, tmp_path, [Record("1", wrong)])
    assert studio.desk.counts["predictions_uploaded"] == 0


# -- tasks
def texts(studio):
    tasks = studio.site.store.projects[3].tasks.values()
    return {task.data.get("ref"): task.data["text"] for task in tasks if "ref" in task.data}


def bring(studio, folder, rows):
    return asyncio.run(published(studio.sink("tasks", folder, key="ref"), rows))


def refs(count, text="hello"):
    return [Record(f"r{n}", {"ref": f"r{n}", "text": f"{text} {n}"}) for n in range(count)]


@pytest.mark.parametrize("mode", ["sync", "background"])
def test_rows_become_tasks_once(tmp_path, mode):
    studio = Studio(import_mode=mode)
    for _ in range(2):
        assert bring(studio, tmp_path, refs(120))["rows"] == 120
    assert (len(texts(studio)), len(studio.site.store.projects[3].tasks)) == (120, 180)


def test_a_task_that_is_there_is_given_its_new_data_and_keeps_its_annotations(tmp_path):
    studio = Studio()
    bring(studio, tmp_path, refs(3))
    task = next(task for task in studio.site.store.tasks.values() if task.data.get("ref") == "r1")
    studio.site.store.add_annotation(task, [], ground_truth=True)
    bring(studio, tmp_path, [*refs(3)[:1], *refs(2, "bye")[1:], *refs(4)[3:]])
    assert texts(studio) == {"r0": "hello 0", "r1": "bye 1", "r2": "hello 2", "r3": "hello 3"}
    assert len(task.annotations) == 1


def test_a_row_may_bring_more_than_data(tmp_path):
    studio = Studio()
    said = row(1).row["result"]
    whole = {"data": {"ref": "a", "text": "x"}, "annotations": [{"result": said, "ground_truth": True}]}
    bring(studio, tmp_path, [Record("a", whole)])
    task = next(task for task in studio.site.store.tasks.values() if task.data.get("ref") == "a")
    assert task.truth().result == said


@pytest.mark.parametrize(
    ("knobs", "words"),
    [
        ({}, "data key 'text' is missing"),
        ({"import_mode": "background"}, "the import in the background ended as failed"),
    ],
)
def test_data_that_the_labeling_interface_cannot_show_are_told(tmp_path, knobs, words):
    with pytest.raises(Refused, match=words):
        bring(Studio(**knobs), tmp_path, [Record("a", {"ref": "a"})])


def test_it_knows_whether_its_tasks_are_still_there(tmp_path):
    studio = Studio()
    receipt = bring(studio, tmp_path, refs(2))
    sink = studio.sink("tasks", tmp_path, key="ref")
    assert asyncio.run(sink.holds(receipt)) is True
    studio.site.store.drop_task(max(studio.site.store.tasks))
    assert asyncio.run(sink.holds(receipt)) is False


def test_both_sinks_need_no_prompts(tmp_path):
    studio = Studio(edition="Community")
    predict(studio, tmp_path, [row(1)])
    bring(studio, tmp_path, refs(1))
    assert (list(studio.said(NAME)), list(texts(studio))) == ([1], ["r0"])
