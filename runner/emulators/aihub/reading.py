"""Read what a request carries, or answer 400 and say what is wrong with it."""

import json
from collections.abc import Mapping

from starlette.exceptions import HTTPException
from starlette.requests import Request

MAX_NAME = 255


async def json_object(request: Request) -> dict[str, object]:
    """Read the body as a JSON object."""
    try:
        body = json.loads(await request.body())
    except ValueError as error:
        raise HTTPException(400, f"the body is not JSON: {error}") from error
    if not isinstance(body, dict):
        raise HTTPException(400, "the body must be a JSON object")
    return body


def text(body: Mapping[str, object], name: str) -> str | None:
    """Read a text that may be left out."""
    value = body.get(name)
    if value is not None and not isinstance(value, str):
        raise HTTPException(400, f"{name} must be a string, not {value!r}")
    return value


def required_name(body: Mapping[str, object], name: str) -> str:
    """Read a text of 1 to 255 characters."""
    value = text(body, name)
    if not value or len(value) > MAX_NAME:
        raise HTTPException(400, f"{name} is required: a string of 1 to {MAX_NAME} characters")
    return value


def whole(body: Mapping[str, object], name: str) -> int | None:
    """Read a whole number that may be left out; `true` is none."""
    value = body.get(name)
    if value is not None and (not isinstance(value, int) or isinstance(value, bool)):
        raise HTTPException(400, f"{name} must be an integer, not {value!r}")
    return value


def part(body: Mapping[str, object], name: str) -> dict[str, object]:
    """Read an object inside the body; left out means empty."""
    value = body.get(name)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise HTTPException(400, f"{name} must be an object, not {value!r}")
    return value


def texts(body: Mapping[str, object], name: str) -> dict[str, str]:
    """Read an object of texts inside the body."""
    values = part(body, name)
    if not all(isinstance(value, str) for value in values.values()):
        raise HTTPException(400, f"the values of {name} must be strings")
    return {key: str(value) for key, value in values.items()}


def asked_number(request: Request, name: str, default: int) -> int:
    """Read a number of 0 or more from the query."""
    value = request.query_params.get(name, "")
    if value and not value.isdecimal():
        raise HTTPException(400, f"{name} must be an integer of 0 or more, not {value!r}")
    return int(value) if value else default


def asked_flag(request: Request, name: str, *, default: bool) -> bool:
    """Read `true` or `false` from the query."""
    value = request.query_params.get(name, "").lower()
    if value not in ("", "true", "false"):
        raise HTTPException(400, f"{name} must be true or false, not {value!r}")
    return value == "true" if value else default


def asked_word(request: Request, name: str, words: tuple[str, ...], default: str) -> str:
    """Read one of some words from the query."""
    value = request.query_params.get(name) or default
    if value not in words:
        raise HTTPException(400, f"{name} must be one of {', '.join(words)}, not {value!r}")
    return value


def file_name(request: Request) -> str:
    """Read the last part of the path as the name of a file."""
    name = str(request.path_params["name"])
    if name in (".", "..") or len(name) > MAX_NAME:
        raise HTTPException(400, f"{name!r} is no name for a file")
    return name
