"""Projects and imports: `/api/projects/`, `/api/projects/{id}/import`, `/imports/{import}/`, `/model-versions/`."""

from __future__ import annotations

from collections import Counter

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from runner.emulators.label_studio import labels, shapes
from runner.emulators.label_studio.replies import Refusal, body_of, invalid, missing, object_of, page
from runner.emulators.label_studio.site import Site, route
from runner.emulators.label_studio.store import Import, Project, Store
from runner.model.item import Json

WRITABLE = ("title", "description", "label_config")
TITLE_CHARS = range(3, 51)


def routes(site: Site) -> list[Route]:
    """Make the routes of this room."""
    return [
        route(site, "/api/projects/", get=list_, post=create),
        route(site, "/api/projects/{id:int}/", get=get, patch=update, delete=delete),
        route(site, "/api/projects/{id:int}/import", post=import_tasks),
        route(site, "/api/projects/{id:int}/imports/{import_id:int}/", get=import_status),
        route(site, "/api/projects/{id:int}/model-versions/", get=model_versions),
    ]


async def list_(site: Site, request: Request) -> Response:
    """Give one page of projects, newest first."""
    asked = request.query_params
    rows = sorted(site.store.projects.values(), key=lambda row: row.id, reverse=asked.get("ordering") != "id")
    if asked.get("ids"):
        rows = [row for row in rows if str(row.id) in asked["ids"].split(",")]
    if asked.get("title"):
        rows = [row for row in rows if asked["title"].casefold() in row.title.casefold()]
    shown = [shapes.project(row) for row in rows]
    if asked.get("include"):
        kept = asked["include"].split(",")
        shown = [{name: value for name, value in row.items() if name in kept} for row in shown]
    return page(request, shown)


async def create(site: Site, request: Request) -> Response:
    """Create a project."""
    body = await object_of(request)
    _check(body)
    row = Project(site.store.next_id("project"), str(body.get("title", "")), "<View></View>", site.now())
    _write(row, body)
    site.store.projects[row.id] = row
    return JSONResponse(shapes.project(row), status_code=201)


async def get(site: Site, request: Request) -> Response:
    """Show a project."""
    return JSONResponse(shapes.project(site.project(request)))


async def update(site: Site, request: Request) -> Response:
    """Change a project."""
    row, body = site.project(request), await object_of(request)
    _check({"title": row.title, **body})
    _write(row, body)
    return JSONResponse(shapes.project(row))


async def delete(site: Site, request: Request) -> Response:
    """Delete a project with all that is in it."""
    row = site.project(request)
    for task_id in list(row.tasks):
        site.store.drop_task(task_id)
    del site.store.projects[row.id]
    for run in [run for run in site.store.runs.values() if run.project == row.id]:
        del site.store.runs[run.id]
    return Response(status_code=204)


async def import_tasks(site: Site, request: Request) -> Response:
    """Import tasks, at once or in the background as the knob says; nothing is stored unless all of it can be."""
    row, body = site.project(request), await body_of(request)
    rows = body if isinstance(body, list) else [body]
    if not rows or not all(isinstance(each, dict) and each for each in rows):
        raise invalid(non_field_errors="Imported data is empty or is not a list of objects")
    if site.knobs.import_mode == "background":
        job = Import(site.store.next_id("import"), row.id, rows, site.now())
        site.store.imports[job.id] = job
        return JSONResponse({"import": job.id}, status_code=201)
    _check_rows(site, row, rows)
    made = _store_rows(site.store, row, rows)
    shown = {
        "task_count": len(made),
        "annotation_count": sum(len(site.store.tasks[number].annotations) for number in made),
        "prediction_count": sum(len(site.store.tasks[number].predictions) for number in made),
        "duration": 0.01,
        "file_upload_ids": [],
        "could_be_tasks_list": False,
        "found_formats": [],
        "data_columns": [],
    }
    asked = request.query_params.get("return_task_ids", "").lower() in {"true", "1"}
    return JSONResponse(shown | ({"task_ids": made} if asked else {}), status_code=201)


async def import_status(site: Site, request: Request) -> Response:
    """Tell how a background import stands."""
    found = site.store.imports.get(request.path_params["import_id"])
    if found is None or found.project != site.project(request).id:
        raise missing("ProjectImport")
    return JSONResponse(shapes.importing(found))


async def model_versions(site: Site, request: Request) -> Response:
    """Count the project's predictions by model version."""
    rows = site.project(request).tasks.values()
    return JSONResponse(dict(Counter(p.model_version for row in rows for p in row.predictions.values())))


def advance(site: Site) -> None:
    """Finish the background imports whose time has come."""
    for job in site.store.imports.values():
        if job.status == "created":
            job.status = "in_progress"
        if job.status == "in_progress" and site.now() >= job.created_at + site.knobs.import_s:
            _finish(site, job)


def _finish(site: Site, job: Import) -> None:
    project = site.store.projects.get(job.project)
    job.finished_at = job.created_at + site.knobs.import_s
    try:
        if project is None or site.knobs.import_fails:
            raise Refusal(400, "The import could not be stored")
        _check_rows(site, project, job.rows)
    except Refusal as refusal:
        job.status, job.error = "failed", str(refusal.errors or refusal.detail)
        return
    job.task_ids, job.status = _store_rows(site.store, project, job.rows), "completed"


def _check_rows(site: Site, project: Project, rows: list[Json]) -> None:
    needed, asked = labels.variables(project.label_config), labels.controls(project.label_config)
    for place, each in enumerate(rows):
        data = each.get("data", each)
        absent = sorted(needed - set(data)) if isinstance(data, dict) else sorted(needed)
        if absent:
            raise invalid(non_field_errors=f"Error in task {place}: data key {absent[0]!r} is missing")
        for number, guess in enumerate(each.get("predictions") or () if "data" in each else ()):
            told = labels.fault(asked, guess.get("result"))
            if told and site.knobs.strict_predictions:
                raise invalid(predictions=f"Task {place}, prediction {number}: {told}")


def _store_rows(store: Store, project: Project, rows: list[Json]) -> list[int]:
    made = []
    for each in rows:
        is_wrapped = isinstance(each.get("data"), dict)
        task = store.add_task(project, each["data"] if is_wrapped else each, each.get("meta") if is_wrapped else None)
        made.append(task.id)
        for said in each.get("annotations") or () if is_wrapped else ():
            store.add_annotation(task, said.get("result", []), ground_truth=bool(said.get("ground_truth")))
        for guess in each.get("predictions") or () if is_wrapped else ():
            text = str(guess.get("model_version") or "undefined")
            store.add_prediction(task, guess.get("result", []), score=guess.get("score"), model_version=text)
    return made


def _check(body: dict[str, Json]) -> None:
    if len(str(body.get("title", ""))) not in TITLE_CHARS:
        raise invalid(title="Ensure this field has between 3 and 50 characters.")
    try:
        labels.controls(str(body.get("label_config") or "<View/>"))
    except labels.BadConfig as error:
        raise invalid(label_config=str(error)) from error


def _write(row: Project, body: dict[str, Json]) -> None:
    for name in WRITABLE:
        if body.get(name) is not None:
            setattr(row, name, str(body[name]))
