"""Foundry over REST: predict one data row or one raw asset, ask how it stands, find what was predicted.

Error bodies, the shape of the found list and the names of its filters are not published: errors are
`{"statusCode": n, "message": "..."}`, and the rest has knobs. Source: Labelbox, "Run Foundry apps", read 2026-11.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from hashlib import sha256

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from runner.emulators.labelbox import data_rows, foundry
from runner.emulators.labelbox.pictures import read
from runner.emulators.labelbox.records import App, DataRow, Prediction
from runner.emulators.labelbox.rules import Subject
from runner.emulators.labelbox.workspace import ORGANIZATION_ID, USER_ID, Workspace, cuid, uid
from runner.model.item import Json

_SOURCES = {"text": ("url", "text"), "image": ("url", "base64")}
_FLAGS: Mapping[Json, bool] = {"true": True, "false": False, True: True, False: False}


async def predict(ws: Workspace, request: Request) -> Response:
    """Accept one prediction: `POST /{app}/predict`."""
    app, body = _app(ws, request), await _body(request)
    if body.get("type") == "dataRow":
        row = ws.rows.get(str(body.get("id")))
        if row is None:
            raise HTTPException(404, f"Data row {body.get('id')} not found")
        ws.desk.count("submits.data_row")
        job = _submit(ws, app, row, data_rows.subject(ws, row), into_run=_flag(body, "addToModelRun"))
    else:
        job = _predict_asset(ws, app, body)
    return JSONResponse(_view(ws, job, head=True), status_code=ws.knobs.created_status)


async def poll(ws: Workspace, request: Request) -> Response:
    """Show one prediction job: `GET /prediction/{id}`."""
    job = ws.predictions.get(request.path_params["job"])
    if job is None:
        raise HTTPException(404, f"Prediction {request.path_params['job']} not found")
    return JSONResponse(_view(ws, job))


async def find(ws: Workspace, request: Request) -> Response:
    """List the prediction jobs of an app, newest first: `POST /{app}/predictions`."""
    app, body = _app(ws, request), await _body(request)
    filters, paging = body.get("filters") or {}, body.get("pagination") or {}
    unknown = sorted(set(filters) - set(ws.knobs.find_filters))
    if unknown:
        raise HTTPException(400, f"Unknown filters: {', '.join(unknown)}")
    try:
        jobs = [job for job in reversed(ws.predictions.values()) if job.app_id == app.id and _fits(job, filters)]
        limit = min(int(paging.get("limit") or ws.knobs.find_limit), ws.knobs.find_limit)
    except ValueError as error:
        raise HTTPException(400, f"filters or pagination: {error}") from error
    ids = [job.id for job in jobs]
    start = ids.index(paging["cursor"]) + 1 if paging.get("cursor") in ids else 0
    page = jobs[start : start + limit]
    more = start + limit < len(jobs)
    return JSONResponse(_shaped(ws, [_view(ws, job) for job in page], limit, page[-1].id if more else None))


def _app(ws: Workspace, request: Request) -> App:
    app = ws.apps.get(request.path_params["app"])
    if app is None:
        raise HTTPException(404, f"Model app {request.path_params['app']} not found")
    return app


async def _body(request: Request) -> dict[str, Json]:
    try:
        body = json.loads(await request.body())
    except ValueError as error:
        raise HTTPException(400, f"The body is not JSON: {error}") from error
    if not isinstance(body, dict):
        raise HTTPException(400, "The body must be a JSON object")
    return body


def _flag(body: Mapping[str, Json], name: str) -> bool:
    value = body.get(name, True)
    if not isinstance(value, str | bool) or value not in _FLAGS:
        raise HTTPException(400, f'{name} takes "true" or "false", not {value!r}')
    return _FLAGS[value]


def _predict_asset(ws: Workspace, app: App, body: Mapping[str, Json]) -> Prediction:
    kind = body.get("type")
    if kind not in _SOURCES:
        raise HTTPException(400, 'type takes "dataRow", "text" or "image"')
    given = [name for name in ("url", "text", "base64") if body.get(name)]
    if len(given) != 1 or given[0] not in _SOURCES[kind]:
        raise HTTPException(400, f"type {kind} takes exactly one of {', '.join(_SOURCES[kind])}")
    create_row, into_run = _flag(body, "createDataRow"), _flag(body, "addToModelRun")
    subject, row_data = _asset(ws, kind, body)
    name = body.get("text") or body.get("url") or sha256(body["base64"].encode()).hexdigest()
    ws.desk.count("submits.asset")
    if not create_row:
        return _submit(ws, app, None, subject, name=name, into_run=False)
    row = DataRow(cuid(), foundry.inference_dataset(ws, app).id, row_data, ws.now(), ws.now())
    row.media_type = kind.upper()
    ws.rows[row.id] = row
    return _submit(ws, app, row, subject, name=name, into_run=into_run)


def _asset(ws: Workspace, kind: str, body: Mapping[str, Json]) -> tuple[Subject, str]:
    if body.get("text"):
        return Subject(body["text"]), body["text"]
    if body.get("base64"):
        try:
            data = base64.b64decode(body["base64"].rpartition("base64,")[2], validate=True)
        except (binascii.Error, ValueError) as error:
            raise HTTPException(400, "base64 is not base64") from error
        picture = read(data)
        if picture is None:
            raise HTTPException(400, "base64 holds no PNG or JPEG image")
        return Subject("", "", picture), ws.keep(data, "image/png")
    row = DataRow("", "", str(body["url"]), 0.0, 0.0, media_type=kind.upper())
    return data_rows.subject(ws, row), row.row_data


def _submit(
    ws: Workspace, app: App, row: DataRow | None, subject: Subject, *, into_run: bool, name: str = ""
) -> Prediction:
    job = Prediction(uid(), app.id, ws.now(), row.id if row else None)
    if into_run and row is not None:
        job.model_run_id = foundry.inference_run(ws, app).id
    ws.predictions[job.id] = job
    ws.desk.submitted(name or (row.id if row else job.id))
    _schedule(ws, job, subject, ws.knobs.status)
    return job


def _schedule(ws: Workspace, job: Prediction, subject: Subject, status: str) -> None:
    def end(at: float) -> None:
        foundry.finish(ws, job, subject, at, status=status)
        if job.status == "retried":
            again = Prediction(uid(), job.app_id, at, job.data_row_id, job.model_run_id)
            ws.predictions[again.id] = again
            _schedule(ws, again, subject, "success")

    if status != "in_progress":
        ws.agenda.after(ws.knobs.job_s, end)


def _view(ws: Workspace, job: Prediction, *, head: bool = False) -> dict[str, Json]:
    shown: dict[str, Json] = {
        "id": job.id,
        "organizationId": ORGANIZATION_ID,
        "userId": USER_ID,
        "modelAppId": job.app_id,
        "dataRowId": job.data_row_id,
        # The answer to a submit always says so, also when the work takes no time here.
        "status": "in_progress" if head else job.status,
        "createdAt": _iso(job.created_at),
    }
    if job.data_row_id is None and not ws.knobs.null_data_row:
        del shown["dataRowId"]
    if head or job.finished_at is None:
        return shown
    if job.annotations is not None:
        shown |= {"annotations": [_annotations(job)], "price": job.price}
    if job.error:
        shown["error"] = job.error
    return shown | {"finishedAt": _iso(job.finished_at)}


def _annotations(job: Prediction) -> dict[str, Json]:
    found = job.annotations
    return {
        "objects": [_plain(each) for each in found.objects] if found else [],
        "relationships": [],
        "classifications": [_plain(each) for each in found.classifications] if found else [],
    }


def _plain(value: Json) -> Json:
    """Leave out what exports have and this endpoint has not."""
    if isinstance(value, dict):
        return {name: _plain(each) for name, each in value.items() if name not in ("feature_schema_id", "value")}
    return [_plain(each) for each in value] if isinstance(value, list) else value


def _iso(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="microseconds")


def _fits(job: Prediction, filters: Mapping[str, Json]) -> bool:
    status, made = filters.get("status"), filters.get("createdAt") or {}
    return (
        filters.get("modelRunId") in (None, job.model_run_id)
        and (not status or job.status in ([status] if isinstance(status, str) else status))
        and (not made.get("from") or job.created_at >= _seconds(made["from"]))
        and (not made.get("to") or job.created_at <= _seconds(made["to"]))
    )


def _seconds(text: str) -> float:
    at = datetime.fromisoformat(text)
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()


def _shaped(ws: Workspace, jobs: list[Json], limit: int, cursor: str | None) -> Json:
    if ws.knobs.find_shape == "list":
        return jobs
    *above, name = ws.knobs.find_cursor.split(".")
    told: dict[str, Json] = {name: cursor}
    if above == ["pagination"]:
        told = {"limit": limit, **told}
    return {ws.knobs.find_shape: jobs, **({above[0]: told} if above else told)}
