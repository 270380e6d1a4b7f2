"""Labelbox on loopback: Foundry over REST and GraphQL, data rows, model runs, exports, imports, projects, training.

What it does is real: Foundry apps look at the text or the pixels of a row, exports are built from what is there,
uploads are checked line by line. Nothing takes time unless the knobs `job_s` and `task_s` say so. Each room is a noun
of Labelbox and gives its GraphQL root fields; `predictions` has the REST endpoints, `training` plays the web UI. The
official SDK works with `Client(token, endpoint=URL + "/graphql", rest_endpoint=URL + "/api/v1", app_url=URL)`.
"""

from __future__ import annotations

import json
import time
from collections.abc import Awaitable, Callable, Mapping

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from runner.emulators import faults
from runner.emulators.desk import Desk
from runner.emulators.labelbox import (
    data_rows,
    exports,
    foundry,
    imports,
    models,
    ontologies,
    predictions,
    projects,
    seed,
    tasks,
    training,
    uploads,
)
from runner.emulators.labelbox.graphql import Schema, answer, root_fields
from runner.emulators.labelbox.knobs import Knobs
from runner.emulators.labelbox.workspace import Workspace
from runner.model.item import Json

_OPEN = ("/assets/", "/files/")
_EXCEEDED = "You have exceeded the limit of requests per minute"
_REST = "/api/v1/foundry-app"

Endpoint = Callable[[Workspace, Request], Awaitable[Response]]


def create(
    *, token: str = "emulator", clock: Callable[[], float] = time.time, demo: bool = True, **knobs: object
) -> Starlette:
    """Make the emulator.

    Args:
        token: the one key, sent as `Authorization: Bearer`.
        clock: seconds since 1970.
        demo: start with the demo workspace of `seed`, else empty.
        knobs: see `knobs.Knobs` and `desk`.

    Raises:
        ValueError: an unknown knob.
    """
    desk = Desk("labelbox", Knobs(), token=token, clock=clock)
    desk.turn(knobs)
    ws = Workspace(desk)
    if demo:
        seed.plant(ws)
    app = desk.app(
        _routes(ws), allow=lambda request: _allow(desk, request), failure=_failure, figures=lambda: _figures(ws)
    )
    app.router.routes += [
        Route("/_emulator/train", _bound(ws, training.train), methods=["POST"]),
        Route("/_emulator/model_runs/{run}", _bound(ws, training.show), methods=["GET"]),
    ]
    app.state.workspace = ws
    return app


def _allow(desk: Desk[Knobs], request: Request) -> Response | None:
    if request.url.path.startswith(_OPEN) or request.headers.get("authorization") == f"Bearer {desk.token}":
        return None
    return _failure(401, "Invalid API key")


def _failure(status: int, message: str) -> Response:
    # One body for both kinds of client: REST reads `message`, the SDK `errors` and a 429 that begins with these words.
    body: dict[str, Json] = {"statusCode": status, "message": _EXCEEDED if status == 429 else message}
    if status == 401:
        body["errors"] = [{"message": message, "extensions": {"code": "AUTHENTICATION_ERROR"}}]
    return JSONResponse(body, status_code=status)


def _figures(ws: Workspace) -> Mapping[str, Json]:
    ws.agenda.settle()
    statuses = [job.status for job in ws.predictions.values()]
    return {
        "predictions": {status: statuses.count(status) for status in sorted(set(statuses))},
        "cost": round(sum(job.price for job in ws.predictions.values()), 6),
        "pipelines": {
            run.id: [told["status"] for told in run.pipeline.told] for run in ws.runs.values() if run.pipeline.told
        },
        "projects": {project.id: _in_queues(project.rows.values(), project.queues) for project in ws.projects.values()},
    }


def _in_queues(queue_ids: Json, queues: list[Json]) -> dict[str, int]:
    placed = list(queue_ids)
    return {queue.name: placed.count(queue.id) for queue in queues} | {"Done": placed.count("")}


