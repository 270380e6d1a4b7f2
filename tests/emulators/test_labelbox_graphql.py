"""Labelbox over GraphQL, asked raw: documents and errors, tasks, model jobs, exports, model runs, uploads, projects."""

import json
from typing import Any

import pytest

from runner.emulators.labelbox import seed
from tests.emulators.labelbox_talk import Talk

PIPELINE = "{trainingPipeline(where: {id: $run}){status errorMessage metadata}}"
UPDATE = "{updateTrainingPipeline(modelRun: {id: $run}, data: $data){status}}"
IMPORT = (
    "mutation($run: ID!, $name: String!, $file: Upload!){createModelErrorAnalysisPredictionImport(data: {modelRunId:"
    " $run, name: $name, filePayload: {file: $file, contentLength: 1}}){state statusFileUrl errorFileUrl progress}}"
)


def code(reply: Any) -> str:
    return str(reply["errors"][0]["extensions"]["code"])


def upload(talk: Talk, query: str, content: bytes, **variables: Any) -> Any:
    operations = {"query": query, "variables": {"file": None, **variables}}
    files = {
        "operations": (None, json.dumps(operations)),
        "map": (None, json.dumps({"1": ["variables.file"]})),
        "1": ("json_import.json", content, "application/json"),
    }
    return talk.ask("POST", "/graphql", files=files).json()


def import_lines(talk: Talk, lines: list[Any], name: str = "first") -> list[Any]:
    content = "".join(json.dumps(line) + "\n" for line in lines).encode()
    made = upload(talk, IMPORT, content, run=seed.TICKET_RUN, name=name)
    told = made["data"]["createModelErrorAnalysisPredictionImport"]
    assert (told["state"], told["progress"]) == ("FINISHED", "100%")
    return [json.loads(line) for line in talk.ask("GET", told["statusFileUrl"]).text.splitlines()]


def make_rows(talk: Talk, payloads: list[Any]) -> Any:
    """Upload rows as the SDK does: a chunk, a manifest, a task; gives its status and both outcomes."""
    query = "mutation($file: Upload!){uploadFile(file: $file, contentLength: 1){url}}"
    items = [
        {"id": {"type": "AUTO", "value": ""}, "payload": {"dataset_id": seed.TICKET_DATASET, **payload}}
        for payload in payloads
    ]
    chunk = upload(talk, query, json.dumps(items).encode())["data"]["uploadFile"]["url"]
    manifest = json.dumps({"source": "SDK", "item_count": len(items), "chunk_uris": [chunk]}).encode()
    uri = upload(talk, query, manifest)["data"]["uploadFile"]["url"]
    query = "mutation($uri: String!){upsertDataRows(data: {manifestUri: $uri}){id status}}"
    task = talk.gql(query, uri=uri)["data"]["upsertDataRows"]
    query = (
        "query($id: ID!){successesfulDataRowImports(data: {taskId: $id}){nodes{globalKey} total}"
        " failedDataRowImports(data: {taskId: $id}){results{message spec{globalKey}} total}}"
    )
    return task["status"], *talk.gql(query, id=task["id"])["data"].values()


def annotate(talk: Talk, run: str, **more: Any) -> Any:
    rows = [{"type": "global_key", "operator": "is", "ids": ["street-001", "street-002"]}]
    asked = {
        "destinationProjectId": seed.STREET_PROJECT,
        "batchInput": {"batchName": "batch", "batchPriority": 5},
        "destinationTaskQueue": {"type": "id", "value": seed.STREET_QUEUE},
        "searchQuery": rows,
        "sourceModelRunId": run,
        **more,
    }
    made = talk.gql(
        "mutation($in: SendToAnnotateFromMeaInput!){sendToAnnotateFromMea(input: $in){taskId}}", **{"in": asked}
    )
    return talk.task(made["data"]["sendToAnnotateFromMea"]["taskId"]) if made["data"] else made


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        ("{user{", "GRAPHQL_PARSE_FAILED"),
        ("{nobody{id}}", "GRAPHQL_VALIDATION_FAILED"),
        ("{user{shoeSize}}", "GRAPHQL_VALIDATION_FAILED"),
        ("{user{...missing}}", "GRAPHQL_VALIDATION_FAILED"),
        ("query($id: ID!){dataset(where: {id: $id}){id}}", "GRAPHQL_VALIDATION_FAILED"),
        ("{dataset{id}}", "GRAPHQL_VALIDATION_FAILED"),
        ("query a{user{id}} query b{user{id}}", "GRAPHQL_VALIDATION_FAILED"),
        ('{findModelFoundryApp(where: {id: "x"}){id}}', "INTERNAL_SERVER_ERROR"),
        ('{modelErrorAnalysisPredictionImport(where: {modelRunId: "x", name: "y"}){id}}', "RESOURCE_NOT_FOUND"),
    ],
)
def test_errors_have_the_codes_that_clients_tell_apart(query: str, wanted: str) -> None:
    assert code(Talk().gql(query)) == wanted


