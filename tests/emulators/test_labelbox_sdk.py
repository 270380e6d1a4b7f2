"""The official SDK drives the served stand-in: Foundry, tasks, exports, training status, predictions, annotate."""

from collections.abc import Iterator
from typing import Any

import labelbox
import pytest
import requests
from labelbox import Client, ModelRun
from labelbox.schema.data_row_metadata import DataRowMetadataField
from labelbox.schema.foundry.app import App
from labelbox.schema.foundry.foundry_client import FoundryClient
from labelbox.schema.identifiables import DataRowIds, GlobalKeys
from lbox.exceptions import AuthenticationError, LabelboxError, ResourceNotFoundError

from runner.emulators.labelbox import create, seed
from tests.emulators.labelbox_talk import served


@pytest.fixture
def url() -> Iterator[str]:
    with served(create(export_chunk_bytes=4_000)) as root:
        yield root


@pytest.fixture
def client(url: str) -> Iterator[Client]:
    made = Client(
        "emulator",
        endpoint=f"{url}/graphql",
        rest_endpoint=f"{url}/api/v1",
        app_url=url,
        enable_experimental=True,
    )
    with made.connection:
        yield made


def run_app(client: Client, *keys: str) -> ModelRun:
    task = client.run_foundry_app("night run", GlobalKeys(list(keys)), seed.STREET_APP)
    task.wait_till_done()
    assert task.status == "COMPLETE"
    return client.get_model_run(task.metadata["modelRunId"])


def exported(task: Any) -> list[Any]:
    task.wait_till_done()
    return [line.json for line in task.get_buffered_stream()] if task.has_result() else []


def stats(url: str) -> Any:
    return requests.get(f"{url}/_emulator/stats", timeout=5).json()


def test_a_foundry_app_is_made_read_and_deleted(client: Client) -> None:
    ontology = client.create_ontology("o", {"classifications": [], "tools": []})
    foundry = FoundryClient(client)
    wanted = App(model_id="m", name="n", inference_params={"a": 1}, class_to_schema_id={}, ontology_id=ontology.uid)
    made = foundry._create_app(wanted)
    assert foundry._get_app(made.id) == made
    foundry._delete_app(made.id)
    with pytest.raises(ResourceNotFoundError):
        foundry._get_app(made.id)


def test_an_app_is_run_and_its_predictions_exported(client: Client) -> None:
    keys = [f"street-{n:03}" for n in range(1, 31)]
    run = run_app(client, *keys)
    assert (run.name, run.total_cost, run.total_data_rows) == ("night run", 0.06, 30)
    lines = exported(run.export(params={"predictions": True, "model_run_details": True, "metadata_fields": True}))
    assert [line["data_row"]["global_key"] for line in lines] == keys
    told = lines[0]["experiments"][run.model_id]["runs"][run.uid]["predictions"][0]["annotations"]
    assert [each["radio_answer"]["name"] for each in told["classifications"][:2]] == ["no", "day"]


def test_an_unknown_row_or_a_wrong_key_is_an_error(client: Client, url: str) -> None:
    with pytest.raises(LabelboxError, match="nope"):
        client.run_foundry_app("x", DataRowIds(["nope"]), seed.STREET_APP)
    stranger = Client("wrong", endpoint=f"{url}/graphql")
    with stranger.connection, pytest.raises(AuthenticationError):
        stranger.get_user()


def test_data_rows_are_made_listed_and_found(client: Client) -> None:
    dataset = client.create_dataset(name="mine")
    metadata = [DataRowMetadataField(name="camera", value="roof")]
    rows = [{"row_data": f"A bus {n}", "global_key": f"k{n}", "metadata_fields": metadata} for n in range(3)]
    task = dataset.create_data_rows([*rows, {"row_data": "again", "global_key": "street-001"}])
    task.wait_till_done()
    assert (task.status, len(task.result)) == ("COMPLETE", 3)
    assert "street-001" in task.errors[0]["message"]
    assert {row.global_key for row in dataset.data_rows()} == {"k0", "k1", "k2"}
    found = client.get_data_row_by_global_key("k1")
    assert (found.row_data, found.metadata_fields[0]["value"]) == ("A bus 1", "roof")


def test_a_data_row_is_updated_and_deleted(client: Client) -> None:
    row = client.get_data_row_by_global_key("street-005")
    row.update(external_id="five")
    assert client.get_dataset(seed.STREET_DATASET).data_row_for_external_id("five").uid == row.uid
    row.delete()
    with pytest.raises(ResourceNotFoundError):
        client.get_data_row(row.uid)


def test_a_dataset_and_the_catalog_are_exported(client: Client) -> None:
    lines = exported(client.get_dataset(seed.STREET_DATASET).export(params={"metadata_fields": True}))
    late = [line for line in lines if line["metadata_fields"][0]["value"] >= "2026-08-01"]
    assert (len(lines), len(late)) == (40, 21)
    chosen = client.get_catalog().export(filters={"global_keys": ["ticket-002", "street-002"]})
    assert [line["data_row"]["global_key"] for line in exported(chosen)] == ["street-002", "ticket-002"]


def test_training_status_is_told_in_order(client: Client, url: str) -> None:
    run = client.get_model_run(seed.TICKET_RUN)
    for status in ("EXPORTING_DATA", "PREPARING_DATA"):
        run.update_status(status)
    run.update_status("TRAINING_MODEL", metadata={"epoch": "1"})
    run.update_status("FAILED", error_message="out of memory")
    shown = requests.get(f"{url}/_emulator/model_runs/{run.uid}", timeout=5).json()
    assert (shown["status"], shown["errorMessage"], shown["metadata"]) == ("FAILED", "out of memory", {"epoch": "1"})
    assert stats(url)["pipelines"][run.uid] == ["EXPORTING_DATA", "PREPARING_DATA", "TRAINING_MODEL", "FAILED"]


