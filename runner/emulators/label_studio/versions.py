"""Versions of prompts (Enterprise): create, read, change, delete, and what a run of one would do and cost."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from runner.emulators.label_studio import labels, model, shapes
from runner.emulators.label_studio.prompts import sorted_by
from runner.emulators.label_studio.replies import Refusal, invalid, object_of, whole
from runner.emulators.label_studio.runs import Choice, choose
from runner.emulators.label_studio.site import Site, route
from runner.emulators.label_studio.store import Project, Task, Version
from runner.model.item import Json

ONE = "/api/prompts/{prompt_id:int}/versions/{version_id:int}"
PROVIDERS = ("OpenAI", "AzureOpenAI", "AzureAIFoundry", "VertexAI", "Gemini", "Anthropic", "Custom")
REQUIRED = {"title": 500, "prompt": 1_000_000, "provider_model_id": 255}
CHARS_PER_TOKEN = 4
ANSWER_TOKENS = 12
USD_PER_TOKEN = {"prompt": 0.4e-6, "completion": 1.6e-6}


def routes(site: Site) -> list[Route]:
    """Make the routes of this room."""
    return [
        route(site, "/api/prompts/{prompt_id:int}/versions", get=list_, post=create),
        route(site, ONE, get=get, patch=update, put=update, delete=delete),
        route(site, ONE + "/duplicate", post=duplicate),
        route(site, ONE + "/cost-estimate", get=cost_estimate),
        route(site, ONE + "/prediction-count", get=prediction_count),
        route(site, ONE + "/prompt-preview", get=prompt_preview),
        route(site, ONE + "/try-task", post=try_task),
    ]


async def list_(site: Site, request: Request) -> Response:
    """List the versions of a prompt as a bare array."""
    shown = [shapes.version(row) for row in site.store.versions_of(site.prompt(request).id)]
    return JSONResponse(sorted_by(shown, request.query_params.get("ordering")))


async def create(site: Site, request: Request) -> Response:
    """Create a version."""
    prompt, body = site.prompt(request), await object_of(request)
    _check(site, {**dict.fromkeys(REQUIRED), **body})
    number = site.store.next_id("version")
    row = Version(number, prompt.id, "", "", "", site.now(), site.now())
    _write(row, body)
    site.store.versions[number] = row
    return JSONResponse(shapes.version(row), status_code=201)


async def get(site: Site, request: Request) -> Response:
    """Show a version."""
    return JSONResponse(shapes.version(site.version(request)))


async def update(site: Site, request: Request) -> Response:
    """Change a version."""
    row, body = site.version(request), await object_of(request)
    _check(site, body)
    _write(row, body)
    row.updated_at = site.now()
    return JSONResponse(shapes.version(row))


async def delete(site: Site, request: Request) -> Response:
    """Delete a version with its runs and their predictions."""
    site.store.drop_version(site.version(request).id)
    return Response(status_code=204)


async def duplicate(site: Site, request: Request) -> Response:
    """Copy a version."""
    old, number = site.version(request), site.store.next_id("version")
    row = Version(
        number, old.prompt_id, f"{old.title} (copy)", old.prompt, old.provider_model_id, site.now(), site.now(),
        provider=old.provider, connection=old.connection, max_few_shot_examples=old.max_few_shot_examples,
    )  # fmt: skip
    site.store.versions[number] = row
    return JSONResponse(shapes.version(row), status_code=201)


async def cost_estimate(site: Site, request: Request) -> Response:
    """Estimate what a run would cost, from the prompts as they would be sent; an impossible one is no HTTP error."""
    version, project, choice = site.version(request), _asked_project(site, request), _asked_choice(request)
    tasks = choose(site, project, choice)
    try:
        if site.knobs.estimate_fails:
            raise model.NoAnswer("Model gpt-4.1-mini is not mapped to a price", "NotFoundError")
        tokens = sum(len(model.render(version.prompt, task.data)) for task in tasks) / CHARS_PER_TOKEN
    except model.NoAnswer as error:
        costs = dict.fromkeys(("prompt_cost_usd", "completion_cost_usd", "total_cost_usd"))
        shown = {**costs, "is_error": True, "error_type": error.error_type, "error_message": str(error)}
        return JSONResponse(shown)
    asking = tokens * USD_PER_TOKEN["prompt"]
    answering = len(tasks) * ANSWER_TOKENS * USD_PER_TOKEN["completion"]
    money = {"prompt_cost_usd": asking, "completion_cost_usd": answering, "total_cost_usd": asking + answering}
    told = {"is_error": False, "error_type": None, "error_message": None}
    return JSONResponse({**{name: f"{usd:.8f}" for name, usd in money.items()}, **told})


async def prediction_count(site: Site, request: Request) -> Response:
    """Count what `only_missing_predictions` would leave out."""
    version, tasks = site.version(request), choose(site, _asked_project(site, request), _asked_choice(request))
    done = sum(any(p.version == version.id for p in task.predictions.values()) for task in tasks)
    shown = {"existing_predictions": done, "tasks_to_run": len(tasks) - done, "total_tasks": len(tasks)}
    return JSONResponse(shown)


async def prompt_preview(site: Site, request: Request) -> Response:
    """Show the prompt as one task fills it."""
    version, task = site.version(request), _task(site, whole(request, "task_id"))
    try:
        return JSONResponse({"rendered_prompt": model.render(version.prompt, task.data)})
    except model.NoAnswer as error:
        raise invalid(prompt=str(error)) from error


async def try_task(site: Site, request: Request) -> Response:
    """Answer one task without storing anything."""
    version, body = site.version(request), await object_of(request)
    task = _task(site, body.get("task_id"))
    asked = labels.controls(site.store.projects[task.project].label_config)
    try:
        output = model.answer(str(body.get("prompt_override") or version.prompt), asked, task.data)
    except model.NoAnswer as error:
        raise invalid(prompt=str(error)) from error
    result = labels.regions(asked, output)
    shown = {"task_id": task.id, "raw_response": str(output), "parsed_result": output, "annotation_result": result}
    return JSONResponse({**shown, "usage": {"completion_tokens": ANSWER_TOKENS}})


def _asked_project(site: Site, request: Request) -> Project:
    number = whole(request, "project_id") or whole(request, "project")
    found = site.store.projects.get(number or 0)
    if found is None:
        raise invalid(project_id="This query parameter is required and names a project.")
    return found


def _asked_choice(request: Request) -> Choice:
    subset = request.query_params.get("project_subset")
    if subset not in {"All", "Sample", "HasGT"}:
        raise invalid(project_subset="This query parameter is required: All, Sample or HasGT.")
    return Choice(subset, whole(request, "sample_subset_size"))


def _task(site: Site, number: Json) -> Task:
    found = site.store.tasks.get(number or 0)
    if found is None:
        raise Refusal(404, "No Task matches the given query.")
    return found


def _check(site: Site, body: dict[str, Json]) -> None:
    for name, longest in REQUIRED.items():
        if name in body and (not isinstance(body[name], str) or not 0 < len(body[name]) <= longest):
            raise invalid(**{name: f"This field is required and has 1 to {longest} characters."})
    if body.get("provider", PROVIDERS[0]) not in PROVIDERS:
        raise invalid(provider=f'"{body["provider"]}" is not a valid choice.')
    connection = body.get("model_provider_connection")
    if connection is not None and connection not in site.store.connections:
        raise invalid(model_provider_connection=f'Invalid pk "{connection}" - object does not exist.')


def _write(row: Version, body: dict[str, Json]) -> None:
    for name in ("title", "prompt", "provider_model_id", "provider"):
        setattr(row, name, body.get(name, getattr(row, name)))
    row.connection = body.get("model_provider_connection", row.connection)
    row.max_few_shot_examples = int(body.get("max_few_shot_examples") or row.max_few_shot_examples)
