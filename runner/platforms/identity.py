"""What of a manifest decides which work it does; read from its values, before anything is compiled."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from runner import jsontext
from runner.model.item import Json

ROOMS: Final = ("sources", "targets", "sinks", "notifiers")
PAID: Final = ("token", "element", "prepare", "upload", "uploaded", "submit")
"""The parts of a target that decide what reaches the platform, and so what work is."""


def digest(value: Mapping[str, Json], name: str, room: str = "targets") -> str:
    """Return 32 hex letters for what of a kind reaches the platform; texts for people are not in it.

    Args:
        value: of the whole manifest.
        name: of the kind, without its platform.
        room: `sources`, `targets`, `sinks` or `notifiers`.
    """
    block: Mapping[str, Json] = value.get(room, {}).get(name, {})
    if room == "targets":
        modes = {mode: _paid(one) for mode, one in (block.get("modes") or {}).items()}
        block = {**_paid(block), **({"mode": block["mode"], "modes": modes} if modes else {})}
    sent = {part: value["connection"].get(part) for part in ("headers", "query")}
    return jsontext.digest([room, name, block, sent]).hex()


def _paid(block: Mapping[str, Json]) -> dict[str, Json]:
    return {part: block[part] for part in PAID if part in block}
