"""The Data Manager: `/api/dm/views/` (saved filters) and `/api/dm/actions/` (work on many tasks at once)."""

from __future__ import annotations

from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from runner.emulators.label_studio.replies import Refusal, invalid, missing, object_of, whole
from runner.emulators.label_studio.site import Site, route
from runner.emulators.label_studio.store import Store, Task
from runner.emulators.label_studio.tasks import picked
from runner.model.item import Json


def routes(site: Site) -> list[Route]:
    """Make the routes of this room."""
    return [
        route(site, "/api/dm/views/", get=list_, post=create),
        route(site, "/api/dm/views/{id:int}/", get=get, patch=update, delete=delete),
        route(site, "/api/dm/actions/", get=actions, post=act),
    ]


async def list_(site: Site, request: Request) -> Response:
    """List the views of a project."""
    project = whole(request, "project")
    return JSONResponse([row for row in site.store.views.values() if project in (None, row["project"])])


async def create(site: Site, request: Request) -> Response:
    """Save a view."""
    body = await object_of(request)
    if body.get("project") not in site.store.projects:
        raise invalid(project=f'Invalid pk "{body.get("project")}" - object does not exist.')
    row = {"id": site.store.next_id("view"), "project": body["project"], "data": body.get("data") or {}}
    site.store.views[row["id"]] = row
    return JSONResponse(row, status_code=201)


async def get(site: Site, request: Request) -> Response:
    """Show a view."""
    return JSONResponse(_view(site, request))


async def update(site: Site, request: Request) -> Response:
    """Change a view."""
    row, body = _view(site, request), await object_of(request)
    row["data"] = body.get("data", row["data"])
    return JSONResponse(row)


async def delete(site: Site, request: Request) -> Response:
    """Delete a view."""
    del site.store.views[_view(site, request)["id"]]
    return Response(status_code=204)


async def actions(_site: Site, _request: Request) -> Response:
    """List what can be done with many tasks."""
    return JSONResponse([{"id": name, "title": name.replace("_", " ").capitalize()} for name in ACTIONS])


async def act(site: Site, request: Request) -> Response:
    """Do an action with the tasks that body and filters select."""
    body = await object_of(request)
    project = site.store.projects.get(whole(request, "project") or body.get("project", 0))
    if project is None:
        raise missing("Project")
    action = ACTIONS.get(request.query_params.get("id", ""))
    if action is None:
        raise Refusal(400, f"Action id {request.query_params.get('id')!r} is not known")
    return JSONResponse(action(site.store, picked(project, body)))


def _delete_predictions(store: Store, rows: list[Task]) -> Json:
    gone = [number for row in rows for number in row.predictions]
    for number in gone:
        store.drop_prediction(number)
    return {"processed_items": len(gone), "detail": f"Deleted {len(gone)} predictions"}


def _delete_annotations(store: Store, rows: list[Task]) -> Json:
    gone = [number for row in rows for number in row.annotations]
    for number in gone:
        store.drop_annotation(number)
    return {"processed_items": len(gone), "detail": f"Deleted {len(gone)} annotations"}


def _delete_tasks(store: Store, rows: list[Task]) -> Json:
    for row in rows:
        store.drop_task(row.id)
    return {"processed_items": len(rows), "reload": True, "detail": f"Deleted {len(rows)} tasks"}


def _to_annotations(store: Store, rows: list[Task]) -> Json:
    made = [
        store.add_annotation(row, each.result, ground_truth=False)
        for row in rows
        for each in list(row.predictions.values())[-1:]
    ]
    return {"processed_items": len(made), "response_code": 200, "detail": f"Created {len(made)} annotations"}


ACTIONS: dict[str, Callable[[Store, list[Task]], Json]] = {
    "delete_tasks_predictions": _delete_predictions,
    "delete_tasks_annotations": _delete_annotations,
    "delete_tasks": _delete_tasks,
    "predictions_to_annotations": _to_annotations,
}


def _view(site: Site, request: Request) -> dict[str, Json]:
    found = site.store.views.get(request.path_params["id"])
    if found is None:
        raise missing("View")
    return found
