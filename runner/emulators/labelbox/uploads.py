"""Files that clients send, and data rows made from them.

Data rows come as JSON chunks that were uploaded first, named by a manifest that was uploaded as well; a task reads
them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from runner.emulators.labelbox import tasks
from runner.emulators.labelbox.data_rows import change
from runner.emulators.labelbox.graphql import INTERNAL, Arguments, GraphqlError, Root
from runner.emulators.labelbox.pictures import read
from runner.emulators.labelbox.records import DataRow, Task
from runner.emulators.labelbox.workspace import Workspace, cuid, drawn, found
from runner.model.item import Json

UPSERT = "adv-upsert-data-rows"
_MOST_ROWS = 150_000
_MOST_KEY = 200
_MOST_TEXT = 65_536
_PICTURES = (".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp")


@dataclass(frozen=True, slots=True)
class Upload:
    """A file part of a multipart request."""

    name: str
    content_type: str
    data: bytes


def queries(ws: Workspace) -> Mapping[str, Root]:
    """List the root fields of this room."""
    return {"successesfulDataRowImports": partial(_landed, ws), "failedDataRowImports": partial(_failed, ws)}


def mutations(ws: Workspace) -> Mapping[str, Root]:
    """List the root fields of this room."""
    return {"uploadFile": partial(_upload, ws), "upsertDataRows": partial(_upsert, ws)}


def multipart(body: bytes, content_type: str) -> dict[str, Upload]:
    """Take a multipart/form-data body apart, byte for byte.

    Returns:
        The parts by name; a plain form field is an upload without a content type.

    Raises:
        ValueError: no boundary in the content type.
    """
    _, mark, boundary = content_type.partition("boundary=")
    if not mark:
        raise ValueError("multipart without a boundary")
    parts = {}
    for raw in (b"\r\n" + body).split(b"\r\n--" + boundary.split(";")[0].strip('" ').encode())[1:-1]:
        head, _, data = raw.removeprefix(b"\r\n").partition(b"\r\n\r\n")
        lines = dict(line.split(": ", 1) for line in head.decode("utf-8", "replace").split("\r\n") if ": " in line)
        headers = {name.lower(): value for name, value in lines.items()}
        marks = dict(pair.strip().split("=", 1) for pair in headers["content-disposition"].split(";") if "=" in pair)
        name, file_name = marks["name"].strip('"'), marks.get("filename", "").strip('"')
        parts[name] = Upload(file_name, headers.get("content-type", ""), data)
    return parts


def operation(body: bytes, content_type: str) -> dict[str, Json]:
    """Read a GraphQL multipart request: the operation, with uploads in the place of its null variables.

    Source: GraphQL multipart request specification, read 2026-11.
    """
    parts = multipart(body, content_type)
    request: dict[str, Json] = json.loads(parts["operations"].data)
    for part, paths in json.loads(parts["map"].data).items():
        for path in paths:
            request["variables"][path.removeprefix("variables.")] = parts[part]
    return request


def media_type(ws: Workspace, row_data: str, told: str | None = None) -> str:
    """Tell what an asset is: as its uploader says, else by its bytes when they are here, else by its name."""
    if told:
        return told.upper()
    data = ws.fetch(row_data)
    if data is not None:
        return "IMAGE" if read(data) else "TEXT"
    is_url = row_data.startswith(("http://", "https://"))
    return "IMAGE" if is_url and row_data.lower().partition("?")[0].endswith(_PICTURES) else "TEXT"


def _upload(ws: Workspace, args: Arguments) -> dict[str, str]:
    upload: Upload = args["file"]
    # The SDK swaps name and type of row chunks, so the type that was sent means nothing.
    return {"url": ws.keep(upload.data, "application/octet-stream"), "filename": upload.name}


def _upsert(ws: Workspace, args: Arguments) -> dict[str, Json]:
    manifest = json.loads(_file(ws, args["data"]["manifestUri"]))
    items = [item for uri in manifest["chunk_uris"] for item in json.loads(_file(ws, uri))]
    if len(items) > _MOST_ROWS:
        raise GraphqlError(INTERNAL, f"At most {_MOST_ROWS} data rows in one task", status=400)

    def land(task: Task, _at: float) -> None:
        for item in items:
            row, problem = _land(ws, item["id"], item["payload"])
            if row is None:
                task.failed.append({"message": problem, "spec": _spec(item["payload"])})
            else:
                task.landed.append(row.id)
        ws.desk.count("data_rows", len(task.landed))

    return tasks.view(ws, ws.task("Upsert data rows", UPSERT, ws.knobs.task_s, land))


def _file(ws: Workspace, uri: str) -> bytes:
    data = ws.fetch(uri)
    if data is None:
        raise GraphqlError(INTERNAL, f"Cannot read {uri}", status=400)
    return data


def _land(ws: Workspace, key: Mapping[str, str], payload: Mapping[str, Json]) -> tuple[DataRow | None, str]:
    data = {**payload, "metadata": _metadata(ws, payload.get("metadata_fields") or ())}
    if isinstance(payload.get("row_data"), dict | list):
        data["row_data"] = json.dumps(payload["row_data"])
    row_id = ws.global_keys.get(key["value"]) if key["type"] == "GKEY" else key["value"]
    problem = _problem(ws, data, ws.rows.get(row_id or ""))
    if problem:
        return None, problem
    row = ws.rows.get(row_id or "") or _made(ws, data)
    if key["type"] == "GKEY" and not row.global_key:
        data.setdefault("global_key", key["value"])
    change(ws, row, data)
    ws.rows[row.id] = row
    return row, ""


def _made(ws: Workspace, data: Mapping[str, Json]) -> DataRow:
    text = data["row_data"]
    row = DataRow(cuid(), data["dataset_id"], text, ws.now(), ws.now())
    row.media_type = media_type(ws, text, data.get("media_type"))
    return row


def _problem(ws: Workspace, data: Mapping[str, Json], known: DataRow | None) -> str:
    key, text = data.get("global_key"), data.get("row_data")
    if data.get("dataset_id") not in ws.datasets:
        return f"Dataset {data.get('dataset_id')} not found"
    if known is None and not text:
        return "row_data is required"
    if key and ws.global_keys.get(key, known and known.id) != (known and known.id):
        return f"Duplicate global key: '{key}'"
    if key and len(key) > _MOST_KEY:
        return f"Global key is longer than {_MOST_KEY} characters"
    if text and len(text) > _MOST_TEXT:
        return "Raw text row_data is larger than 64K"
    if drawn(f"{key or text}", ws.knobs.fail_rows):
        return "Failed to process the asset: an error made by the emulator"
    return ""


def _metadata(ws: Workspace, fields: Sequence[Mapping[str, Json]]) -> dict[str, Json]:
    names = {schema_id: name for name, (schema_id, _) in ws.metadata_fields.items()}
    told = {}
    for field in fields:
        name = field.get("name") or names.get(field.get("schemaId") or field.get("schema_id") or "")
        if name in ws.metadata_fields:
            told[name] = field["value"]
    return told


def _spec(payload: Mapping[str, Json]) -> dict[str, Json]:
    return {
        "externalId": payload.get("external_id"),
        "globalKey": payload.get("global_key"),
        "rowData": payload.get("row_data"),
        "metadata": [],
        "attachments": [],
    }


def _landed(ws: Workspace, args: Arguments) -> dict[str, Json]:
    task, (start, end) = _paged(ws, args)
    nodes = [
        {"id": row.id, "externalId": row.external_id, "globalKey": row.global_key, "rowData": ws.subject_url(row)}
        for row in (ws.rows[row_id] for row_id in task.landed[start:end] if row_id in ws.rows)
    ]
    return {"nodes": nodes, "after": str(end) if end < len(task.landed) else None, "total": len(task.landed)}


def _failed(ws: Workspace, args: Arguments) -> dict[str, Json]:
    task, (start, end) = _paged(ws, args)
    after = str(end) if end < len(task.failed) else None
    return {"results": task.failed[start:end], "after": after, "total": len(task.failed)}


def _paged(ws: Workspace, args: Arguments) -> tuple[Task, tuple[int, int]]:
    data = args["data"]
    start = int(data.get("from") or 0)
    return found(ws.tasks, data["taskId"], "Task"), (start, start + int(data.get("first") or 100))
