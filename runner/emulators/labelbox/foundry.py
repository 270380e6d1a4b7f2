"""Foundry apps: kept settings, runs of an app over many data rows, and what one prediction is."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from runner.emulators.labelbox import data_rows, models
from runner.emulators.labelbox.graphql import INTERNAL, Arguments, GraphqlError, Root
from runner.emulators.labelbox.records import (
    COMPLETE,
    Annotations,
    App,
    DataRow,
    Dataset,
    Model,
    ModelRun,
    Prediction,
    Task,
)
from runner.emulators.labelbox.rules import Subject, annotate
from runner.emulators.labelbox.workspace import USER_ID, Workspace, cuid, drawn, found, uid
from runner.model.item import Json

MODEL_JOB = "foundry-model-job"


def queries(ws: Workspace) -> Mapping[str, Root]:
    """List the root fields of this room."""
    return {"findModelFoundryApp": partial(_app, ws), "modelFoundryModelRunInfo": partial(_cost, ws)}


def mutations(ws: Workspace) -> Mapping[str, Root]:
    """List the root fields of this room."""
    return {
        "createModelFoundryApp": partial(_create, ws),
        "deleteModelFoundryApp": partial(_delete, ws),
        "createModelJobForDataRows": partial(_run, ws),
    }


def look(ws: Workspace, app: App, subject: Subject) -> Annotations:
    """Do the app's work on one asset."""
    normalized = found(ws.ontologies, app.ontology_id, "Ontology").normalized
    seen = annotate(subject, normalized, app.inference_params.get("keywords") or {}, app.class_to_schema_id)
    return Annotations(list(seen.objects), list(seen.classifications))


def finish(ws: Workspace, prediction: Prediction, subject: Subject, at: float, *, status: str = "") -> None:
    """End a prediction: it fails when the knob `fail_share` draws its data, else it has annotations and a price.

    Args:
        ws: the workspace.
        prediction: the job; a cancelled one stays as it is.
        subject: what is looked at.
        at: when it ends.
        status: forces the end, see the knob of that name.
    """
    app = ws.apps.get(prediction.app_id)
    if prediction.status != "in_progress" or app is None:
        return
    unlucky = drawn(f"{prediction.data_row_id or subject.text or subject.hints}", ws.knobs.fail_share)
    prediction.status = status or ("error" if unlucky else "success")
    prediction.finished_at = at
    if prediction.status == "error":
        prediction.error = "The model could not answer: an error made by the emulator"
    if prediction.status == "success":
        prediction.annotations, prediction.price = look(ws, app, subject), ws.knobs.price
        ws.desk.count("predictions")
        _into_run(ws, prediction)


def inference_dataset(ws: Workspace, app: App) -> Dataset:
    """Give the dataset that keeps an app's raw assets; it is made at first use."""
    name = f"App {app.name} - inference data"
    for dataset in ws.datasets.values():
        if dataset.name == name:
            return dataset
    made = Dataset(cuid(), name, "", ws.now(), ws.now())
    ws.datasets[made.id] = made
    return made


def inference_run(ws: Workspace, app: App) -> ModelRun:
    """Give the model run that collects an app's single predictions; it is made at first use."""
    name = f"App {app.name} - inferences"
    for run in ws.runs.values():
        if run.name == name and run.app_id == app.id:
            return run
    return models.made_run(ws, _model(ws, app), name, app_id=app.id)


def app_view(app: App) -> dict[str, Json]:
    """Show an app."""
    return {
        "id": app.id,
        "modelId": app.model_id,
        "name": app.name,
        "description": app.description,
        "inferenceParams": app.inference_params,
        "classToSchemaId": app.class_to_schema_id,
        "ontologyId": app.ontology_id,
        "createdBy": USER_ID,
    }


def _app(ws: Workspace, args: Arguments) -> dict[str, Json]:
    return app_view(found(ws.apps, args["where"]["id"], "Model app"))


def _create(ws: Workspace, args: Arguments) -> dict[str, Json]:
    data = args["input"]
    found(ws.ontologies, data["ontologyId"], "Ontology")
    app = App(
        uid(),
        data["modelId"],
        data["name"],
        data.get("description"),
        dict(data["inferenceParams"]),
        dict(data["classToSchemaId"]),
        data["ontologyId"],
    )
    ws.apps[app.id] = app
    return app_view(app)


def _delete(ws: Workspace, args: Arguments) -> dict[str, bool]:
    del ws.apps[found(ws.apps, args["id"], "Model app").id]
    return {"success": True}


def _run(ws: Workspace, args: Arguments) -> dict[str, Json]:
    data = args["input"]
    app = found(ws.apps, data.get("modelAppId"), "Model app")
    rows = data_rows.resolve(ws, data.get("dataRowIds"), data.get("globalKeys"))
    if not rows:
        raise GraphqlError(INTERNAL, "Name at least one data row", status=400)
    run = models.made_run(ws, _model(ws, app), data["name"], app_id=app.id)
    jobs = [_prediction(ws, app, run, row) for row in rows]
    task = ws.task(data["name"], MODEL_JOB, ws.knobs.job_s, partial(_finish_run, ws, run, jobs))
    task.metadata["modelRunId"] = run.id
    ws.agenda.after(ws.knobs.job_s, partial(_give_up, task, jobs))
    ws.desk.count("model_jobs")
    return {"taskId": task.id}


def _prediction(ws: Workspace, app: App, run: ModelRun, row: DataRow) -> Prediction:
    made = Prediction(uid(), app.id, ws.now(), row.id, run.id)
    ws.predictions[made.id] = made
    ws.desk.submitted(row.id)
    return made


def _finish_run(ws: Workspace, run: ModelRun, jobs: list[Prediction], _task: Task, at: float) -> None:
    for job in jobs:
        row = ws.rows.get(job.data_row_id or "")
        if row is not None:
            models.row_of(run, row.id)
            finish(ws, job, data_rows.subject(ws, row), at)
    run.updated_at = at


def _give_up(task: Task, jobs: list[Prediction], at: float) -> None:
    for job in jobs if task.status != COMPLETE else ():
        job.status, job.error, job.finished_at = "canceled", task.message or "The run was canceled", at


def _into_run(ws: Workspace, prediction: Prediction) -> None:
    run = ws.runs.get(prediction.model_run_id or "")
    if run is None or prediction.data_row_id is None or prediction.annotations is None:
        return
    row = models.row_of(run, prediction.data_row_id)
    row.predictions = {
        feature["feature_id"]: (kind, feature)
        for kind in ("objects", "classifications")
        for feature in getattr(prediction.annotations, kind)
    }
    run.cost = (run.cost or 0.0) + prediction.price


def _model(ws: Workspace, app: App) -> Model:
    for model in ws.models.values():
        if model.name == app.name and model.ontology_id == app.ontology_id:
            return model
    made = Model(uid(), app.name, app.ontology_id)
    ws.models[made.id] = made
    return made


def _cost(ws: Workspace, args: Arguments) -> dict[str, Json] | None:
    run = ws.runs.get(args["where"]["modelRunId"])
    if run is None or run.app_id is None:
        return None
    open_ = any(p.model_run_id == run.id and p.status == "in_progress" for p in ws.predictions.values())
    status = "IN_PROGRESS" if open_ else "COMPLETE"
    return {"cost": round(run.cost or 0.0, 6), "status": status, "totalDataRows": len(run.rows)}
