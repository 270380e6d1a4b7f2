"""Predictions: `/api/predictions/`, `/api/predictions/{id}/` and the bulk `/api/projects/{id}/import/predictions`."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from runner.emulators.label_studio import labels, shapes
from runner.emulators.label_studio.replies import Refusal, body_of, invalid, missing, object_of, whole
from runner.emulators.label_studio.site import Site, route
from runner.emulators.label_studio.store import Prediction
from runner.model.item import Json

UNNAMED = "undefined"


def routes(site: Site) -> list[Route]:
    """Make the routes of this room."""
    return [
        route(site, "/api/predictions/", get=list_, post=create),
        route(site, "/api/predictions/{id:int}/", get=get, patch=update, delete=delete),
        route(site, "/api/projects/{id:int}/import/predictions", post=import_predictions),
    ]


async def list_(site: Site, request: Request) -> Response:
    """List predictions of a task, a project, or all; not paged."""
    task, project = whole(request, "task"), whole(request, "project")
    rows = (row for row in site.store.predictions.values() if project in (None, row.project))
    return JSONResponse([shapes.prediction(row) for row in rows if task in (None, row.task)])


async def create(site: Site, request: Request) -> Response:
    """Store one prediction."""
    body = await object_of(request)
    task = site.store.tasks.get(body.get("task", 0))
    if task is None:
        raise invalid(task=f'Invalid pk "{body.get("task")}" - object does not exist.')
    told = labels.fault(labels.controls(site.store.projects[task.project].label_config), body.get("result"))
    if told and site.knobs.strict_predictions:
        raise invalid(result=told)
    made = _store(site, body)
    return JSONResponse(shapes.prediction(made), status_code=201)


async def get(site: Site, request: Request) -> Response:
    """Show a prediction."""
    return JSONResponse(shapes.prediction(_prediction(site, request)))


async def update(site: Site, request: Request) -> Response:
    """Change a prediction."""
    row, body = _prediction(site, request), await object_of(request)
    row.result = body.get("result", row.result)
    row.score = body.get("score", row.score)
    row.model_version = str(body.get("model_version", row.model_version))
    return JSONResponse(shapes.prediction(row))


async def delete(site: Site, request: Request) -> Response:
    """Delete a prediction."""
    site.store.drop_prediction(_prediction(site, request).id)
    return Response(status_code=204)


async def import_predictions(site: Site, request: Request) -> Response:
    """Store many predictions and tell only how many; invalid ones are dropped in silence, or refused when strict."""
    project, body = site.project(request), await body_of(request)
    if not isinstance(body, list):
        raise Refusal(500, "string indices must be integers")
    unknown = [row.get("task") for row in body if row.get("task") not in project.tasks]
    if unknown:
        raise invalid(non_field_errors=f"Tasks not found in the project: {unknown[:10]}")
    asked = labels.controls(project.label_config)
    faults = [labels.fault(asked, row.get("result")) for row in body]
    if any(faults) and site.knobs.strict_predictions:
        raise Refusal(
            400, "Validation error", {"predictions": [f"Prediction {n}: {f}" for n, f in enumerate(faults) if f]}
        )
    made = [_store(site, row) for row, fault in zip(body, faults, strict=True) if not fault]
    return JSONResponse({"created": len(made)}, status_code=201)


def _store(site: Site, row: dict[str, Json]) -> Prediction:
    site.desk.count("predictions")
    site.desk.count("predictions_uploaded")
    text = str(row.get("model_version") or UNNAMED)
    task = site.store.tasks[row["task"]]
    return site.store.add_prediction(task, row.get("result") or [], score=row.get("score"), model_version=text)


def _prediction(site: Site, request: Request) -> Prediction:
    found = site.store.predictions.get(request.path_params["id"])
    if found is None:
        raise missing("Prediction")
    return found
