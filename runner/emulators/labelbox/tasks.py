"""Users, the organization and tasks, as GraphQL shows them.

`user(where){createdTasks(where skip first)}` is how the SDK reads every task; `task(where)` serves exports.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import partial

from runner.emulators.labelbox.graphql import INTERNAL, Arguments, GraphqlError, Root
from runner.emulators.labelbox.records import CANCELED, FAILED, RUNNING, Task
from runner.emulators.labelbox.workspace import ORGANIZATION_ID, USER_ID, Workspace, found, stamp
from runner.model.item import Json

_FOUNDED = 1_700_000_000.0
_PAGE = 100
# These carry the error in `result` as JSON text, which the SDK reads; the others tell nothing (labelbox-python #351).
_TELLING = ("send-to-annotate", "add-data-rows-to-batch", "send-to-task-queue")
_CANCELABLE = ("advUpsertDataRows", "exportDataRows", "addDataRowsToBatch", "sendToAnnotate")


def queries(ws: Workspace) -> Mapping[str, Root]:
    """List the root fields of this room."""
    return {
        "user": lambda _: _user(ws),
        "organization": lambda _: _organization(),
        "task": partial(_task, ws),
        "cancelableTaskTypes": lambda _: list(_CANCELABLE),
        "iamIntegrations": lambda _: [],
    }


def mutations(ws: Workspace) -> Mapping[str, Root]:
    """List the root fields of this room."""
    return {"cancelBulkOperationJob": partial(_cancel, ws)}


def view(ws: Workspace, task: Task) -> dict[str, Json]:
    """Show a task."""
    share = 1.0 if task.status != RUNNING else (ws.now() - task.created_at) / task.seconds
    told = json.dumps({"error": task.message}) if task.status == FAILED and task.type in _TELLING else task.result
    return {
        "id": task.id,
        "name": task.name,
        "type": task.type,
        "status": task.status,
        "completionPercentage": round(100 * min(max(share, 0.0), 1.0), 1),
        "metadata": task.metadata,
        "result": told,
        "errors": None,
        "createdAt": stamp(task.created_at),
        "updatedAt": stamp(task.updated_at),
        "__typename": "Task",
    }


def _user(ws: Workspace) -> dict[str, Json]:
    return {
        "id": USER_ID,
        "email": "emulator@labelbox.example",
        "name": "Emulator",
        "nickname": "emulator",
        "picture": None,
        "isViewer": False,
        "isExternalUser": False,
        "timezone": "UTC",
        "createdAt": stamp(_FOUNDED),
        "updatedAt": stamp(_FOUNDED),
        "lastLoginAt": None,
        "organization": _organization(),
        "createdTasks": partial(_created_tasks, ws),
        "__typename": "User",
    }


def _organization() -> dict[str, Json]:
    at = stamp(_FOUNDED)
    return {"id": ORGANIZATION_ID, "name": "Emulated organization", "createdAt": at, "updatedAt": at}


def _created_tasks(ws: Workspace, args: Arguments) -> list[dict[str, Json]]:
    wanted = (args.get("where") or {}).get("id")
    tasks = [task for task in ws.tasks.values() if wanted in (None, task.id)]
    first = int(args.get("skip") or 0)
    return [view(ws, task) for task in tasks[first : first + int(args.get("first") or _PAGE)]]


def _task(ws: Workspace, args: Arguments) -> dict[str, Json]:
    task = found(ws.tasks, args["where"]["id"], "Task")
    return {
        **view(ws, task),
        "exportMetadataHeader": partial(_header, task),
        "exportFileFromOffset": partial(_file, ws, task),
    }


def _header(task: Task, args: Arguments) -> dict[str, int] | None:
    if args["streamType"] != "RESULT" or not task.stream:
        return None
    return {"totalSize": len(task.stream), "totalLines": task.stream.count(b"\n")}


def _file(ws: Workspace, task: Task, args: Arguments) -> dict[str, Json] | None:
    offset = int(args["offset"])
    if args["streamType"] != "RESULT" or not task.stream or not 0 <= offset < len(task.stream):
        return None
    start, end = _chunk(task.stream, offset, ws.knobs.export_chunk_bytes)
    before, inside = task.stream[:start].count(b"\n"), task.stream[start:end].count(b"\n")
    return {
        "offsets": {"start": start, "end": end - 1},
        "lines": {"start": before, "end": before + inside - 1},
        "file": ws.keep(task.stream[start:end], "application/x-ndjson"),
    }


def _chunk(stream: bytes, offset: int, most_bytes: int) -> tuple[int, int]:
    """Cut a stream into files of whole lines and give the one that holds a place: its start and its end."""
    start = 0
    while True:
        end = stream.rfind(b"\n", start, start + most_bytes) + 1
        if not end:
            end = stream.index(b"\n", start) + 1
        if offset < end:
            return start, end
        start = end


def _cancel(ws: Workspace, args: Arguments) -> dict[str, bool]:
    task = found(ws.tasks, args["id"], "Task")
    if task.status != RUNNING:
        raise GraphqlError(INTERNAL, f"Task {task.id} is not in progress", status=400)
    task.status, task.updated_at = CANCELED, ws.now()
    return {"success": True}
