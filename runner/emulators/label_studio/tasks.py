"""Tasks and what people say about them: `/api/tasks/`, `/api/tasks/{id}/annotations/`, `/api/annotations/{id}/`."""

from __future__ import annotations

import json

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from runner.emulators.label_studio import filters, shapes
from runner.emulators.label_studio.replies import Refusal, invalid, missing, object_of, paging, whole, window
from runner.emulators.label_studio.site import Site, route
from runner.emulators.label_studio.store import Annotation, Project, Task
from runner.model.item import Json

PAGE = 100


def routes(site: Site) -> list[Route]:
    """Make the routes of this room."""
    return [
        route(site, "/api/tasks/", get=list_, post=create),
        route(site, "/api/tasks/{id:int}/", get=get, patch=update, delete=delete),
        route(site, "/api/tasks/{id:int}/annotations/", get=answers, post=annotate),
        route(site, "/api/annotations/{id:int}/", get=annotation, patch=update_annotation, delete=delete_annotation),
        route(site, "/api/projects/{id:int}/tasks/", get=of_project),
    ]


async def list_(site: Site, request: Request) -> Response:
    """Give one page of tasks of a project or a view, filtered and ordered by `query`."""
    rows = _found(site, request)
    number, size = paging(request, default=PAGE)
    start = window(number, size, len(rows))
    full = request.query_params.get("fields") == "all"
    shown = [shapes.task(row, full=full) for row in rows[start : start + size]]
    kept = [name for name in request.query_params.get("include", "").split(",") if name]
    if kept:
        shown = [{name: value for name, value in row.items() if name in kept} for row in shown]
    totals = {
        "total_annotations": sum(len(row.annotations) for row in rows),
        "total_predictions": sum(len(row.predictions) for row in rows),
        "total": len(rows),
    }
    return JSONResponse({**totals, "tasks": shown})


async def create(site: Site, request: Request) -> Response:
    """Create one task."""
    body = await object_of(request)
    project = site.store.projects.get(body.get("project", 0))
    if project is None or not isinstance(body.get("data"), dict):
        raise invalid(**{"project" if project is None else "data": "This field is required."})
    return JSONResponse(shapes.task(site.store.add_task(project, body["data"], body.get("meta"))), status_code=201)


async def get(site: Site, request: Request) -> Response:
    """Show a task with what was said about it."""
    return JSONResponse(shapes.task(_task(site, request)))


async def update(site: Site, request: Request) -> Response:
    """Change a task's data or meta."""
    row, body = _task(site, request), await object_of(request)
    row.data, row.meta = body.get("data", row.data), body.get("meta", row.meta)
    return JSONResponse(shapes.task(row))


async def delete(site: Site, request: Request) -> Response:
    """Delete a task."""
    site.store.drop_task(_task(site, request).id)
    return Response(status_code=204)


async def answers(site: Site, request: Request) -> Response:
    """List what people said about a task."""
    return JSONResponse([shapes.annotation(row) for row in _task(site, request).annotations.values()])


async def annotate(site: Site, request: Request) -> Response:
    """Store what somebody says about a task."""
    row, body = _task(site, request), await object_of(request)
    if not isinstance(body.get("result"), list):
        raise invalid(result="This field is required.")
    made = site.store.add_annotation(row, body["result"], ground_truth=bool(body.get("ground_truth")))
    return JSONResponse(shapes.annotation(made), status_code=201)


async def annotation(site: Site, request: Request) -> Response:
    """Show an annotation."""
    return JSONResponse(shapes.annotation(_annotation(site, request)))


async def update_annotation(site: Site, request: Request) -> Response:
    """Change an annotation, for example whether it is ground truth."""
    row, body = _annotation(site, request), await object_of(request)
    row.result = body.get("result", row.result)
    row.ground_truth = bool(body.get("ground_truth", row.ground_truth))
    return JSONResponse(shapes.annotation(row))


async def delete_annotation(site: Site, request: Request) -> Response:
    """Delete an annotation."""
    site.store.drop_annotation(_annotation(site, request).id)
    return Response(status_code=204)


async def of_project(site: Site, request: Request) -> Response:
    """List a project's tasks as a bare array, newest first."""
    rows = sorted(site.project(request).tasks.values(), key=lambda row: -row.id)
    number, size = paging(request, default=PAGE)
    start = window(number, size, len(rows))
    return JSONResponse([shapes.task(row) for row in rows[start : start + size]])


def picked(project: Project, query: dict[str, Json]) -> list[Task]:
    """Give the tasks that a Data Manager query means, in its order.

    Raises:
        Refusal: 500, the query cannot be evaluated, as on the real server.
    """
    try:
        rows = filters.chosen(project.tasks.values(), query.get("filters"))
        rows = filters.selected(rows, query.get("selectedItems"))
        return filters.ordered(rows, query.get("ordering") or [])
    except (filters.BadFilter, AttributeError, TypeError) as error:
        raise Refusal(500, str(error)) from error


def _found(site: Site, request: Request) -> list[Task]:
    view = site.store.views.get(whole(request, "view") or 0)
    project = site.store.projects.get(view["project"] if view else whole(request, "project") or 0)
    if project is None:
        raise missing("Project")
    query = dict(view["data"]) if view else {}
    text = request.query_params.get("query")
    try:
        query |= json.loads(text) if text else {}
    except (ValueError, TypeError) as error:
        raise Refusal(500, f"query is not JSON: {error}") from error
    return picked(project, query)


def _task(site: Site, request: Request) -> Task:
    found = site.store.tasks.get(request.path_params["id"])
    if found is None:
        raise missing("Task")
    return found


def _annotation(site: Site, request: Request) -> Annotation:
    found = site.store.annotations.get(request.path_params["id"])
    if found is None:
        raise missing("Annotation")
    return found
