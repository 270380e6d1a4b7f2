"""Digests of what matters: what reaches a target, and what the sinks are made of.

Equal meaning, equal digest: the order of fields counts for nothing, nor do comments, quotes, labels, descriptions, nor
anything in `run`. What a variable gives counts, wherever it is used.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from runner.jsontext import hex_digest
from runner.model.item import Json
from runner.model.recipe import Component
from runner.model.work_hash import WorkHash
from runner.templating import Template, Tree

WORK_VERSION = 2
"""Version of the work hash; a change of its coverage needs a new one, and a migration from the old one."""


def work_hash(
    target: Component, manifest: str = "", first_manifest: str = "", defaults: Mapping[str, Json] | None = None
) -> WorkHash:
    """Return 32 hex letters for everything that decides what a target is sent, next to the item.

    Args:
        target: kind, connection and options, with the version pins among them.
        manifest: digest of the platform's manifest; empty for a kind in Python.
        first_manifest: the same in the first version.
        defaults: of options that are sent: one that is given, and one that is its default, are the same work.
    """
    options = {**(defaults or {}), **target.options}
    now = digest({"version": WORK_VERSION, "kind": target.kind, "manifest": manifest, "options": options})
    first = digest({"kind": target.kind, "manifest": first_manifest, "options": target.options})
    return WorkHash(now, first=first)


def publish_digest(record: Mapping[str, Json] | None, checks: Sequence[Component], sinks: Sequence[Component]) -> str:
    """Return 32 hex letters for everything that decides what the sinks hold, beside the results."""
    return digest({"record": record, "checks": [named(one) for one in checks], "sinks": [named(one) for one in sinks]})


def named(component: Component) -> Json:
    """Return the identity of a component: its kind, and its options with the values bound to their expressions."""
    return [component.kind, component.options]


def digest(value: Json) -> str:
    """Return 32 hex letters for a rendered value; a template counts by its text and by the values bound in it."""
    return hex_digest(canonical(value))


def canonical(value: Json) -> Json:
    """Return JSON that is equal for equal meaning."""
    if isinstance(value, Template):
        return {"{{}}": value.text, "=": {".".join(path): canonical(one) for path, one in _bound(value)}}
    if isinstance(value, Tree):
        return canonical(value.data)
    if isinstance(value, Mapping):
        return {name: canonical(one) for name, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [canonical(one) for one in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _bound(template: Template) -> list[tuple[Sequence[str], Json]]:
    found: list[tuple[Sequence[str], Json]] = []
    for path in sorted(template.paths):
        if path[0] in template.bound:
            value: Json = template.bound
            for step in path:
                value = value.get(step) if isinstance(value, Mapping) else None
            found.append((tuple(map(str, path)), value))
    return found