def test_documents_may_have_aliases_fragments_and_defaults() -> None:
    query = (
        'query($id: ID = "%s"){d: dataset(where: {id: $id}){...F __typename}} fragment F on Dataset{n: name rowCount}'
    )
    told = Talk().gql(query % seed.STREET_DATASET)
    assert told == {"data": {"d": {"n": "Street scenes", "rowCount": 40, "__typename": "Dataset"}}}


def test_experimental_fields_live_on_gql_only() -> None:
    talk = Talk()
    query = f"query($run: ID!){PIPELINE}"
    assert code(talk.gql(query, run=seed.TICKET_RUN)) == "GRAPHQL_VALIDATION_FAILED"
    assert talk.gql(query, "/_gql", run=seed.TICKET_RUN)["data"]["trainingPipeline"]["status"] is None


def test_metadata_merges_and_the_error_message_stays() -> None:
    talk = Talk()

    def update(**data: Any) -> Any:
        query = f"mutation($run: ID!, $data: UpdateTrainingPipelineInput!){UPDATE}"
        return talk.gql(query, "/_gql", run=seed.TICKET_RUN, data=data)

    update(status="TRAINING_MODEL", metadata={"a": "1", "b": "1"})
    update(status="FAILED", errorMessage="x" * 255, metadata={"b": "2"})
    update(status="COMPLETE")
    told = talk.gql(f"query($run: ID!){PIPELINE}", "/_gql", run=seed.TICKET_RUN)["data"]["trainingPipeline"]
    assert told == {"status": "COMPLETE", "errorMessage": "x" * 255, "metadata": {"a": "1", "b": "2"}}
    assert talk.stats()["pipelines"] == {seed.TICKET_RUN: ["TRAINING_MODEL", "FAILED", "COMPLETE"]}
    assert "255" in update(status="FAILED", errorMessage="x" * 256)["errors"][0]["message"]
    assert "DONE" in update(status="DONE")["errors"][0]["message"]


def test_a_model_job_has_its_run_before_it_is_done() -> None:
    talk = Talk(job_s=60.0)
    task = talk.run_app([row.id for row in talk.rows[:3]])
    assert (task["status"], task["type"]) == ("IN_PROGRESS", "foundry-model-job")
    run = task["metadata"]["modelRunId"]
    talk.clock.now += 60
    assert talk.task(task["id"])["status"] == "COMPLETE"
    lines = talk.lines(talk.export(modelRunId=run))
    (experiment,) = lines[0]["experiments"].values()
    prediction = experiment["runs"][run]["predictions"][0]
    assert [each["name"] for each in prediction["annotations"]["objects"]] == ["car"]
    cost = talk.gql("query($id: ID!){modelFoundryModelRunInfo(where: {modelRunId: $id}){cost totalDataRows}}", id=run)
    assert cost["data"]["modelFoundryModelRunInfo"] == {"cost": 0.006, "totalDataRows": 3}


