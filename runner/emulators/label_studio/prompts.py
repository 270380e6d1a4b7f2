"""Prompts (Enterprise): `/api/prompts/`, `/api/prompts/{id}/`, `/api/prompts/compatible-projects`."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from runner.emulators.label_studio import labels, shapes
from runner.emulators.label_studio.replies import invalid, object_of, page
from runner.emulators.label_studio.site import Site, route
from runner.emulators.label_studio.store import Project, Prompt
from runner.model.item import Json

SKILLS = ("TextClassification", "NamedEntityRecognition")
KINDS = {"TextClassification": {"choices"}, "NamedEntityRecognition": {"labels"}}
WRITABLE = ("title", "description", "skill_name", "input_fields", "output_classes", "associated_projects")
TITLE_CHARS = 500


def routes(site: Site) -> list[Route]:
    """Make the routes of this room."""
    return [
        route(site, "/api/prompts/", get=list_, post=create),
        route(site, "/api/prompts/compatible-projects", get=compatible_projects),
        route(site, "/api/prompts/{prompt_id:int}/", get=get, patch=update, put=update, delete=delete),
        route(site, "/api/prompts/{prompt_id:int}/get-default-version-name", get=default_version_name),
    ]


async def list_(site: Site, request: Request) -> Response:
    """List prompts, as a page or as a bare array as the knob says."""
    asked = request.query_params
    rows = [row for row in site.store.prompts.values() if asked.get("search", "").casefold() in row.title.casefold()]
    shown = sorted_by([shapes.prompt(row, site.store) for row in rows], asked.get("ordering"))
    return JSONResponse(shown) if site.knobs.prompts_list == "array" else page(request, shown)


async def create(site: Site, request: Request) -> Response:
    """Create a prompt."""
    body = await object_of(request)
    _check(site, {"title": None, **body})
    row = Prompt(site.store.next_id("prompt"), "", site.now(), site.now())
    _write(row, body)
    site.store.prompts[row.id] = row
    return JSONResponse(shapes.prompt(row), status_code=201)


async def get(site: Site, request: Request) -> Response:
    """Show a prompt, with counts and best score."""
    return JSONResponse(shapes.prompt(site.prompt(request), site.store))


async def update(site: Site, request: Request) -> Response:
    """Change a prompt."""
    row, body = site.prompt(request), await object_of(request)
    _check(site, {"title": row.title, **body})
    _write(row, body)
    row.updated_at = site.now()
    return JSONResponse(shapes.prompt(row))


async def delete(site: Site, request: Request) -> Response:
    """Delete a prompt with its versions, their runs and predictions."""
    row = site.prompt(request)
    for version in list(site.store.versions_of(row.id)):
        site.store.drop_version(version.id)
    del site.store.prompts[row.id]
    return Response(status_code=204)


async def default_version_name(site: Site, request: Request) -> Response:
    """Suggest a title for the next version."""
    number = sum(1 for _ in site.store.versions_of(site.prompt(request).id)) + 1
    return JSONResponse({"default_model_version_name": f"Version {number}", "message": ""})


async def compatible_projects(site: Site, request: Request) -> Response:
    """Give one page of projects whose label config fits the kind of prompt."""
    asked = request.query_params
    kind = asked.get("project_type", SKILLS[0])
    if kind not in SKILLS:
        raise invalid(project_type=f'"{kind}" is not a valid choice.')
    fitting = [row for row in site.store.projects.values() if _fits(row, kind)]
    if asked.get("ids"):
        fitting = [row for row in fitting if str(row.id) in asked["ids"].split(",")]
    title = asked.get("title", "").casefold()
    return page(request, [shapes.project(row) for row in fitting if title in row.title.casefold()])


def sorted_by(rows: list[dict[str, Json]], ordering: str | None) -> list[dict[str, Json]]:
    """Sort rows by a field, `-field` for the reverse; an unknown field or None leaves the order."""
    name = (ordering or "").lstrip("-")
    if not rows or name not in rows[0]:
        return rows
    turned = (ordering or "").startswith("-")
    return sorted(rows, key=lambda row: (row[name] is not None, row[name] or 0), reverse=turned)


def _fits(row: Project, kind: str) -> bool:
    return bool({control.kind for control in labels.controls(row.label_config)} & KINDS[kind])


def _check(site: Site, body: dict[str, Json]) -> None:
    title = body.get("title")
    if not isinstance(title, str) or not 0 < len(title) <= TITLE_CHARS:
        raise invalid(title="This field is required and has 1 to 500 characters.")
    if body.get("skill_name", SKILLS[0]) not in SKILLS:
        raise invalid(skill_name=f'"{body["skill_name"]}" is not a valid choice.')
    for name in ("input_fields", "output_classes"):
        given = body.get(name, ["-"])
        if not isinstance(given, list) or not given or not all(isinstance(each, str) for each in given):
            raise invalid(**{name: "Must be a non-empty list of strings."})
    for number in body.get("associated_projects") or ():
        if number not in site.store.projects:
            raise invalid(associated_projects=f'Invalid pk "{number}" - object does not exist.')


def _write(row: Prompt, body: dict[str, Json]) -> None:
    for name in WRITABLE:
        if name in body:
            setattr(row, name, body[name] if body[name] is not None else type(getattr(row, name))())
