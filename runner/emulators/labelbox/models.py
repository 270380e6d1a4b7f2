"""Models and model runs: their rows, splits and config, and the training pipeline that `update_status` writes."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import partial

from runner.emulators.labelbox import data_rows
from runner.emulators.labelbox.graphql import INTERNAL, Arguments, GraphqlError, Root
from runner.emulators.labelbox.records import FAILED, SPLITS, Label, Model, ModelRun, RunRow, Task
from runner.emulators.labelbox.workspace import USER_ID, Workspace, found, stamp, uid
from runner.model.item import Json

STATUSES = ("EXPORTING_DATA", "PREPARING_DATA", "TRAINING_MODEL", "COMPLETE", "FAILED")
MOST_MESSAGE = 255
EXPERIMENTAL = frozenset(
    {
        "trainingPipeline",
        "updateTrainingPipeline",
        "createAssignDataRowsToDataSplitTask",
        "assignDataRowsToDataSplitTaskStatus",
    }
)
_PAGE = 100


def queries(ws: Workspace) -> Mapping[str, Root]:
    """List the root fields of this room."""
    status = partial(_registration_status, ws)
    return {
        "model": partial(_model, ws),
        "models": partial(_models, ws),
        "modelRun": partial(_run, ws),
        "annotationGroups": partial(_groups, ws),
        "trainingPipeline": partial(_pipeline, ws),
        "MEADataRowRegistrationTaskStatus": status,
        "MEALabelRegistrationTaskStatus": status,
        "assignDataRowsToDataSplitTaskStatus": status,
    }


def mutations(ws: Workspace) -> Mapping[str, Root]:
    """List the root fields of this room."""
    return {
        "createModel": partial(_create_model, ws),
        "createModelRun": partial(_create_run, ws),
        "deleteModels": partial(_delete_models, ws),
        "deleteModelRuns": partial(_delete_runs, ws),
        "deleteModelRunDataRows": partial(_delete_rows, ws),
        "updateTrainingPipeline": partial(_update_pipeline, ws),
        "updateModelRunConfig": partial(_update_config, ws),
        "resetModelRunConfig": partial(_reset_config, ws),
        "createMEAModelRunDataRowRegistrationTask": partial(_register_rows, ws),
        "createMEAModelRunLabelRegistrationTask": partial(_register_labels, ws),
        "createMEAModelRunProjectLabelRegistrationTask": partial(_register_project, ws),
        "createAssignDataRowsToDataSplitTask": partial(_assign, ws),
    }


def made_run(ws: Workspace, model: Model, name: str, *, app_id: str | None = None) -> ModelRun:
    """Add an empty run to a model."""
    run = ModelRun(uid(), name, model.id, ws.now(), ws.now(), app_id=app_id)
    ws.runs[run.id] = run
    return run


def row_of(run: ModelRun, data_row_id: str) -> RunRow:
    """Give the run's entry for a data row; it is added when it is not there."""
    return run.rows.setdefault(data_row_id, RunRow(uid()))


def _view(ws: Workspace, model: Model) -> dict[str, Json]:
    return {
        "id": model.id,
        "name": model.name,
        "ontologyId": model.ontology_id,
        "modelRuns": lambda _: [_run_view(run) for run in ws.runs.values() if run.model_id == model.id],
    }


def _run_view(run: ModelRun) -> dict[str, Json]:
    return {
        "id": run.id,
        "name": run.name,
        "modelId": run.model_id,
        "modelAppId": run.app_id,
        "createdBy": USER_ID,
        "trainingMetadata": run.config,
        "createdAt": stamp(run.created_at),
        "updatedAt": stamp(run.updated_at),
    }


def _model(ws: Workspace, args: Arguments) -> Json:
    model = ws.models.get(args["where"]["id"])
    return _view(ws, model) if model else None


def _models(ws: Workspace, args: Arguments) -> list[Json]:
    name = (args.get("where") or {}).get("name")
    kept = [model for model in ws.models.values() if name in (None, model.name)]
    first = int(args.get("skip") or 0)
    return [_view(ws, model) for model in kept[first : first + int(args.get("first") or _PAGE)]]


def _run(ws: Workspace, args: Arguments) -> Json:
    run = ws.runs.get(args["where"]["id"])
    return _run_view(run) if run else None


def _create_model(ws: Workspace, args: Arguments) -> dict[str, Json]:
    data = args["data"]
    found(ws.ontologies, data["ontologyId"], "Ontology")
    model = Model(uid(), data["name"], data["ontologyId"])
    ws.models[model.id] = model
    return _view(ws, model)


def _create_run(ws: Workspace, args: Arguments) -> dict[str, Json]:
    data = args["data"]
    run = made_run(ws, found(ws.models, data["modelId"], "Model"), data["name"])
    config = data.get("trainingMetadata")
    # Only here the server turns the names of the first level into camel case; update_config keeps them.
    run.config = {_camel(name): value for name, value in config.items()} if config is not None else None
    return _run_view(run)


def _camel(name: str) -> str:
    return re.sub(r"_(\w)", lambda match: match[1].upper(), name)


def _delete_models(ws: Workspace, args: Arguments) -> bool:
    for model_id in args["where"]["ids"]:
        ws.models.pop(model_id, None)
        ws.runs = {run_id: run for run_id, run in ws.runs.items() if run.model_id != model_id}
    return True


