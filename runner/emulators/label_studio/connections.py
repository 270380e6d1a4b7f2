"""Connections to model providers (Enterprise): `/api/model-provider-connections/`; keys go in and never come out."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from runner.emulators.label_studio import shapes
from runner.emulators.label_studio.filters import stamp
from runner.emulators.label_studio.replies import invalid, missing, object_of
from runner.emulators.label_studio.site import Site, route
from runner.emulators.label_studio.versions import PROVIDERS
from runner.model.item import Json

SECRET = {"api_key", "auth_token", "google_application_credentials"}
SCOPES = ("Organization", "User", "Model")
PLAIN: dict[str, Json] = {
    "provider": "OpenAI",
    "endpoint": None,
    "deployment_name": None,
    "scope": "Organization",
    "google_project_id": None,
    "google_location": None,
    "cached_available_models": None,
    "is_internal": False,
    "budget_alert_threshold": None,
    "budget_limit": None,
    "budget_reset_period": None,
    "budget_last_reset_date": None,
    "budget_total_spent": None,
    "model_params": {},
}


def routes(site: Site) -> list[Route]:
    """Make the routes of this room."""
    at = "/api/model-provider-connections/"
    return [
        route(site, at, get=list_, post=create),
        route(site, at + "provider-choices", get=choices),
        route(site, at + "{id:int}/", get=get, patch=update, delete=delete),
    ]


async def list_(site: Site, _request: Request) -> Response:
    """List connections as a bare array."""
    return JSONResponse([_shown(number, row) for number, row in site.store.connections.items()])


async def create(site: Site, request: Request) -> Response:
    """Create a connection."""
    body = await object_of(request)
    number = site.store.next_id("connection")
    site.store.connections[number] = {"created_at": site.now(), **_written(body)}
    return JSONResponse(_shown(number, site.store.connections[number]), status_code=201)


async def choices(_site: Site, _request: Request) -> Response:
    """Name the providers."""
    return JSONResponse({"provider_choices": list(PROVIDERS)})


async def get(site: Site, request: Request) -> Response:
    """Show a connection, without its keys."""
    return JSONResponse(_shown(request.path_params["id"], _connection(site, request)))


async def update(site: Site, request: Request) -> Response:
    """Change a connection."""
    row = _connection(site, request)
    row |= _written(await object_of(request))
    return JSONResponse(_shown(request.path_params["id"], row))


async def delete(site: Site, request: Request) -> Response:
    """Delete a connection; versions that used it lose it."""
    _connection(site, request)
    del site.store.connections[request.path_params["id"]]
    for version in site.store.versions.values():
        if version.connection == request.path_params["id"]:
            version.connection = None
    return Response(status_code=204)


def _connection(site: Site, request: Request) -> dict[str, Json]:
    found = site.store.connections.get(request.path_params["id"])
    if found is None:
        raise missing("ModelProviderConnection")
    return found


def _written(body: dict[str, Json]) -> dict[str, Json]:
    if body.get("provider", PROVIDERS[0]) not in PROVIDERS:
        raise invalid(provider=f'"{body["provider"]}" is not a valid choice.')
    if body.get("scope", SCOPES[0]) not in SCOPES:
        raise invalid(scope=f'"{body["scope"]}" is not a valid choice.')
    return {name: value for name, value in body.items() if name in PLAIN and name not in SECRET}


def _shown(number: int, row: dict[str, Json]) -> dict[str, Json]:
    made = stamp(row["created_at"])
    known = PLAIN | {name: value for name, value in row.items() if name in PLAIN}
    return {"id": number, **known, "created_by": shapes.USER, "organization": shapes.ORGANIZATION, "created_at": made}
