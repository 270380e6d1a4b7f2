"""Inference runs over HTTP (Enterprise): list, create, cancel, re-evaluate, indicators, and what a worker posts."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from runner.emulators.label_studio import runs, shapes
from runner.emulators.label_studio.prompts import sorted_by
from runner.emulators.label_studio.replies import invalid, missing, object_of, whole
from runner.emulators.label_studio.site import Site, route
from runner.emulators.label_studio.store import Failure, Run
from runner.emulators.label_studio.versions import ONE
from runner.model.item import Json

LISTED = ("All", "HasGT", "Sample")
MODES = ("custom", "failed", "incorrect", "regressions")


def routes(site: Site) -> list[Route]:
    """Make the routes of this room."""
    return [
        route(site, ONE + "/inference-runs", get=list_, post=create),
        route(site, ONE + "/inference-runs/{run_id:int}/cancel", post=cancel),
        route(site, "/api/inference-runs/re-evaluate/", post=re_evaluate),
        route(site, "/api/inference-runs/{run_id:int}/indicators/", get=indicators),
        route(site, "/api/inference-runs/{run_id:int}/indicators/{key}", get=indicator),
        route(site, "/api/model-run/batch-predictions", post=batch_predictions),
        route(site, "/api/model-run/batch-failed-predictions", post=batch_failed_predictions),
    ]


async def list_(site: Site, request: Request) -> Response:
    """List the runs of a version as a bare array, oldest first."""
    version, subset = site.version(request), request.query_params.get("project_subset")
    if subset is not None and subset not in LISTED:
        raise invalid(project_subset=f"Select a valid choice. {subset} is not one of the available choices.")
    parent, project = whole(request, "parent_model"), whole(request, "project")
    rows = [
        shapes.run(row, site.knobs)
        for row in site.store.runs.values()
        if row.version_id == version.id
        and parent in (None, row.prompt_id)
        and project in (None, row.project)
        and subset in (None, row.subset)
    ]
    return JSONResponse(sorted_by(rows, request.query_params.get("ordering")))


async def create(site: Site, request: Request) -> Response:
    """Create a run; `task_ids` and `status` in the body are ignored, as read-only fields are."""
    version, body = site.version(request), await object_of(request)
    project = site.store.projects.get(body.get("project") or 0)
    if project is None:
        known = "This field is required." if "project" not in body else f'Invalid pk "{body["project"]}".'
        raise invalid(project=known)
    size = body.get("sample_subset_size")
    if size is not None and (not isinstance(size, int) or size < 0):
        raise invalid(sample_subset_size="Ensure this value is greater than or equal to 0.")
    choice = runs.Choice(
        str(body.get("project_subset", "HasGT")),
        size,
        body.get("filters_json"),
        only_missing=bool(body.get("only_missing_predictions")),
    )
    made = runs.start(site, version, project, choice)
    return JSONResponse(shapes.run(made, site.knobs), status_code=201)


async def cancel(site: Site, request: Request) -> Response:
    """Cancel a run of this version."""
    version, run = site.version(request), site.run(request)
    if run.version_id != version.id:
        raise missing("ModelRun")
    runs.cancel(site, run)
    return JSONResponse({"detail": "Inference run was canceled"})


async def re_evaluate(site: Site, request: Request) -> Response:
    """Run a version again over chosen tasks: a Custom run."""
    body = await object_of(request)
    version = site.store.versions.get(body.get("model_version_id") or 0)
    if version is None or body.get("mode") not in MODES:
        raise invalid(**{"mode" if version else "model_version_id": "This field is required and must be valid."})
    source = site.store.runs.get(body.get("source_model_run_id") or 0)
    task_ids = _asked_tasks(site, body, source)
    first = site.store.tasks.get(task_ids[0]) if task_ids else None
    if first is None:
        raise invalid(task_ids="No tasks to re-evaluate.")
    choice = runs.Choice("Custom", task_ids=task_ids, source_run=source.id if source else None)
    made = runs.start(site, version, site.store.projects[first.project], choice)
    shown = body if site.knobs.re_evaluate_answer == "echo" else shapes.run(made, site.knobs)
    return JSONResponse(shown, status_code=201)


async def indicators(site: Site, request: Request) -> Response:
    """Sum a run up, as the union of the two published forms."""
    return JSONResponse([{"key": key, **told} for key, told in _indicators(site.run(request)).items()])


async def indicator(site: Site, request: Request) -> Response:
    """Show one indicator of a run."""
    told = _indicators(site.run(request)).get(request.path_params["key"])
    if told is None:
        raise missing("indicator")
    return JSONResponse({"title": told["title"], "values": told["values"]})


async def batch_predictions(site: Site, request: Request) -> Response:
    """Take what the worker predicted; items that cannot be stored are dropped in silence."""
    body = await object_of(request)
    run = _worked_run(site, body)
    covered = set(run.tasks)
    for each in body.get("results") or ():
        task = site.store.tasks.get(each.get("task_id", 0))
        output = each.get("output")
        if task is not None and task.id in covered and isinstance(output, dict) and not each.get("error"):
            runs.accept(site, run, task, output)
    runs.settle(site, run, site.now())
    return JSONResponse({"job_id": run.job_id, "results": body.get("results") or []}, status_code=201)


async def batch_failed_predictions(site: Site, request: Request) -> Response:
    """Take what the worker failed on."""
    body = await object_of(request)
    run, told = _worked_run(site, body), body.get("failed_predictions") or []
    covered = set(run.tasks)
    for each in told:
        if each.get("task_id") in covered:
            failure = Failure(each["task_id"], str(each.get("message", "")), str(each.get("error_type", "")))
            runs.fail(run, failure)
    runs.settle(site, run, site.now())
    return JSONResponse({"job_id": run.job_id, "failed_predictions": told}, status_code=201)


def _worked_run(site: Site, body: dict[str, Json]) -> Run:
    run = site.store.runs.get(body.get("modelrun_id") or 0)
    if run is None:
        raise missing("ModelRun")
    run.job_id = str(body["job_id"]) if body.get("job_id") else run.job_id
    return run


def _asked_tasks(site: Site, body: dict[str, Json], source: Run | None) -> list[int]:
    mode = body["mode"]
    if mode == "custom":
        return [number for number in body.get("task_ids") or () if isinstance(number, int)]
    if source is None:
        raise invalid(source_model_run_id="This field is required for this mode.")
    if mode == "failed":
        return sorted(source.failures)
    if mode == "incorrect":
        return sorted(number for number, score in source.scores.items() if score < 1.0)
    later = site.store.runs.get(body.get("run_b_id") or 0)
    if later is None:
        raise invalid(run_b_id="This field is required for regressions.")
    worse = (number for number, score in later.scores.items() if score < source.scores.get(number, 0.0))
    return sorted(worse)


def _indicators(run: Run) -> dict[str, dict[str, Json]]:
    correct, scored = sum(score >= 1.0 for score in run.scores.values()), len(run.scores)
    accuracy = correct / scored if scored else None
    done, failed = len(run.predicted), len(run.failures)
    return {
        "accuracy": {
            "title": "Accuracy",
            "main_kpi": accuracy,
            "values": {"accuracy": accuracy, "correct": correct, "evaluated": scored},
        },
        "predictions": {
            "title": "Predictions",
            "main_kpi": done,
            "values": {"predictions": done, "failures": failed, "tasks": len(run.tasks)},
        },
    }
