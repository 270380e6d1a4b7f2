"""Exports: tasks that write one NDJSON line for each data row; `tasks` serves them in files by offset."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import partial

from runner.emulators.labelbox import data_rows
from runner.emulators.labelbox.graphql import Arguments, Root
from runner.emulators.labelbox.records import DONE, Annotations, DataRow, Label, ModelRun, Project, RunRow, Task
from runner.emulators.labelbox.workspace import USER_ID, Workspace, found, stamp
from runner.model.item import Json

EXPORT = "export-data-rows"
_QUEUE_STATES = {
    "MANUAL_REVIEW_QUEUE": "InReview",
    "MANUAL_REWORK_QUEUE": "InRework",
    "INITIAL_LABELING_QUEUE": "ToLabel",
}


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What lines are about: `params` as sent, and the runs and projects that are told of."""

    params: Mapping[str, Json]
    runs: tuple[ModelRun, ...] = ()
    projects: tuple[Project, ...] = ()


def mutations(ws: Workspace) -> Mapping[str, Root]:
    """List the root fields of this room."""
    return {
        "exportDataRowsInModelRun": partial(_of_run, ws),
        "exportDataRowsInCatalog": partial(_of_catalog, ws),
        "exportDataRowsInProject": partial(_of_project, ws),
    }


def _of_run(ws: Workspace, args: Arguments) -> dict[str, Json]:
    run = found(ws.runs, args["input"]["filters"]["modelRunId"], "Model run")
    rows = [ws.rows[row_id] for row_id in run.rows if row_id in ws.rows]
    return _start(ws, args["input"], rows, _Wanted(args["input"]["params"], runs=(run,)))


def _of_catalog(ws: Workspace, args: Arguments) -> dict[str, Json]:
    params = args["input"]["params"]
    rows = data_rows.search(ws, args["input"]["filters"]["searchQuery"]["query"])
    runs = [found(ws.runs, run_id, "Model run") for run_id in params.get("modelRunIds") or ()]
    projects = [found(ws.projects, project_id, "Project") for project_id in params.get("projectIds") or ()]
    wanted = _Wanted(
        params,
        tuple(ws.runs.values() if params.get("allModelRuns") else runs),
        tuple(ws.projects.values() if params.get("allProjects") else projects),
    )
    return _start(ws, args["input"], rows, wanted)


def _of_project(ws: Workspace, args: Arguments) -> dict[str, Json]:
    filters = args["input"]["filters"]
    project = found(ws.projects, filters["projectId"], "Project")
    query = filters["searchQuery"]["query"] or ()
    state = next((each.get("status", "ToLabel") for each in query if each["type"].startswith("task_queue")), None)
    rows = [
        row
        for row in data_rows.search(ws, query)
        if row.id in project.rows and state in (None, _state(project, row.id))
    ]
    return _start(ws, args["input"], rows, _Wanted(args["input"]["params"], projects=(project,)))


def _start(ws: Workspace, asked: Mapping[str, Json], rows: Iterable[DataRow], wanted: _Wanted) -> dict[str, Json]:
    def write(task: Task, _at: float) -> None:
        task.stream = b"".join(json.dumps(_line(ws, row, wanted)).encode() + b"\n" for row in rows)
        if not streamable:
            task.result = ws.keep(task.stream, "application/x-ndjson")

    streamable = bool(asked.get("streamable") or (asked.get("isStreamableReady") and ws.knobs.streamable))
    task = ws.task(asked.get("taskName") or "Export", EXPORT, ws.knobs.task_s, write)
    ws.desk.count("exports")
    return {"taskId": task.id, "isStreamable": streamable}


