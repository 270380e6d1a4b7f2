"""From a compiled call to a request: grown, encoded, with its secrets open only on the way home."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from runner import jsontext
from runner.model.errors import RecipeError, Refused
from runner.model.item import Json
from runner.model.secret import Secret
from runner.platforms.items import loaded
from runner.platforms.step import Call, Part
from runner.platforms.tree import MISFITS, Scope, Tree, View, revealed
from runner.transport import bodies
from runner.transport.client import Client
from runner.transport.request import Content, Request

BYTES: Final = "application/octet-stream"
LINES: Final = "application/jsonl"
_ACCEPT: Final = {"json": "application/json"}


async def render(
    call: Call, scope: Scope, client: Client, *, safe: bool | None, patient: bool = True, admitted: bool = False
) -> Request:
    """Make the request of a call.

    Args:
        call: what the manifest says.
        scope: what its templates read.
        client: knows which origins are the connection's own.
        safe: what the place says about repeating it; the call's own word counts more.
        patient: whether a 429 is waited out.
        admitted: whether it goes without waiting for a place.

    Raises:
        Refused: a template met a value it cannot use, or a secret would go to another host.
    """
    try:
        if call.loads and isinstance(scope.get("item"), View):
            scope = {**scope, "item": await loaded(scope["item"])}
        url = _text(revealed(call.path.run(scope), is_home=True))
        is_home = client.is_own(url)
        content, kind = _body(call, scope, is_home=is_home)
        headers = {"accept": _ACCEPT[call.read]} if call.read in _ACCEPT else {}
        own_headers: dict[str, str] = {}
        if content is not None:
            headers["content-type"] = kind
        if call.headers is not None:
            open_headers, own_headers = _headers(call.headers, scope, is_home=is_home)
            headers |= open_headers
        query = () if call.query is None else _pairs(call.query, scope, is_home=is_home)
    except RecipeError as error:
        raise Refused(f"the request cannot be made: {error.problems[0].what}", mend=error.problems[0].mend) from error
    except MISFITS as error:
        raise Refused(f"the request cannot be made: {type(error).__name__}: {error}") from error
    return Request(
        method=call.method,
        url=url,
        query=query,
        headers=headers,
        own_headers=own_headers,
        body=content,
        safe=call.safe if call.safe is not None else safe,
        patient=patient,
        admitted=admitted,
    )


def _body(call: Call, scope: Scope, *, is_home: bool) -> tuple[Content | None, str]:
    """Return the body and its Content-Type."""
    if not call.body:
        return None, ""
    if call.body == "multipart":
        parts = [_part(part, scope, is_home=is_home) for part in call.parts]
        seed = str((scope.get("job") or {}).get("key", "")).encode()
        multipart = bodies.Multipart([part for part in parts if part is not None], seed)
        return multipart, multipart.content_type
    content, kind = _encoded(call, scope, is_home=is_home)
    given = call.type(scope) if call.type is not None else None
    return content, _text(given) if given else kind


def _encoded(call: Call, scope: Scope, *, is_home: bool) -> tuple[Content, str]:
    value = _open(call.data, scope, is_home=is_home)
    if call.body == "json":
        return bodies.json_body(value), bodies.JSON_TYPE
    if call.body == "graphql":
        return bodies.json_body({"query": call.text, "variables": value or {}}), bodies.JSON_TYPE
    if call.body == "jsonl":
        return bodies.json_lines(_listed(value)), LINES
    if call.body == "form":
        return bodies.form_body(_flat(value)), bodies.FORM_TYPE
    return _bytes(value), BYTES


def _part(part: Part, scope: Scope, *, is_home: bool) -> bodies.Part | None:
    """Return one part of a multipart body; None when its value is null."""
    value = _open(part.content, scope, is_home=is_home)
    if value is None:
        return None
    filename = None if part.filename is None else _text(part.filename(scope))
    kind = None if part.type is None else part.type(scope)
    if part.form == "jsonl":
        return bodies.Part(part.name, bodies.json_lines(_listed(value)), filename, kind or LINES)
    if part.form == "json":
        return bodies.Part(part.name, bodies.json_body(value), filename, kind or bodies.JSON_TYPE)
    return bodies.Part(part.name, _bytes(value), filename, kind or (BYTES if filename else ""))


def _headers(tree: Tree, scope: Scope, *, is_home: bool) -> tuple[dict[str, str], dict[str, str]]:
    """Return the headers that may go anywhere, and those that hold a secret."""
    grown: Mapping[str, Json] = tree(scope) or {}
    own = {name: _text(revealed(value, is_home=is_home)) for name, value in grown.items() if isinstance(value, Secret)}
    return {name: _text(value) for name, value in grown.items() if value is not None and name not in own}, own


def _pairs(tree: Tree | None, scope: Scope, *, is_home: bool) -> list[tuple[str, str]]:
    return _flat(_open(tree, scope, is_home=is_home) or {})


def _open(tree: Tree | None, scope: Scope, *, is_home: bool) -> Json:
    """Grow a tree; the walk that opens secrets is spared where none can be."""
    if tree is None:
        return None
    value = tree.run(scope)
    return revealed(value, is_home=is_home) if tree.may_be_secret else value


def _flat(values: Mapping[str, Json]) -> list[tuple[str, str]]:
    """Return pairs of text: a list gives its name several times, null is left out."""
    pairs = []
    for name, value in values.items():
        for one in value if isinstance(value, list) else [value]:
            if one is not None:
                pairs.append((name, _text(one)))
    return pairs


def _text(value: Json) -> str:
    """Return a value as it stands in a URL, a header or a form."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    if value is None:
        raise Refused("a null cannot stand in a URL or header")
    return jsontext.write(value).decode()


def _bytes(value: Json) -> Content:
    """Return what is sent as it is: bytes, an item's content, a text."""
    if isinstance(value, bytes) or hasattr(value, "chunks"):
        content: Content = value
        return content
    return b"" if value is None else _text(value).encode()


def _listed(value: Json) -> list[Json]:
    if not isinstance(value, list):
        raise Refused("lines are made of a list")
    return value
