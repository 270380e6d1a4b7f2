"""Answers and refusals in the server's own form: JSON bodies, pages, error bodies and the large HTML page of a 404."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping, Sequence
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response

from runner.model.item import Json

RELEASE = "1.23.2"
PAGE_BYTES = 170_000
HTTP_NOT_FOUND = 404
UNROUTED = "Not Found"


class Refusal(Exception):
    """The request is answered with an error.

    Attributes:
        status: HTTP status.
        errors: texts by field, or by `non_field_errors`; only of a 400.
    """

    def __init__(self, status: int, detail: str, errors: Mapping[str, Sequence[str]] | None = None) -> None:
        super().__init__(detail)
        self.status, self.detail, self.errors = status, detail, errors


def invalid(**errors: str) -> Refusal:
    """Refuse a body, with one text per field."""
    return Refusal(400, "Validation error", {name: [text] for name, text in errors.items()})


def missing(noun: str) -> Refusal:
    """Refuse a path that names something that is not there."""
    return Refusal(404, f"No {noun} matches the given query.")


def refused(
    status: int,
    detail: str,
    errors: Mapping[str, Sequence[str]] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """Make the server's error body; an unknown path is a page of HTML, as on the real server.

    Source: label-studio 1.23.2 over HTTP, read 2026-11.
    """
    if status == HTTP_NOT_FOUND and detail == UNROUTED:
        return HTMLResponse(_page(), status_code=status)
    body = {
        "id": str(uuid.uuid4()),
        "status_code": status,
        "version": RELEASE,
        "detail": detail,
        "exc_info": None,
    }
    if errors:
        body["validation_errors"] = dict(errors)
    return JSONResponse(body, status_code=status, headers=dict(headers or {}))


def page(request: Request, rows: Sequence[Json], *, default: int = 30, most: int = 100) -> Response:
    """Answer with one page `{count, next, previous, results}`."""
    number, size = paging(request, default=default, most=most)
    start = window(number, size, len(rows))
    later = str(number + 1) if start + size < len(rows) else None
    earlier = str(number - 1) if number > 1 else None
    found = {"count": len(rows), "next": link(request, later), "previous": link(request, earlier)}
    return JSONResponse({**found, "results": list(rows[start : start + size])})


def paging(request: Request, *, default: int, most: int | None = None) -> tuple[int, int]:
    """Read `page` and `page_size`; a size that is no positive number means the default."""
    number, size = whole(request, "page") or 1, whole(request, "page_size") or default
    if size < 1:
        size = default
    return number, min(size, most) if most else size


def window(number: int, size: int, total: int) -> int:
    """Give where a page starts.

    Raises:
        Refusal: 404, the page lies past the end; the first page of nothing does not.
    """
    start = (number - 1) * size
    if number < 1 or (start >= total and number > 1):
        raise Refusal(404, "Invalid page.")
    return start


def whole(request: Request, name: str) -> int | None:
    """Read a query parameter that is a whole number, None when it is absent.

    Raises:
        Refusal: 400, it is something else.
    """
    text = request.query_params.get(name)
    if text is None or text == "":
        return None
    try:
        return int(text)
    except ValueError as error:
        raise invalid(**{name: "A valid integer is required."}) from error


async def body_of(request: Request) -> Json:
    """Read the JSON body.

    Raises:
        Refusal: 400, it is not JSON.
    """
    try:
        return json.loads(await request.body() or b"{}")
    except ValueError as error:
        raise Refusal(400, f"JSON parse error - {error}") from error


async def object_of(request: Request) -> dict[str, Json]:
    """Read a body that must be a JSON object.

    Raises:
        Refusal: 400, it is something else.
    """
    body = await body_of(request)
    if not isinstance(body, dict):
        raise invalid(non_field_errors=f"Invalid data. Expected a dictionary, but got {type(body).__name__}.")
    return body


def link(request: Request, number: str | None) -> str | None:
    """Give the address of another page of this request, None for no page."""
    if number is None:
        return None
    query = {**request.query_params, "page": number}
    return str(request.url.replace(query=urlencode(query)))


def _page() -> str:
    head = "<!DOCTYPE html>\n<html><head><title>Label Studio</title></head><body><h1>404</h1><p>Page not found</p>\n"
    line = '<script>window.APP_SETTINGS = {"user": null, "feature_flags": {}};</script>\n'
    return head + line * (PAGE_BYTES // len(line)) + "</body></html>\n"
