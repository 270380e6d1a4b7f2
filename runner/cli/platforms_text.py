"""What platforms can do, as text, as JSON and as Markdown: all of it read from their manifests."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence

from runner.cli.console import paint
from runner.model.item import Json
from runner.model.job import Capabilities
from runner.platforms import Manifest
from runner.platforms.identity import ROOMS

GUARANTEE: Mapping[str, str] = {
    "key": "key: the platform itself recognises a request that comes twice",
    "exact": "exact: a listing shows a lost job by a mark of ours",
    "probable": "probable: a listing shows likely candidates; what stays doubtful is held",
    "none": "none: the platform cannot be searched; what is doubtful is held",
}
"""How surely a job whose reply was lost is found again."""

HEAD = """# Platforms

One platform is one YAML file; all that a recipe can name is said there. This page is made from the manifests by
`runner platforms --markdown`, and a test compares it with them: do not edit it by hand."""


def document(manifest: Manifest) -> dict[str, Json]:
    """Return everything about a platform as data."""
    return {
        "name": manifest.name,
        "title": manifest.title,
        "description": _line(manifest.value.get("description", "")),
        "documentation": _line(manifest.value.get("documentation", "")),
        "manifest": manifest.file,
        "connection": [_field(name, rule) for name, rule in _fields(manifest).items()],
        "kinds": [_kind(manifest, room, name) for room in ROOMS for name in manifest.value.get(room, {})],
    }


def block(manifest: Manifest) -> str:
    """Return a platform in a few lines for the terminal."""
    said = document(manifest)
    lines = [f"{paint(said['name'], 'strong')}    {said['title']}"]
    lines.append(_row("connection", ", ".join(_short(field) for field in said["connection"])))
    for kind in said["kinds"]:
        options = ", ".join(_short(field) for field in kind["options"])
        lines.append(_row(kind["room"], f"{kind['kind']}    {options or 'no options'}"))
        lines += [_row("", paint(f"  {each}", "dim")) for each in kind.get("promises", ())]
    return "\n".join(lines)


def markdown(manifests: Sequence[Manifest]) -> str:
    """Return the reference of platforms as one Markdown page."""
    return "\n\n".join([HEAD, *(part for manifest in manifests for part in _page(manifest))]) + "\n"


def _page(manifest: Manifest) -> Iterator[str]:
    said = document(manifest)
    yield f"## {said['name']}: {said['title']}"
    yield from filter(None, [said["description"], f"Read: {said['documentation']}" if said["documentation"] else ""])
    yield "Fields of a connection, in `runner.yaml`:"
    yield _table(said["connection"])
    for kind in said["kinds"]:
        yield f"### {kind['room']} `{kind['kind']}`{': ' + kind['title'] if kind['title'] else ''}"
        yield from filter(None, [kind["description"]])
        if "promises" in kind:
            yield "\n".join(f"- {each}" for each in kind["promises"])
        if kind["options"]:
            yield _table(kind["options"])


def _kind(manifest: Manifest, room: str, name: str) -> dict[str, Json]:
    written = manifest.value[room][name]
    options = written.get("options") or {}
    required = set(options.get("required", ()))
    found: dict[str, Json] = {
        "room": room.removesuffix("s"),
        "kind": f"{manifest.name}.{name}",
        "title": written.get("title", ""),
        "description": _line(written.get("description", "")),
        "options": [
            _field(field, {**rule, "required": field in required})
            for field, rule in options.get("properties", {}).items()
        ],
    }
    if room == "targets":
        target = manifest.targets[name]
        found["find"] = str(target.capabilities.find)
        ways = {f"{written['modes'][mode].get('title', mode)}: ": spec for mode, spec in target.modes.items()}
        found["promises"] = [
            f"{way}{each}" for way, spec in (ways or {"": target}).items() for each in _promises(spec.capabilities)
        ]
    return found


def _promises(capabilities: Capabilities) -> Iterator[str]:
    """Give what a target promises, one sentence each."""
    yield f"lost jobs: {GUARANTEE[capabilities.find]}"
    most = capabilities.max_items_per_job
    if capabilities.whole_source:
        yield "items per job: one job covers the whole selection"
    elif most == 1:
        yield "items per job: 1"
    else:
        limit = "no limit" if most is None else f"at most {most:,}"
        yield f"items per job: {limit}, {capabilities.default_items_per_job:,} when the recipe does not say"
    yield f"cancel: {'yes' if capabilities.cancel else 'no'}"
    costs = {"none": "not told", "job": "told for each job", "item": "told for each item"}
    yield f"cost: {costs[capabilities.cost]}"


def _fields(manifest: Manifest) -> Mapping[str, Mapping[str, Json]]:
    fields: Mapping[str, Mapping[str, Json]] = manifest.value["connection"]["fields"]
    return {name: rule for name, rule in fields.items() if "matches" not in rule}


def _field(name: str, rule: Mapping[str, Json]) -> dict[str, Json]:
    kind = rule.get("type", "one of" if "enum" in rule else "any")
    scope = rule.get("x-scope", ())
    return {
        "name": name,
        "type": " or ".join(map(str, kind)) if isinstance(kind, list) else str(kind),
        "values": rule.get("enum", []),
        "required": bool(rule.get("required")),
        "default": rule.get("default"),
        "description": _line(rule.get("description", "")) + (f" May read {', '.join(scope)}." if scope else ""),
    }


def _short(field: Mapping[str, Json]) -> str:
    return f"{field['name']}{'' if field['required'] else '?'}"


def _table(fields: Sequence[Mapping[str, Json]]) -> str:
    lines = ["| field | type | default | what it is |", "|---|---|---|---|"]
    for field in fields:
        values = ", ".join(f"`{value}`" for value in field["values"])
        kind = values or field["type"]
        lines.append(f"| `{field['name']}` | {kind} | {_default(field)} | {_cell(field['description'])} |")
    return "\n".join(lines)


def _default(field: Mapping[str, Json]) -> str:
    if field["required"]:
        return "required"
    default = field["default"]
    return "" if default is None else f"`{default if isinstance(default, str) else json.dumps(default)}`"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _line(text: str) -> str:
    return " ".join(str(text).split())


def _row(name: str, text: str) -> str:
    return f"  {name:<11} {text}".rstrip()
