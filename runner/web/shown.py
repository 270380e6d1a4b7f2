"""Runs as JSON documents, and JSON as replies."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from starlette.responses import Response

from runner import jsontext
from runner.model.item import Json
from runner.model.redact import REDACTOR
from runner.web.entry import Entry
from runner.web.runlog import RunLog


def reply(value: Json, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Return a JSON reply; texts that no UTF-8 can hold are escaped."""
    return Response(jsontext.write(REDACTOR.value(value)), status, headers, "application/json")


def run_document(entry: Entry, log: RunLog | None = None) -> dict[str, Json]:
    """Return a run for the API; with its log also how far it is."""
    document: dict[str, Json] = {
        "id": entry.id,
        "recipe": entry.recipe,
        "trigger": {"kind": entry.kind, "values": entry.trigger},
        "status": str(entry.status),
        "outcome": entry.outcome or None,
        "error": entry.error or None,
        "accepted_at": when(entry.accepted_at),
        "started_at": when(entry.started_at),
        "ended_at": when(entry.ended_at),
        "items": dict(entry.items),
    }
    if log is not None:
        latest: Mapping[str, Json] = log.latest
        document |= {name: latest.get(name) for name in ("stage", "progress")}
        document["metadata"] = latest.get("metadata") or {}
    return document


def when(at: float | None) -> str | None:
    """Return epoch seconds as ISO 8601 in UTC, to the millisecond."""
    return None if at is None else datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds")
