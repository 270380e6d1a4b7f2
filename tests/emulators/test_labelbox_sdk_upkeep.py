"""The official SDK does the upkeep: lists, searches, updates and deletes; old forms of export; imports by URL."""

from collections.abc import Iterator
from typing import Any

import pytest
import requests
from labelbox import Client, MediaType, Task
from labelbox.schema.export_task import ExportTask, StreamType
from labelbox.schema.identifiable import GlobalKey
from lbox.exceptions import LabelboxError, ResourceConflict, ResourceNotFoundError

from runner.emulators.labelbox import create, seed
from tests.emulators.labelbox_talk import served


@pytest.fixture
def url() -> Iterator[str]:
    with served(create()) as root:
        yield root


@pytest.fixture
def client(url: str) -> Iterator[Client]:
    made = Client("emulator", endpoint=f"{url}/graphql", rest_endpoint=f"{url}/api/v1", enable_experimental=True)
    with made.connection:
        yield made


def turn(url: str, **knobs: Any) -> None:
    requests.post(f"{url}/_emulator/knobs", json=knobs, timeout=5).raise_for_status()


def test_datasets_are_listed_by_name_changed_and_deleted(client: Client) -> None:
    made = client.create_dataset(name="mine")
    made.update(name="ours", description="d")
    named = list(client.get_datasets(where=type(made).name == "ours"))
    assert [(each.uid, each.description) for each in named] == [(made.uid, "d")]
    assert len(list(client.get_datasets())) == 3
    made.delete()
    with pytest.raises(ResourceNotFoundError):
        client.get_dataset(made.uid)


def test_data_rows_are_upserted_by_key(client: Client) -> None:
    dataset = client.get_dataset(seed.STREET_DATASET)
    row = client.get_data_row_by_global_key("street-001")
    task = dataset.upsert_data_rows([{"key": GlobalKey("street-001"), "external_id": "first"}])
    task.wait_till_done()
    assert client.get_data_row(row.uid).external_id == "first"
    assert client.get_data_row_ids_for_external_ids(["first"]) == {"first": [row.uid]}


@pytest.mark.parametrize(
    ("filters", "rows"),
    [
        ({"last_activity_at": ["2026-08-19", "2026-08-21"]}, 160),
        ({"last_activity_at": [None, "2026-08-19"]}, 0),
        ({"last_activity_at": ["2026-08-21", None]}, 0),
        ({"label_created_at": ["2026-08-19", None]}, 120),
    ],
)
def test_the_catalog_is_searched_by_time(client: Client, filters: dict[str, list[str | None]], rows: int) -> None:
    task = client.get_catalog().export(filters=filters)
    assert (task.get_total_lines(StreamType.RESULT) or 0) == rows


def test_old_exports_give_lists_or_a_url(client: Client, url: str) -> None:
    run = client.get_model_run(seed.TICKET_RUN)
    with pytest.warns(DeprecationWarning):
        streamed = run.export_v2()
    assert isinstance(streamed, ExportTask)
    with requests.Session() as session:
        session.headers["authorization"] = "Bearer emulator"
        assert len(session.get(streamed.result_url, timeout=5).text.splitlines()) == len(streamed.result) == 120
    turn(url, streamable=False)
    with pytest.warns(DeprecationWarning):
        plain = run.export_v2()
    assert isinstance(plain, Task)
    assert len(plain.result) == 120


def test_models_and_runs_are_listed_and_deleted(client: Client) -> None:
    model = client.create_model("m", client.get_model(seed.TICKET_MODEL).ontology_id)
    run, other = model.create_model_run("a"), model.create_model_run("b")
    run.upsert_data_rows(global_keys=["ticket-001", "ticket-002"])
    run.delete_model_run_data_rows([client.get_data_row_by_global_key("ticket-001").uid])
    assert [row.data_row().global_key for row in run.model_run_data_rows()] == ["ticket-002"]
    run.delete()
    assert [each.uid for each in client.get_models(where=type(model).name == "m")] == [model.uid]
    assert [each.name for each in model.model_runs()] == ["b"]
    model.delete()
    with pytest.raises(ResourceNotFoundError):
        client.get_model_run(other.uid)


def test_a_split_outside_the_run_fails(client: Client) -> None:
    run = client.get_model(seed.TICKET_MODEL).create_model_run("empty")
    with pytest.raises(Exception, match="Job failed"):
        run.assign_data_rows_to_split(global_keys=["ticket-001"], split="TEST")


def test_predictions_may_come_from_a_url(client: Client) -> None:
    run = client.get_model_run(seed.TICKET_RUN)
    line = '{"uuid": "1", "dataRow": {"globalKey": "ticket-001"}, "name": "topic", "answer": {"name": "billing"}}\n'
    upload = run.add_predictions("by url", client.upload_data(line.encode(), "a.ndjson", "application/x-ndjson"))
    assert [each["status"] for each in upload.statuses] == ["SUCCESS"]
    with pytest.raises(ResourceConflict):
        run.add_predictions("by url", [{"uuid": "1", "dataRow": {"globalKey": "ticket-001"}, "name": "topic"}])


def test_projects_are_made_wired_changed_and_deleted(client: Client) -> None:
    project = client.create_project(name="p", media_type=MediaType.Text)
    project.connect_ontology(client.get_ontology(client.get_model(seed.TICKET_MODEL).ontology_id))
    project.update(description="d")
    assert (project.ontology().name, len(list(client.get_projects()))) == ("Ticket topics", 3)
    assert next(queue.queue_type for queue in project.task_queues()) == "INITIAL_LABELING_QUEUE"
    project.delete()
    with pytest.raises(ResourceNotFoundError):
        client.get_project(project.uid)


def test_a_large_batch_is_filled_by_a_task(client: Client) -> None:
    project = client.get_project(seed.TICKET_PROJECT)
    rows = [row.uid for row in client.get_dataset(seed.TICKET_DATASET).data_rows()]
    batch = project._create_batch_async("large", rows, None, 5, None)
    assert (batch.name, batch.size) == ("large", 120)
    assert [each.uid for each in project.batches()] == [batch.uid]
    with pytest.raises(ResourceConflict):
        project.create_batch("large", rows[:1])


def test_a_task_is_canceled_only_while_it_runs(client: Client, url: str) -> None:
    turn(url, task_s=3600.0)
    task = client.get_model_run(seed.TICKET_RUN).export()
    assert client.cancel_task(task.uid)
    assert client.get_task_by_id(task.uid).status == "CANCELED"
    with pytest.raises(LabelboxError, match="not in progress"):
        client.cancel_task(task.uid)