def test_a_config_is_camelled_on_create_only(client: Client) -> None:
    run = client.get_model(seed.TICKET_MODEL).create_model_run("second", {"batch_size": 4})
    assert run.get_config() == {"batchSize": 4}
    assert run.update_config({"learning_rate": 0.1})["trainingMetadata"] == {"batchSize": 4, "learning_rate": 0.1}
    assert run.reset_config()["trainingMetadata"] is None


def test_predictions_and_metrics_are_uploaded_and_read_back(client: Client) -> None:
    run = client.get_model_run(seed.TICKET_RUN)
    answer = {"name": "topic", "answer": {"name": "billing", "confidence": 0.8}, "uuid": "1"}
    scalar = {"metricName": "accuracy", "metricValue": 0.75, "aggregation": "ARITHMETIC_MEAN"}
    matrix = {
        "metricName": "cm",
        "metricValue": [1, 0, 0, 0],
        "featureName": "topic",
        "aggregation": "CONFUSION_MATRIX",
    }
    lines = [{**line, "dataRow": {"globalKey": "ticket-001"}} for line in (answer, scalar, matrix)]
    upload = run.add_predictions("evaluation", lines)
    upload.wait_till_done()
    assert (upload.errors, len(upload.statuses), upload.state.value) == ([], 3, "FINISHED")
    again = labelbox.MEAPredictionImport.from_name(client, run.uid, "evaluation")
    assert [each["metricName"] for each in again.inputs if "metricValue" in each] == ["accuracy", "cm"]
    line = exported(run.export(params={"predictions": True}))[0]
    told = line["experiments"][run.model_id]["runs"][run.uid]["predictions"][0]["annotations"]["classifications"][0]
    assert (told["radio_answer"]["name"], told["radio_answer"]["confidence"]) == ("billing", 0.8)


def test_rows_and_splits_of_a_run(client: Client) -> None:
    run = client.get_model(seed.TICKET_MODEL).create_model_run("third")
    run.upsert_data_rows(global_keys=["ticket-001", "ticket-002"])
    run.assign_data_rows_to_split(global_keys=["ticket-002"], split="TEST")
    assert [(row.data_row().global_key, row.data_split.value) for row in run.model_run_data_rows()] == [
        ("ticket-001", "UNASSIGNED"),
        ("ticket-002", "TEST"),
    ]
    run.upsert_labels(project_id=seed.TICKET_PROJECT)
    assert len(list(run.model_run_data_rows())) == 120


@pytest.mark.parametrize(("queue", "place"), [(seed.STREET_QUEUE, seed.STREET_QUEUE), (None, "Done")])
def test_a_run_is_sent_to_annotate(client: Client, url: str, queue: str | None, place: str) -> None:
    run = run_app(client, "street-001", "street-002")
    rows = GlobalKeys(["street-001", "street-002"])
    task = run.send_to_annotate_from_model(seed.STREET_PROJECT, queue, "batch", rows, {})
    task.wait_till_done()
    assert (task.status, task.errors) == ("COMPLETE", None)
    assert stats(url)["projects"][seed.STREET_PROJECT][place] == 2
    again = run.send_to_annotate_from_model(seed.STREET_PROJECT, queue, "batch", rows, {})
    assert (again.status, "batch" in again.errors["error"]) == ("FAILED", True)


def test_the_catalog_is_sent_to_annotate(client: Client, url: str) -> None:
    run = run_app(client, "street-003")
    params = {"source_model_run_id": run.uid, "exclude_data_rows_in_project": True}
    task = client.send_to_annotate_from_catalog(
        seed.STREET_PROJECT, seed.STREET_QUEUE, "batch", GlobalKeys(["street-003"]), params
    )
    assert task.status == "COMPLETE"
    assert stats(url)["projects"][seed.STREET_PROJECT][seed.STREET_QUEUE] == 1


def test_a_project_has_queues_batches_drafts_and_labels(client: Client) -> None:
    project = client.get_project(seed.STREET_PROJECT)
    row = client.get_data_row_by_global_key("street-007")
    batch = project.create_batch("first", [row.uid])
    project.move_data_rows_to_task_queue(DataRowIds([row.uid]), seed.STREET_QUEUE)
    assert (batch.size, [queue.data_row_count for queue in project.task_queues()]) == (1, [0, 1, 0])
    line = {"uuid": "1", "dataRow": {"id": row.uid}, "name": "has_people", "answer": {"name": "yes"}}
    for kind in (labelbox.MALPredictionImport, labelbox.LabelImport):
        upload = kind.create_from_objects(client, project.uid, "upload", [line])
        assert [each["status"] for each in upload.statuses] == ["SUCCESS"]
    assert project.get_label_count() == 1
    labels = exported(project.export(params={"label_details": True}))[0]["projects"][project.uid]["labels"]
    assert labels[0]["annotations"]["classifications"][0]["radio_answer"]["name"] == "yes"


@pytest.mark.filterwarnings("ignore:The method wait_until_done:DeprecationWarning")  # the SDK calls its own
def test_predictions_go_to_a_project_in_one_call(client: Client) -> None:
    run = run_app(client, "street-004")
    line = {"uuid": "1", "dataRow": {"globalKey": "street-004"}, "name": "has_people", "answer": {"name": "yes"}}
    done = run.upsert_predictions_and_send_to_project("all", [line], seed.STREET_PROJECT)
    assert all(part is not None for part in done)