def _routes(ws: Workspace) -> list[Route]:
    whole = _schema(ws)
    stable = Schema(_without(whole.queries), _without(whole.mutations))
    spoiler = _Spoiler(ws)
    return [
        Route("/graphql", _bound(ws, _graphql(stable, spoiler)), methods=["POST"]),
        Route("/_gql", _bound(ws, _graphql(whole, spoiler)), methods=["POST"]),
        Route(f"{_REST}/prediction/{{job}}", _bound(ws, predictions.poll), methods=["GET"]),
        Route(f"{_REST}/{{app}}/predict", _bound(ws, predictions.predict), methods=["POST"]),
        Route(f"{_REST}/{{app}}/predictions", _bound(ws, predictions.find), methods=["POST"]),
        Route("/api/v1/export-results/{task}/{organization}", _bound(ws, _export_results), methods=["GET"]),
        Route("/files/{name}", _bound(ws, _file), methods=["GET", "HEAD"]),
        Route("/assets/{name}", _bound(ws, _asset), methods=["GET", "HEAD"]),
    ]


def _schema(ws: Workspace) -> Schema:
    reading = (tasks, data_rows, uploads, ontologies, models, foundry, imports, projects)
    writing = (*reading, exports)
    return Schema(
        {name: root for room in reading for name, root in room.queries(ws).items()},
        {name: root for room in writing for name, root in room.mutations(ws).items()},
    )


def _without(roots: Mapping[str, Json]) -> dict[str, Json]:
    return {name: root for name, root in roots.items() if name not in models.EXPERIMENTAL}


def _bound(ws: Workspace, endpoint: Endpoint) -> Callable[[Request], Awaitable[Response]]:
    async def bound(request: Request) -> Response:
        ws.base = str(request.base_url).rstrip("/")
        ws.agenda.settle()
        return await endpoint(ws, request)

    return bound


class _Spoiler:
    """The faults of the knob `graphql_faults`, kept as long as the knob is not turned."""

    def __init__(self, ws: Workspace) -> None:
        self._ws = ws
        self._entries: tuple[dict[str, object], ...] = ()
        self._faults = faults.Faults()

    def pick(self, query: str) -> faults.Fault | None:
        """Choose the fault for a document."""
        if self._ws.knobs.graphql_faults is not self._entries:
            self._entries = self._ws.knobs.graphql_faults
            self._faults = faults.Faults(faults.parse(self._entries))
        picked = (self._faults.pick(name, "") for name in root_fields(query)) if self._entries else ()
        return next((fault for fault in picked if fault), None)


def _graphql(schema: Schema, spoiler: _Spoiler) -> Endpoint:
    async def graphql(ws: Workspace, request: Request) -> Response:
        kind, body = request.headers.get("content-type", ""), await request.body()
        try:
            asked = uploads.operation(body, kind) if kind.startswith("multipart/") else json.loads(body)
            query, variables = asked["query"], asked.get("variables") or {}
        except (ValueError, KeyError, TypeError) as error:
            return _failure(400, f"The body is no GraphQL request: {error}")
        fault = spoiler.pick(query)
        if fault is not None and fault.when == "before" and fault.replaces:
            return await _spoilt(request, fault)
        reply = JSONResponse(answer(schema, query, variables))
        return reply if fault is None or not fault.replaces else await _spoilt(request, fault)

    return graphql


async def _spoilt(request: Request, fault: faults.Fault) -> Response:
    if fault.drop:
        await faults.hang_up(request.scope, request.receive, flush=False)
    if fault.body is not None:
        return JSONResponse(fault.body, status_code=fault.status or 200, headers=fault.headers)
    reply = _failure(fault.status or 503, "a fault injected by the emulator")
    reply.headers.update(fault.headers)
    return reply


async def _export_results(ws: Workspace, request: Request) -> Response:
    task = ws.tasks.get(request.path_params["task"])
    if task is None or task.stream is None:
        return _failure(404, "No such export")
    return Response(task.stream, media_type="application/x-ndjson")


async def _file(ws: Workspace, request: Request) -> Response:
    data, kind, until = ws.files.get(request.path_params["name"], (b"", "", 0.0))
    if until <= ws.now():
        return _failure(403, "The URL has expired")
    return Response(data, media_type=kind)


async def _asset(ws: Workspace, request: Request) -> Response:
    if request.path_params["name"] not in ws.assets:
        return _failure(404, "No such asset")
    data, kind = ws.assets[request.path_params["name"]]
    return Response(data, media_type=kind)