def _line(ws: Workspace, row: DataRow, wanted: _Wanted) -> dict[str, Json]:
    line: dict[str, Json] = {
        "data_row": {
            "id": row.id,
            "external_id": row.external_id,
            "global_key": row.global_key,
            "row_data": ws.subject_url(row),
        },
        "media_attributes": data_rows.media_attributes(ws, row),
    }
    if wanted.params.get("includeDataRowDetails"):
        line["data_row"]["details"] = _details(ws, row)
    if wanted.params.get("includeMetadata"):
        line["metadata_fields"] = data_rows.metadata(ws, row)
    if wanted.params.get("includeAttachments"):
        line["attachments"] = row.attachments
    if wanted.params.get("includeEmbeddings"):
        line["embeddings"] = []
    runs = [run for run in wanted.runs if row.id in run.rows]
    if runs:
        line["experiments"] = _experiments(ws, row, runs, wanted.params)
    projects = [project for project in wanted.projects if row.id in project.rows]
    if projects:
        line["projects"] = {project.id: _project(ws, row, project, wanted.params) for project in projects}
    return line


def _details(ws: Workspace, row: DataRow) -> dict[str, Json]:
    return {
        "dataset_id": row.dataset_id,
        "dataset_name": ws.datasets[row.dataset_id].name,
        "created_at": stamp(row.created_at),
        "updated_at": stamp(row.updated_at),
        "last_activity_at": stamp(row.updated_at),
        "created_by": USER_ID,
    }


def _experiments(ws: Workspace, row: DataRow, runs: Iterable[ModelRun], params: Mapping[str, Json]) -> dict[str, Json]:
    told: dict[str, Json] = {}
    for run in runs:
        model = ws.models[run.model_id]
        told.setdefault(model.id, {"name": model.name, "runs": {}})["runs"][run.id] = {
            "name": run.name,
            **_run(ws, run.rows[row.id], params),
        }
    return told


def _run(ws: Workspace, row: RunRow, params: Mapping[str, Json]) -> dict[str, Json]:
    told: dict[str, Json] = {"run_data_row_id": row.id}
    if params.get("includeModelRunDetails"):
        told[ws.knobs.export_split_key] = row.split
    told["labels"] = [_label(ws.labels[label_id], params) for label_id in row.label_ids if label_id in ws.labels]
    if params.get("includePredictions"):
        told["predictions"] = [_prediction(row)] if row.predictions else []
    return told


def _prediction(row: RunRow) -> dict[str, Json]:
    kinds = {
        kind: [answer for of, answer in row.predictions.values() if of == kind]
        for kind in ("objects", "classifications")
    }
    return _marked(row.id, Annotations(kinds["objects"], kinds["classifications"]))


def _label(label: Label, params: Mapping[str, Json]) -> dict[str, Json]:
    told = _marked(label.id, label.annotations)
    if params.get("includeLabelDetails"):
        at = stamp(label.created_at)
        told["label_details"] = {"created_at": at, "updated_at": at, "created_by": USER_ID, "reviews": []}
    return told


def _marked(marked_id: str, annotations: Annotations) -> dict[str, Json]:
    return {
        "label_kind": "Default",
        "version": "1.0.0",
        "id": marked_id,
        "annotations": {
            "objects": annotations.objects,
            "classifications": annotations.classifications,
            "relationships": [],
        },
    }


def _project(ws: Workspace, row: DataRow, project: Project, params: Mapping[str, Json]) -> dict[str, Json]:
    labels = [la for la in ws.labels.values() if la.data_row_id == row.id and la.project_id == project.id]
    told: dict[str, Json] = {"name": project.name, "labels": [_label(label, params) for label in labels]}
    if params.get("includeProjectDetails"):
        state = _state(project, row.id)
        lots = [lot for lot in project.lots if row.id in lot.row_ids]
        told["project_details"] = {
            "ontology_id": project.ontology_id,
            "task_name": next((q.name for q in project.queues if q.id == project.rows[row.id]), None),
            "batch_id": lots[-1].id if lots else None,
            "batch_name": lots[-1].name if lots else None,
            "workflow_status": re.sub(r"(?<!^)(?=[A-Z])", "_", state).upper(),
            "priority": 5,
        }
    return told


def _state(project: Project, row_id: str) -> str:
    queue_id = project.rows[row_id]
    if queue_id == DONE:
        return "Done"
    return next((_QUEUE_STATES.get(q.type, "InReview") for q in project.queues if q.id == queue_id), "ToLabel")
