"""The web UI's part in model training: somebody presses "Train", and what came of it can be looked at.

`POST /_emulator/train {url, secret, modelType, modelRunId}` asks `GET url/models` and then sends `POST url/model_run`,
both signed with HMAC-SHA1 (header `X-Hub-Signature: sha1=<hex>`; for a GET the message is empty). `anyway: true` also
sends a model type that was not listed, which the menu of the web UI would not offer.

`GET /_emulator/model_runs/{id}` shows a run's pipeline with all updates in order, its config, predictions and metrics.
"""

from __future__ import annotations

import asyncio
import hmac
import json
import urllib.error
import urllib.request
from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from runner.emulators.labelbox.records import ModelRun
from runner.emulators.labelbox.workspace import ORGANIZATION_ID, Workspace
from runner.model.item import Json

_TIMEOUT_S = 30
_NEEDED = ("url", "secret", "modelType", "modelRunId")


def signature(secret: str, message: bytes) -> str:
    """Sign a message as the web UI does."""
    return "sha1=" + hmac.new(secret.encode(), message, "sha1").hexdigest()


async def train(ws: Workspace, request: Request) -> Response:
    """Press "Train"; the answer tells what the training service said, or 400 when nothing could be sent."""
    asked = json.loads(await request.body())
    missing = [name for name in _NEEDED if not asked.get(name)]
    if missing:
        return _refused(f"missing: {', '.join(missing)}")
    run = ws.runs.get(asked["modelRunId"])
    if run is None:
        return _refused(f"Model run {asked['modelRunId']} not found")
    status, listed = await asyncio.to_thread(_send, asked["url"] + "/models", asked["secret"], b"", "GET")
    told: dict[str, Json] = {"models": {"status": status, "body": listed}}
    is_listed = isinstance(listed, dict) and asked["modelType"] in listed
    if is_listed or asked.get("anyway"):
        body = json.dumps(_payload(run, asked["modelType"])).encode()
        status, reply = await asyncio.to_thread(_send, asked["url"] + "/model_run", asked["secret"], body, "POST")
        told["model_run"] = {"status": status, "body": reply}
    return JSONResponse(told)


async def show(ws: Workspace, request: Request) -> Response:
    """Show what a training left behind in a model run."""
    ws.agenda.settle()
    run = ws.runs.get(request.path_params["run"])
    return JSONResponse(_shown(run)) if run else JSONResponse({"message": "no such model run"}, status_code=404)


def _refused(message: str) -> Response:
    return JSONResponse({"message": message}, status_code=400)


def _payload(run: ModelRun, model_type: str) -> Mapping[str, str]:
    return {
        "modelType": model_type,
        "modelRunId": run.id,
        "modelId": run.model_id,
        "organizationId": ORGANIZATION_ID,
    }


def _send(url: str, secret: str, body: bytes, method: str) -> tuple[int | None, Json]:
    headers = {"X-Hub-Signature": signature(secret, body), "Content-Type": "application/json"}
    request = urllib.request.Request(url, body or None, headers, method=method)
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=_TIMEOUT_S) as reply:
            return reply.status, _decoded(reply.read())
    except urllib.error.HTTPError as refused:
        with refused:
            return refused.code, _decoded(refused.read())
    except (OSError, ValueError) as broken:
        return None, str(broken)


def _decoded(body: bytes) -> Json:
    try:
        return json.loads(body)
    except ValueError:
        return body.decode("utf-8", "replace")


def _shown(run: ModelRun) -> dict[str, Json]:
    return {
        "id": run.id,
        "config": run.config,
        "status": run.pipeline.status,
        "errorMessage": run.pipeline.error_message,
        "metadata": run.pipeline.metadata,
        "updates": run.pipeline.told,
        "rows": len(run.rows),
        "predictions": sum(len(row.predictions) for row in run.rows.values()),
        "metrics": [{"dataRow": row_id, **m} for row_id, row in run.rows.items() for m in row.metrics.values()],
    }