def test_an_unknown_row_fails_the_mutation_and_no_job_is_made() -> None:
    talk = Talk()
    asked = {"modelAppId": seed.STREET_APP, "name": "x", "globalKeys": ["street-001", "nope"]}
    query = "mutation($in: CreateModelJobForDataRowsInput!){createModelJobForDataRows(input: $in){taskId}}"
    assert "nope" in talk.gql(query, **{"in": asked})["errors"][0]["message"]
    assert "model_jobs" not in talk.stats()["counts"]


def test_a_failed_model_job_leaves_no_prediction_open() -> None:
    talk = Talk(fail_tasks=["foundry-model-job"], job_s=5.0)
    task = talk.run_app([talk.first])
    talk.clock.now += 5
    assert talk.task(task["id"])["status"] == "FAILED"
    assert talk.stats()["predictions"] == {"canceled": 1}


def test_a_lost_reply_still_makes_the_job_and_its_name_finds_it() -> None:
    talk = Talk(graphql_faults=[{"route": "createModelJobForDataRows", "when": "after", "status": 502}])
    query = "mutation($in: CreateModelJobForDataRowsInput!){createModelJobForDataRows(input: $in){taskId}}"
    asked = {"modelAppId": seed.STREET_APP, "name": "key 17", "dataRowIds": [talk.first]}
    assert talk.ask("POST", "/graphql", json={"query": query, "variables": {"in": asked}}).status_code == 502
    tasks = talk.gql("{user{createdTasks(skip: 0 first: 100){name metadata}}}")["data"]["user"]["createdTasks"]
    assert [task["name"] for task in tasks] == ["key 17"]
    talk.gql(query, **{"in": asked})
    assert talk.stats()["counts"]["model_jobs"] == 2


def test_an_export_comes_in_files_of_whole_lines() -> None:
    talk = Talk(export_chunk_bytes=2_000, task_s=4.0)
    task_id = talk.export(
        "exportDataRowsInCatalog", searchQuery={"query": [{"type": "dataset", "ids": [seed.STREET_DATASET]}]}
    )
    talk.clock.now += 2
    assert talk.task(task_id)["status"] == "IN_PROGRESS"
    talk.clock.now += 2
    lines = talk.lines(task_id)
    assert [line["data_row"]["global_key"] for line in lines] == [f"street-{n:03}" for n in range(1, 41)]
    assert lines[0]["metadata_fields"][0]["value"] == "2026-07-20T08:00:00.000Z"
    assert talk.stats()["requests"]["GET /files/{name}"] > 5


def test_a_file_of_an_export_expires() -> None:
    talk = Talk(file_s=60.0)
    task_id = talk.export(modelRunId=seed.TICKET_RUN)
    query = "query($id: ID!){task(where: {id: $id}){exportFileFromOffset(streamType: RESULT, offset: 0){file}}}"
    url = talk.gql(query, id=task_id)["data"]["task"]["exportFileFromOffset"]["file"]
    assert talk.ask("GET", url).status_code == 200
    talk.clock.now += 61
    assert talk.ask("GET", url).status_code == 403


def test_the_demo_run_has_labels_and_splits_to_train_on() -> None:
    talk = Talk()
    runs = [
        line["experiments"][seed.TICKET_MODEL]["runs"][seed.TICKET_RUN]
        for line in talk.lines(talk.export(modelRunId=seed.TICKET_RUN))
    ]
    splits = [run["data_split"] for run in runs]
    assert [splits.count(split) for split in ("TRAINING", "VALIDATION", "TEST")] == [80, 20, 20]
    topics = {run["labels"][0]["annotations"]["classifications"][0]["radio_answer"]["name"] for run in runs}
    assert topics == {"billing", "shipping", "technical", "account"}


