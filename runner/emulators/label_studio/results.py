"""Results of runs (Enterprise): `/api/projects/{id}/subsets` and `/api/projects/{id}/subset-tasks`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from runner.emulators.label_studio import labels, shapes
from runner.emulators.label_studio.prompts import sorted_by
from runner.emulators.label_studio.replies import invalid, link, paging, whole, window
from runner.emulators.label_studio.runs import SUBSETS
from runner.emulators.label_studio.site import Site, route
from runner.emulators.label_studio.store import Failure, Project, Run, Task
from runner.model.item import Json

T = TypeVar("T")
PAGE = 100
BY_ROW = ("output_class", "alignment_class", "ordering")
OUTCOMES = {
    "true_positive": (True, True),
    "false_positive": (True, False),
    "false_negative": (False, True),
}


def routes(site: Site) -> list[Route]:
    """Make the routes of this room."""
    return [
        route(site, "/api/projects/{id:int}/subsets", get=subsets),
        route(site, "/api/projects/{id:int}/subset-tasks", get=subset_tasks),
    ]


async def subsets(site: Site, request: Request) -> Response:
    """Count the tasks of each subset that has a fixed meaning."""
    tasks = site.project(request).tasks.values()
    known = sum(task.truth() is not None for task in tasks)
    counts = {"All": len(tasks), "HasGT": known, "Sample": min(len(tasks), site.knobs.sample_size)}
    return JSONResponse([{"subset": name, "count": count, "columns_schema": []} for name, count in counts.items()])


async def subset_tasks(site: Site, request: Request) -> Response:
    """Give one page of tasks with what a prompt, a version or a run said about them."""
    project, parent = site.project(request), whole(request, "parent_model")
    if parent is None:
        raise invalid(parent_model="This query parameter is required.")
    subset = request.query_params.get("project_subset", "All")
    if subset not in SUBSETS:
        raise invalid(project_subset=f'"{subset}" is not a valid choice.')
    run = _asked_run(site, request, parent)
    tasks = [task for task in _listed(site, project, subset, run) if _is_asked(request, task)]
    is_scored = subset == "HasGT" or (run is not None and run.subset == "Custom")

    def show(task: Task) -> dict[str, Json]:
        row = _shown(site, request, task, run, is_scored=is_scored)
        return row if is_scored else row | {"ground_truth": None, "score": None}

    if not any(request.query_params.get(name) for name in BY_ROW):
        return _enveloped(site, request, tasks, show)
    kept = [task for task in tasks if _aligned(request, _shown(site, request, task, run, is_scored=True))]
    rows = sorted_by([show(task) for task in kept], request.query_params.get("ordering"))
    return _enveloped(site, request, rows, dict)


def _asked_run(site: Site, request: Request, parent: int) -> Run | None:
    number = whole(request, "model_run")
    if number is None:
        return None
    run = site.store.runs.get(number)
    if run is None or run.prompt_id != parent:
        raise invalid(model_run=f'Invalid pk "{number}" - object does not exist.')
    return run


def _listed(site: Site, project: Project, subset: str, run: Run | None) -> list[Task]:
    tasks = list(project.tasks.values())
    if subset == "HasGT":
        tasks = [task for task in tasks if task.truth() is not None]
    if run is not None and (site.knobs.subset_scope == "run" or subset in {"Custom", "Filtered"}):
        covered = set(run.tasks)
        return [task for task in tasks if task.id in covered]
    return tasks[: site.knobs.sample_size] if subset == "Sample" else tasks


def _is_asked(request: Request, task: Task) -> bool:
    wanted = [part for part in request.query_params.get("prediction_version_ids", "").split(",") if part]
    have = {str(p.version) for p in task.predictions.values()}
    return all(number in have for number in wanted)


def _shown(site: Site, request: Request, task: Task, run: Run | None, *, is_scored: bool) -> dict[str, Json]:
    parent, version = whole(request, "parent_model"), whole(request, "model_version")
    found = shapes.newest(
        p
        for p in task.predictions.values()
        if p.prompt == parent and (p.run == run.id if run else version in (None, p.version))
    )
    failure = _failure(site, task, run, parent, version) if found is None else None
    truth = task.truth()
    score = labels.agreement(found.result, truth.result) if found and truth else None
    shown: dict[str, Json] = {"id": task.id, "data": task.data}
    shown["prediction"] = shapes.prediction(found) if found else None
    shown["ground_truth"] = shapes.annotation(truth) if truth else None
    shown["score"] = (0.0 if failure and truth else score) if is_scored else score
    shown["error"] = {"message": failure.message, "error_type": failure.error_type} if failure else None
    return shown


def _failure(site: Site, task: Task, run: Run | None, parent: int | None, version: int | None) -> Failure | None:
    if run is not None:
        return run.failures.get(task.id)
    older = (r for r in site.store.runs.values() if r.prompt_id == parent and version in (None, r.version_id))
    return next((r.failures[task.id] for r in reversed(list(older)) if task.id in r.failures), None)


def _aligned(request: Request, row: dict[str, Json]) -> bool:
    """Tell whether a row passes the filters by class: of the output, or of output against ground truth."""
    asked = request.query_params
    said, known = _said(row["prediction"]), _said(row["ground_truth"])
    wanted = asked.get("output_class")
    if wanted and wanted not in _classes(said, asked.get("output_from_name")):
        return False
    outcome = OUTCOMES.get(asked.get("alignment_outcome", "all"))
    name = asked.get("alignment_class")
    if outcome is None or not name:
        return True
    control = asked.get("alignment_from_name")
    return (name in _classes(said, control), name in _classes(known, control)) == outcome


def _said(shown: Json) -> dict[str, frozenset[str]]:
    return labels.answers(shown["result"]) if shown else {}


def _classes(said: dict[str, frozenset[str]], control: str | None) -> set[str]:
    return {word for name, words in said.items() if control in (None, "", name) for word in words}


def _enveloped(site: Site, request: Request, rows: Sequence[T], show: Callable[[T], Json]) -> Response:
    # Only the rows of the page are shown: a large project would make every page slow otherwise.
    shape = site.knobs.envelope
    number, size = paging(request, default=PAGE)
    start = window(number, size, len(rows))
    part = [show(row) for row in rows[start : start + size]]
    if shape == "array":
        return JSONResponse(part)
    flat: dict[str, Json] = {
        "task_result_list": part,
        "next_cursor": str(number + 1) if start + size < len(rows) else None,
        "previous_cursor": str(number - 1) if number > 1 else None,
    }
    if request.query_params.get("include_total", "true").lower() != "false":
        flat["task_count"] = len(rows)
    pages = {"next": link(request, flat["next_cursor"]), "previous": link(request, flat["previous_cursor"])}
    nested: dict[str, Json] = {"count": len(rows), **pages, "results": [flat]}
    forms = {"both": nested | flat, "nested": nested, "flat": flat, "page": nested | {"results": part}}
    return JSONResponse(forms[shape])
