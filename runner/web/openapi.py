"""The OpenAPI 3.1 document of the service, as it is: with the paths of the recipes' webhooks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from runner import __version__
from runner.model.item import Json
from runner.web.signature import SCHEMES
from runner.web.triggers import Hook

_TEXT: Final = {"type": "string"}
_TIME: Final = {"type": ["string", "null"], "format": "date-time"}
_OBJECT: Final = {"type": "object"}
_DETAIL: Final = {"type": "object", "required": ["detail"], "properties": {"detail": _TEXT}}
_STATUS: Final = {"enum": ["waiting", "running", "ended"]}
_RUN: Final[Mapping[str, Json]] = {
    "type": "object",
    "required": ["id", "recipe", "trigger", "status", "outcome", "error", "accepted_at", "items"],
    "properties": {
        "id": {"type": "string", "pattern": "^[0-9a-f]{16}$"},
        "recipe": _TEXT,
        "trigger": {"type": "object", "properties": {"kind": _TEXT, "values": _OBJECT}},
        "status": _STATUS,
        "outcome": {"type": ["string", "null"], "examples": ["done", "failed_items", "cancelled", "error"]},
        "error": {"type": ["string", "null"]},
        "accepted_at": {"type": "string", "format": "date-time"},
        "started_at": _TIME,
        "ended_at": _TIME,
        "items": {"type": "object", "additionalProperties": {"type": "integer"}},
        "stage": {"type": ["string", "null"]},
        "progress": {"type": ["number", "null"], "minimum": 0, "maximum": 1},
        "metadata": _OBJECT,
    },
}
_EVENT: Final = {
    "type": "object",
    "required": ["event", "data"],
    "properties": {"id": _TEXT, "event": _TEXT, "data": {"type": "string", "contentMediaType": "application/json"}},
}
_REF: Final = {"$ref": "#/components/schemas/Run"}
_ID: Final = {"name": "id", "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}
_LIMIT: Final = {"type": "integer", "minimum": 1, "maximum": 1000, "default": 100}
_BODY_FAULTS: Final = {
    400: "The body is no JSON.",
    401: "The signature is missing or wrong.",
    408: "The body did not arrive in time.",
    413: "The body is larger than 1 MiB.",
    422: "The body is not what is expected.",
    503: "The queue is full, or cannot be written; Retry-After says when to come again.",
}
_REFUSALS: Final = {401: "A bearer token is needed.", 403: "Only this machine is answered without a token."}


def openapi(
    hooks: Iterable[Hook], *, has_token: bool, is_told_of_pushes: bool = False, root: str = ""
) -> dict[str, Json]:
    """Return the document.

    Args:
        hooks: webhooks of the recipes.
        has_token: whether the API asks for a bearer token.
        is_told_of_pushes: whether a Git host may say that a branch has moved.
        root: path below which the service is served; empty for all of the address.
    """
    security: list[Json] = [{"bearer": []}] if has_token else []
    paths: dict[str, Json] = {**_open_paths(), **_label_paths(), **{hook.path: _hook(hook) for hook in hooks}}
    if is_told_of_pushes:
        paths["/git/push"] = _push()
    for path, item in _guarded_paths().items():
        for operation in item.values():
            operation["security"] = security
        paths[path] = item
    return {
        "openapi": "3.1.0",
        "info": {"title": "runner serve", "version": __version__, "description": "Recipes that are started, and runs."},
        **({"servers": [{"url": root}]} if root else {}),
        "paths": paths,
        "components": {
            "schemas": {"Run": _RUN, "Problem": _DETAIL},
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}},
        },
    }


def _answers(good: Mapping[int, Json], faults: Mapping[int, str]) -> dict[str, Json]:
    problem = {"application/json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    bad = {str(status): {"description": text, "content": problem} for status, text in faults.items()}
    return {**{str(status): answer for status, answer in good.items()}, **bad}


def _json(description: str, schema: Json) -> dict[str, Json]:
    return {"description": description, "content": {"application/json": {"schema": schema}}}


def _plain(description: str, kind: str = "text/plain") -> dict[str, Json]:
    return {"description": description, "content": {kind: {"schema": _TEXT}}}


def _open_paths() -> dict[str, Json]:
    healthy = _answers({200: _plain("The process lives.")}, {})
    ready = _answers({200: _plain("Orders are taken."), 503: _plain("They are not; the text says why.")}, {})
    return {
        "/healthz": {"get": {"summary": "Is the process alive?", "security": [], "responses": healthy}},
        "/readyz": {"get": {"summary": "Are orders taken?", "security": [], "responses": ready}},
    }


def _label_paths() -> dict[str, Json]:
    header = _signature_header("hmac-sha1")
    listed = _json("Model type to an empty object.", {"type": "object", "additionalProperties": _OBJECT})
    id_ = {"type": "string", "pattern": "^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$"}
    body = {
        "type": "object",
        "required": ["modelType", "modelRunId"],
        "properties": {"modelType": {"type": "string", "minLength": 1}, "modelRunId": id_},
    }
    faults = {**_BODY_FAULTS, 404: "No recipe has this model type."}
    return {
        "/models": {
            "get": {
                "summary": "Model types for Labelbox's Train button.",
                "security": [],
                "parameters": [header],
                "responses": _answers({200: listed}, {401: _BODY_FAULTS[401]}),
            }
        },
        "/model_run": {
            "post": {
                "summary": "Train: start the recipe of a model type for a model run, once.",
                "security": [],
                "parameters": [header],
                "requestBody": {"required": True, "content": {"application/json": {"schema": body}}},
                "responses": _answers({200: _json("It is in the queue, durably.", {"type": "null"})}, faults),
            }
        },
    }


def _signature_header(scheme: str) -> dict[str, Json]:
    return _header(SCHEMES[scheme].header, f"{SCHEMES[scheme].prefix}HEX, {scheme} over the raw body.")


def _header(name: str, text: str) -> dict[str, Json]:
    return {"name": name, "in": "header", "required": True, "description": text, "schema": _TEXT}


def _hook(hook: Hook) -> dict[str, Json]:
    taken = {"type": "object", "properties": {"run": _TEXT, "started": {"type": "boolean"}}}
    schema: dict[str, Json] = {"type": "object"}
    headers = dict(hook.signing.headers())
    if hook.delivery_header:
        headers.setdefault(hook.delivery_header, "Identifies the delivery: two requests with one value start one run.")
    if hook.delivery:
        schema |= {"required": [hook.delivery], "properties": {hook.delivery: {"type": ["string", "integer"]}}}
    return {
        "post": {
            "summary": f"Start the recipe {hook.recipe}.",
            "security": [],
            "parameters": [_header(name, text) for name, text in headers.items()],
            "requestBody": {"required": True, "content": {"application/json": {"schema": schema}}},
            "responses": _answers({202: _json("It is in the queue, durably.", taken)}, _BODY_FAULTS),
        }
    }


def _push() -> dict[str, Json]:
    """The headers are alternatives: GitHub and Gitea sign the body, GitLab sends the secret."""
    signed = {**_signature_header("hmac-sha256"), "required": False}
    token = {"name": "X-Gitlab-Token", "in": "header", "required": False, "schema": _TEXT}
    faults = {status: text for status, text in _BODY_FAULTS.items() if status in (401, 408)}
    taken = {"type": "object", "properties": {"nudged": {"type": "boolean"}}}
    return {
        "post": {
            "summary": "Look at the followed branch now.",
            "security": [],
            "parameters": [signed, token],
            "requestBody": {"required": False, "content": {"*/*": {"schema": {}}}},
            "responses": _answers(
                {202: _json("It will be looked at.", taken)}, {**faults, 413: "The body is larger than 8 MiB."}
            ),
        }
    }


def _guarded_paths() -> dict[str, dict[str, Json]]:
    none = {**_REFUSALS, 404: "There is no run of this id."}
    bad = {422: "A parameter is not what is expected."}
    listed = {"type": "object", "properties": {"runs": {"type": "array", "items": _REF}}}
    branch = {"type": ["object", "null"], "description": "How the followed branch stands; null without one."}
    recipes = {"type": "object", "properties": {"recipes": {"type": "array", "items": _OBJECT}, "branch": branch}}
    query = [
        {"name": "limit", "in": "query", "schema": _LIMIT},
        {"name": "status", "in": "query", "schema": _STATUS},
        {"name": "recipe", "in": "query", "schema": _TEXT},
    ]
    number = {"type": "integer", "minimum": 0, "maximum": 999_999_999}
    last = {"name": "Last-Event-ID", "in": "header", "schema": number}
    stream = {
        "description": "Events until the run ends; the last one is named end and is the run.",
        "content": {"text/event-stream": {"schema": _EVENT}},
    }
    cancelled = _json("It will end.", _REF)
    return {
        "/": {"get": _operation("A page for people.", {200: _plain("The page.", "text/html")}, _REFUSALS)},
        "/metrics": {"get": _operation("Counts for Prometheus.", {200: _plain("The counts.")}, _REFUSALS)},
        "/api/openapi.json": {"get": _operation("This document.", {200: _json("It.", _OBJECT)}, _REFUSALS)},
        "/api/recipes": {"get": _operation("Recipes and their triggers.", {200: _json("All.", recipes)}, _REFUSALS)},
        "/api/runs": {
            "get": _operation("Runs, newest first.", {200: _json("Some.", listed)}, {**_REFUSALS, **bad}, query)
        },
        "/api/runs/{id}": {"get": _operation("One run.", {200: _json("It.", _REF)}, none, [_ID])},
        "/api/runs/{id}/events": {
            "get": _operation("Its events, as they come.", {200: stream}, {**none, **bad}, [_ID, last])
        },
        "/api/runs/{id}/cancel": {
            "post": _operation(
                "End it for good.",
                {202: cancelled},
                {**none, 409: "It has ended.", 503: "The queue cannot be written."},
                [_ID],
            )
        },
    }


def _operation(
    summary: str, good: Mapping[int, Json], faults: Mapping[int, str], parameters: list[Json] | None = None
) -> dict[str, Json]:
    return {"summary": summary, "parameters": parameters or [], "responses": _answers(good, faults)}