TICKET = {"dataRow": {"globalKey": "ticket-001"}}


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ({"name": "topic", "answer": {"name": "billing"}}, ""),
        ({"metricName": "accuracy", "metricValue": 0.5}, ""),
        ({"metricName": "accuracy", "metricValue": {"0.1": 0.5, "0.5": 0.7}, "featureName": "topic"}, ""),
        ({"metricName": "cm", "metricValue": [1, 0, 2, 0]}, ""),
        ({"metricName": "cm", "metricValue": [1, 0]}, "InvalidMetric"),
        ({"metricName": "accuracy", "metricValue": {"0.1": 0.5}}, "InvalidMetric"),
        ({"metricName": "f1", "metricValue": 0.5}, "InvalidMetric"),
        ({"metricName": "a", "metricValue": 0.5, "featureName": "x"}, "FeatureNotFound"),
        ({"name": "colour", "answer": "red"}, "FeatureNotFound"),
        ({"name": "topic", "answer": {"name": "sport"}}, "OptionNotFound"),
        ({"name": "topic", "dataRow": {"globalKey": "street-001"}}, "DataRowNotInModelRun"),
        ({"name": "topic", "dataRow": {"globalKey": "x"}}, "DataRowNotFound"),
        ({"name": "topic", "dataRow": {}}, "InvalidDataRow"),
    ],
)
def test_uploaded_lines_are_checked_one_by_one(line: dict[str, Any], problem: str) -> None:
    talk = Talk()
    (told,) = import_lines(talk, [{**TICKET, "uuid": "1", **line}])
    assert [each["name"] for each in told["errors"]] == ([problem] if problem else [])
    shown = talk.ask("GET", f"/_emulator/model_runs/{seed.TICKET_RUN}").json()
    assert shown["predictions"] + len(shown["metrics"]) == (0 if problem else 1)


def test_a_metric_sent_again_replaces_the_first() -> None:
    talk = Talk()
    import_lines(talk, [{**TICKET, "metricName": "a", "metricValue": n} for n in (1, 2)])
    (metric,) = talk.ask("GET", f"/_emulator/model_runs/{seed.TICKET_RUN}").json()["metrics"]
    assert metric["metricValue"] == 2


def test_names_of_imports_are_unique_and_uuids_replace() -> None:
    talk = Talk()
    line = {"uuid": "1", "dataRow": {"globalKey": "ticket-001"}, "name": "topic", "answer": {"name": "billing"}}
    import_lines(talk, [line])
    assert code(upload(talk, IMPORT, b"{}\n", run=seed.TICKET_RUN, name="first")) == "RESOURCE_CONFLICT"
    import_lines(talk, [{**line, "answer": {"name": "account"}}], name="second")
    assert talk.ask("GET", f"/_emulator/model_runs/{seed.TICKET_RUN}").json()["predictions"] == 1


def test_some_lines_can_be_made_to_fail() -> None:
    talk = Talk(fail_lines=0.5)
    line = {"dataRow": {"globalKey": "ticket-001"}, "name": "topic", "answer": {"name": "billing"}}
    told = [each["status"] for each in import_lines(talk, [{**line, "uuid": str(n)} for n in range(40)])]
    assert 10 < told.count("FAILURE") < 30


def test_rows_go_to_the_queue_that_is_named_with_mapped_predictions() -> None:
    talk = Talk()
    run = talk.run_app([row.id for row in talk.rows[:2]])["metadata"]["modelRunId"]
    project = talk.app.state.workspace.projects[seed.STREET_PROJECT]
    normalized = talk.app.state.workspace.ontologies[project.ontology_id].normalized
    feature = normalized["classifications"][0]["featureSchemaId"]
    mapped = {"modelRunId": run, "featureSchemaIdsMapping": {feature: feature}}
    assert annotate(talk, run, predictionsInput=mapped)["status"] == "COMPLETE"
    assert talk.stats()["projects"][seed.STREET_PROJECT][seed.STREET_QUEUE] == 2
    assert [each["name"] for each in project.prelabels[talk.first].classifications] == ["has_people"]


def test_without_a_queue_rows_are_done_and_predictions_become_truth() -> None:
    talk = Talk()
    run = talk.run_app([row.id for row in talk.rows[:2]])["metadata"]["modelRunId"]
    annotate(talk, run, destinationTaskQueue={"type": "done"})
    assert talk.stats()["projects"][seed.STREET_PROJECT]["Done"] == 2


