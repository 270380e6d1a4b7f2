"""Digest the parts of a manifest that decide which work it does, from its values, before anything is compiled.

The digest covers what is sent: the requests of the paying steps, and their contents. The reading of replies is left
out, so that one more status in `not_created` makes no finished work new.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Final

from runner import jsontext
from runner.model.item import Json

ROOMS: Final = ("sources", "targets", "sinks", "notifiers")
VERSION: Final = 2
"""Version of the digest: grows with every change of its coverage; `first_digest` finds work of version 1."""
_SENT: Final = ("post", "put", "patch", "delete", "query", "headers", "json", "form", "multipart", "body", "jsonl")
_CALL: Final = (*_SENT, "graphql", "type")
_KEPT: Final = ("keep", "collect", "add")
_OPTION: Final = re.compile(r"\boptions\.(\w+)")
_READS_REPLY: Final = re.compile(r"(?<![\w.'\"])(?:response|found|headers|status)\b")

_FIRST_PARTS: Final = ("token", "element", "prepare", "upload", "uploaded", "submit")


def digest(value: Mapping[str, Json], name: str) -> str:
    """Return 32 hex letters for what a target sends to its platform.

    Args:
        value: of the whole manifest.
        name: of the kind, without its platform.
    """
    return jsontext.digest([VERSION, name, _all_sent(value, name), _always(value)]).hex()


def sent_defaults(value: Mapping[str, Json], name: str) -> dict[str, Json]:
    """Return the defaults of those options of a target that are put into what it sends."""
    block: Mapping[str, Json] = value.get("targets", {}).get(name, {})
    described: Mapping[str, Json] = (block.get("options") or {}).get("properties") or {}
    read = set(_OPTION.findall(json.dumps(_all_sent(value, name))))
    return {option: rule["default"] for option, rule in described.items() if option in read and "default" in rule}


def first_digest(value: Mapping[str, Json], name: str) -> str:
    """Return the digest by version 1, which covered the reading of the paying steps' replies, too."""
    block: Mapping[str, Json] = value.get("targets", {}).get(name, {})
    modes = {mode: _first_parts(one) for mode, one in (block.get("modes") or {}).items()}
    paid = {**_first_parts(block), **({"mode": block["mode"], "modes": modes} if modes else {})}
    return jsontext.digest(["targets", name, paid, _always(value)]).hex()


def _all_sent(value: Mapping[str, Json], name: str) -> dict[str, Json]:
    block: Mapping[str, Json] = value.get("targets", {}).get(name, {})
    modes = {mode: _sent(one) for mode, one in (block.get("modes") or {}).items()}
    return {**_sent(block), **({"mode": block["mode"], "modes": modes} if modes else {})}


def _always(value: Mapping[str, Json]) -> dict[str, Json]:
    """Return the parts common to all requests."""
    return {part: value["connection"].get(part) for part in ("headers", "query")}


def _first_parts(block: Mapping[str, Json]) -> dict[str, Json]:
    return {part: block[part] for part in _FIRST_PARTS if part in block}


def _sent(block: Mapping[str, Json]) -> dict[str, Json]:
    """Return what one way to do the work sends, in the order in which it is sent."""
    parts = {part: block.get(part) for part in ("token", "element")}
    steps = {part: _steps(block.get(part)) for part in ("prepare", "upload", "submit")}
    return {**parts, **steps, "uploaded": _made(block.get("uploaded"))}


def _steps(steps: Json) -> list[Json]:
    """Return what a step, or a list of them, sends; lookups and waits are left out."""
    listed = steps if isinstance(steps, list) else [steps]
    return [sent for step in listed if isinstance(step, Mapping) and (sent := _step(step))]


def _step(step: Mapping[str, Json]) -> dict[str, Json]:
    call = step.get("call") or {}
    sent = {field: call[field] for field in _CALL if field in call} if not {"get", "head"} & set(call) else {}
    made = {field: values for field in _KEPT if (values := _made(step.get(field)))}
    inner = _steps(step.get("steps"))
    whole = {**({"call": sent} if sent else {}), **made, **({"steps": inner} if inner else {})}
    return {**whole, **{field: step[field] for field in ("when", "for") if field in step}} if whole else {}


def _made(values: Json) -> dict[str, Json]:
    """Return the values computed from the recipe; not those read from a reply."""
    return {name: value for name, value in (values or {}).items() if not _reads_reply(value)}


def _reads_reply(value: Json) -> bool:
    if isinstance(value, str):
        return "{{" in value and _READS_REPLY.search(value) is not None
    inner = value.values() if isinstance(value, Mapping) else value if isinstance(value, list) else ()
    return any(_reads_reply(one) for one in inner)