def _delete_runs(ws: Workspace, args: Arguments) -> bool:
    for run_id in args["where"]["ids"]:
        ws.runs.pop(run_id, None)
    return True


def _delete_rows(ws: Workspace, args: Arguments) -> bool:
    run = found(ws.runs, args["where"]["modelRunId"], "Model run")
    for row_id in args["where"]["dataRowIds"]:
        run.rows.pop(row_id, None)
    return True


def _groups(ws: Workspace, args: Arguments) -> dict[str, Json]:
    run = found(ws.runs, args["where"]["modelRunId"]["id"], "Model run")
    rows = [(row_id, row) for row_id, row in run.rows.items() if row_id in ws.rows]
    start = int(args.get("after") or 0)
    end = start + int(args.get("first") or _PAGE)
    nodes = [
        {
            "id": row.id,
            "labelId": row.label_ids[-1] if row.label_ids else None,
            "modelRunId": run.id,
            "dataSplit": row.split,
            "dataRow": data_rows.view(ws, ws.rows[row_id]),
        }
        for row_id, row in rows[start:end]
    ]
    return {"nodes": nodes, "pageInfo": {"endCursor": str(end) if end < len(rows) else None}}


def _pipeline(ws: Workspace, args: Arguments) -> dict[str, Json]:
    run = found(ws.runs, args["where"]["id"], "Model run")
    told = run.pipeline
    return {"status": told.status, "errorMessage": told.error_message, "metadata": told.metadata}


def _update_pipeline(ws: Workspace, args: Arguments) -> dict[str, Json]:
    run, data = found(ws.runs, args["modelRun"]["id"], "Model run"), args["data"]
    message = data.get("errorMessage")
    if data["status"] not in STATUSES:
        raise GraphqlError(INTERNAL, f"Unknown status {data['status']!r}", status=400)
    if message and len(message) > MOST_MESSAGE:
        raise GraphqlError(INTERNAL, f"errorMessage is longer than {MOST_MESSAGE} characters", status=400)
    pipeline = run.pipeline
    pipeline.status = data["status"]
    pipeline.error_message = message or pipeline.error_message
    if data.get("metadata"):
        pipeline.metadata = {**(pipeline.metadata or {}), **data["metadata"]}
    pipeline.told.append({**data, "at": ws.now()})
    ws.desk.count(f"pipeline.{data['status']}")
    return {"status": pipeline.status}


def _update_config(ws: Workspace, args: Arguments) -> dict[str, Json]:
    run = found(ws.runs, args["modelRun"]["id"], "Model run")
    run.config, run.updated_at = {**(run.config or {}), **args["data"]["config"]}, ws.now()
    return {"trainingMetadata": run.config}


def _reset_config(ws: Workspace, args: Arguments) -> dict[str, Json]:
    run = found(ws.runs, args["modelRun"]["id"], "Model run")
    run.config, run.updated_at = None, ws.now()
    return {"trainingMetadata": None}


def _register_rows(ws: Workspace, args: Arguments) -> str:
    run, data = found(ws.runs, args["where"]["id"], "Model run"), args["data"]
    rows = data_rows.resolve(ws, data.get("dataRowIds"), data.get("globalKeys"))

    def register(_task: Task, _at: float) -> None:
        for row in rows:
            row_of(run, row.id)

    return ws.task(run.name, "registration", ws.knobs.task_s, register).id


def _register_labels(ws: Workspace, args: Arguments) -> str:
    labels = [found(ws.labels, label_id, "Label") for label_id in args["data"]["labelIds"]]
    return _labelled(ws, args["where"]["id"], labels)


def _register_project(ws: Workspace, args: Arguments) -> str:
    project = found(ws.projects, args["where"]["projectId"], "Project")
    labels = [label for label in ws.labels.values() if label.project_id == project.id]
    return _labelled(ws, args["where"]["modelRunId"], labels)


def _labelled(ws: Workspace, run_id: str, labels: Sequence[Label]) -> str:
    run = found(ws.runs, run_id, "Model run")

    def register(_task: Task, _at: float) -> None:
        for label in labels:
            row = row_of(run, label.data_row_id)
            row.label_ids = [*(known for known in row.label_ids if known != label.id), label.id]

    return ws.task(run.name, "registration", ws.knobs.task_s, register).id


def _assign(ws: Workspace, args: Arguments) -> str:
    run = found(ws.runs, args["modelRun"]["id"], "Model run")
    wanted = [
        (each["split"], data_rows.resolve(ws, each.get("dataRowIds"), each.get("globalKeys")))
        for each in args["data"]["assignments"]
    ]

    def assign(_task: Task, _at: float) -> None:
        for split, rows in wanted:
            if split not in SPLITS or any(row.id not in run.rows for row in rows):
                raise GraphqlError(INTERNAL, f"Cannot assign the split {split}: rows outside the model run")
            for row in rows:
                run.rows[row.id].split = split

    return ws.task(run.name, "registration", ws.knobs.task_s, assign).id


def _registration_status(ws: Workspace, args: Arguments) -> dict[str, Json]:
    task = found(ws.tasks, args["where"]["id"], "Task")
    return {"status": task.status, "errorMessage": task.message if task.status == FAILED else None}