def test_a_second_batch_of_the_same_name_fails_and_says_why() -> None:
    talk = Talk()
    run = talk.run_app([row.id for row in talk.rows[:2]])["metadata"]["modelRunId"]
    annotate(talk, run)
    task = annotate(talk, run)
    assert (task["status"], "'batch'" in json.loads(task["result"])["error"]) == ("FAILED", True)
    assert talk.stats()["counts"]["annotate_sent"] == 2


def test_an_unknown_queue_is_refused_at_once() -> None:
    talk = Talk()
    run = talk.run_app([talk.first])["metadata"]["modelRunId"]
    told = annotate(talk, run, destinationTaskQueue={"type": "id", "value": "nope"})
    assert "Task queue nope" in told["errors"][0]["message"]


def test_a_canceled_task_does_nothing() -> None:
    talk = Talk(task_s=10.0)
    task_id = talk.export(modelRunId=seed.TICKET_RUN)
    query = "mutation($id: ID!){cancelBulkOperationJob(id: $id){success}}"
    assert talk.gql(query, id=task_id)["data"]["cancelBulkOperationJob"] == {"success": True}
    talk.clock.now += 10
    assert talk.task(task_id)["status"] == "CANCELED"
    header = "query($id: ID!){task(where: {id: $id}){exportMetadataHeader(streamType: RESULT){totalSize}}}"
    assert talk.gql(header, id=task_id)["data"]["task"]["exportMetadataHeader"] is None


def test_bytes_of_an_upload_arrive_as_they_were_sent() -> None:
    talk = Talk()
    content = bytes(range(256)) + b"\r\n--x\r\n\r\n" + bytes(range(256))
    query = "mutation($file: Upload!){uploadFile(file: $file, contentLength: 1){url filename}}"
    told = upload(talk, query, content)["data"]["uploadFile"]
    assert told["filename"] == "json_import.json"
    assert talk.ask("GET", told["url"]).content == content


@pytest.mark.parametrize(
    ("payload", "words"),
    [
        ({"row_data": "t", "global_key": "ticket-001"}, "Duplicate global key"),
        ({"row_data": "t", "global_key": "x" * 201}, "200"),
        ({"row_data": "t" * 65_537}, "64K"),
        ({"row_data": ""}, "required"),
        ({"row_data": "t", "dataset_id": "nope"}, "nope"),
    ],
)
def test_rows_fail_inside_a_complete_task(payload: dict[str, Any], words: str) -> None:
    status, landed, failed = make_rows(Talk(), [{"row_data": "good", "global_key": "new"}, payload])
    assert (status, landed["nodes"]) == ("COMPLETE", [{"globalKey": "new"}])
    assert words in failed["results"][0]["message"]


def test_a_share_of_rows_can_be_made_to_fail() -> None:
    rows = [{"row_data": f"text {n}", "global_key": f"new {n}"} for n in range(40)]
    status, landed, failed = make_rows(Talk(fail_rows=0.5), rows)
    assert (status, landed["total"] + failed["total"]) == ("COMPLETE", 40)
    assert 10 < failed["total"] < 30


def test_a_task_can_be_made_to_fail() -> None:
    talk = Talk(fail_tasks=["*"])
    assert make_rows(talk, [{"row_data": "t"}])[0] == "FAILED"
    assert talk.task(talk.export(modelRunId=seed.TICKET_RUN))["status"] == "FAILED"


def test_a_dropped_reply_looks_like_a_broken_connection() -> None:
    talk = Talk(graphql_faults=[{"route": "exportDataRowsInModelRun", "when": "after", "drop": True}])
    with pytest.raises(ConnectionResetError):
        talk.export(modelRunId=seed.TICKET_RUN)
    assert talk.stats()["counts"]["exports"] == 1


def test_a_fault_may_have_a_body_of_its_own_and_others_pass() -> None:
    body = {"errors": [{"message": "quota", "extensions": {"code": "INTERNAL_SERVER_ERROR"}}]}
    talk = Talk(graphql_faults=[{"route": "organization", "body": body, "skip": 1}])
    assert talk.gql("{user{id}}")["data"]["user"]
    assert "data" in talk.gql("{organization{id}}")
    assert talk.gql("{organization{id}}") == body
