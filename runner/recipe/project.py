"""The project file: found, checked, with one profile laid over it."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from runner.documents import Document, Pointer, Schema, load_schema, problems_of, read, shown_name
from runner.model.item import Json
from runner.model.problem import Mark, Problem, Severity
from runner.model.project import Connection, Freeze, Project, SecretRef
from runner.model.suggestion import did_you_mean
from runner.recipe.catalog import Catalog
from runner.recipe.commands import commands_of, secret_command_problems
from runner.recipe.environment import environment_of
from runner.recipe.files import project_file
from runner.recipe.frame import part_of
from runner.recipe.options import overlaid
from runner.recipe.scopes import Renderer, Scope, plain

STORES: Final = ("env", "file", "command")
EMULATE: Final = "emulate"
_REFERENCE: Final = "{{ reference }}"


@dataclass(frozen=True, slots=True)
class LoadedProject:
    """A project, what is wrong with its file, and the file itself for later checks.

    Attributes:
        project: usable for further checks even when there are problems.
        document: None when there is no file.
    """

    project: Project
    problems: Sequence[Problem] = ()
    document: Document | None = None


def load_project(paths: Sequence[Path], *, profile: str | None, environ: Mapping[str, str]) -> LoadedProject:
    """Return the project that some recipes belong to, from `runner.yaml` beside or above the first of them.

    Without a file it is a project with the folder of the first path as its root, and with defaults only.

    Args:
        paths: recipes and folders, as the user gave them.
        profile: name of the profile to lay over; None for none.
        environ: what templates in the file read as `env`.
    """
    path = project_file(paths)
    if path is None:
        root = _folder(paths)
        problems = [] if profile is None else [_unknown_profile(profile, [])]
        project = Project(_name_of(root), root, "", profile or "", root / ".runner", platforms=root / "platforms")
        return LoadedProject(project, problems)
    document = read(path, shown=shown_name(path))
    return _Loading(document, path.parent, profile, environ).project()


def _folder(paths: Sequence[Path]) -> Path:
    start = Path(os.path.normpath((paths[0] if paths else Path()).absolute()))
    return start if start.is_dir() else start.parent


def _name_of(root: Path) -> str:
    letters = "".join(one if one.isascii() and one.isalnum() else "-" for one in root.name.lower())
    return letters.strip("-") or "project"


def _text(value: Mapping[str, Json], name: str, default: str) -> str:
    found = value.get(name, default)
    return found if isinstance(found, str) else default


def _unknown_profile(profile: str, known: Sequence[str]) -> Problem:
    mend = did_you_mean(profile, known, "Profiles")
    return Problem("unknown-profile", f'there is no profile "{profile[:80]}"', None, mend)


class _Loading:
    def __init__(self, document: Document, root: Path, profile: str | None, environ: Mapping[str, str]) -> None:
        self._document = document
        self._root = root
        self._profile = profile
        self._environment, problems = environment_of(document)
        self._problems = [*document.problems, *problems]
        # The author of this file writes the list, too: variables read by its own fields need no entry.
        own = replace(self._environment, is_open=True)
        self._renderer = Renderer(document, Scope({"env": own.values(environ)}, environment=own))
        self._value: Mapping[str, Json] = {}

    def project(self) -> LoadedProject:
        schema = load_schema("project")
        if schema is not None and self._document.value is not None:
            self._check(schema)
        value, overlay = self._value, self._overlay()
        commands, problems = commands_of(self._document)
        project = Project(
            name=_text(value, "name", _name_of(self._root)),
            root=self._root,
            path=self._document.file,
            profile=self._profile or "",
            state=self._root / _text(value, "state", ".runner"),
            ledger=self._ledger(overlay),
            connections=self._connections(overlay),
            run=overlaid(_mapping(value.get("run")), _mapping(overlay.get("run"))),
            allowed=[self._root / one for one in _texts(value.get("allow_paths"))],
            secrets=self._secrets(),
            platforms=self._root / _text(value, "platforms", "platforms"),
            commands=commands,
            environment=self._environment.listed,
            secret_variables=self._environment.secret,
            freeze=self._freeze(("freeze",), value) + self._freeze(("profiles", str(self._profile), "freeze"), overlay),
        )
        self._problems += [*problems, *secret_command_problems(project)]
        is_faulty = any(problem.severity is Severity.ERROR for problem in self._problems)
        return LoadedProject(replace(project, is_faulty=is_faulty), self._problems, self._document)

    def _check(self, schema: Schema) -> None:
        noun = "the project"
        found = problems_of(schema, self._document.value, self._document, noun=noun)
        rendered = self._renderer.render(self._document.value, schema.data, ())
        if not found and self._renderer.evaluated:
            found = problems_of(schema, plain(rendered), self._document, noun=noun)
        self._problems += [*found, *self._renderer.problems]
        self._value = _mapping(rendered)

    def _overlay(self) -> Mapping[str, Json]:
        profiles = _mapping(self._value.get("profiles"))
        if self._profile is None:
            return {}
        if self._profile not in profiles:
            self._problems.append(_unknown_profile(self._profile, list(profiles)))
        return _mapping(profiles.get(self._profile))

    def _ledger(self, overlay: Mapping[str, Json]) -> str | SecretRef:
        above = "ledger" in overlay
        value = overlay["ledger"] if above else self._value.get("ledger")
        pointer: Pointer = ("profiles", str(self._profile), "ledger") if above else ("ledger",)
        reference = self._reference(value, pointer)
        default = os.path.relpath(self._root / _text(self._value, "state", ".runner") / "ledger.db", self._root)
        return reference or (value if isinstance(value, str) else default)

    def _reference(self, value: Json, pointer: Pointer) -> SecretRef | None:
        if not isinstance(value, dict) or len(value) != 1:
            return None
        ((store, name),) = value.items()
        mark = self._document.mark_of(pointer)
        if store == "command" and isinstance(name, list) and name and all(isinstance(word, str) for word in name):
            return SecretRef(store, name[0], tuple(name), mark)
        return SecretRef(store, name, (), mark) if store in ("env", "file") and isinstance(name, str) else None

    def _secrets(self) -> Mapping[str, SecretRef]:
        found = {
            name: self._reference(one, ("secrets", name)) for name, one in _mapping(self._value.get("secrets")).items()
        }
        return {name: reference for name, reference in found.items() if reference is not None}

    def _freeze(self, pointer: Pointer, holder: Mapping[str, Json]) -> list[Freeze]:
        """Return the windows of a list, and tell what no schema can see."""
        schema, written, found = load_schema("project"), holder.get("freeze", []), list[Freeze]()
        if schema is None or not written or not part_of(schema, "freeze").fits(written):
            return found
        from runner.recipe.freeze import fault_of  # start-up: it needs the time zones

        for number, one in enumerate(written):
            mark = self._document.mark_of((*pointer, number))
            days, timezone = one.get("days", ()), one.get("timezone", "UTC")
            window = Freeze(one["from"], one["until"], one["reason"], days, timezone, mark)
            if fault := fault_of(window):
                mend = "for example {from: 2026-12-24, until: 2027-01-01, timezone: Europe/Berlin, reason: ...}"
                self._problems.append(Problem("wrong-freeze", f"the freeze window is wrong: {fault}", mark, mend))
            else:
                found.append(window)
        return found

    def _connections(self, overlay: Mapping[str, Json]) -> Mapping[str, Connection]:
        below, above = _mapping(self._value.get("connections")), _mapping(overlay.get("connections"))
        made: dict[str, Connection] = {}
        for name in (*below, *(name for name in above if name not in below)):
            fields = {**_mapping(below.get(name)), **_mapping(above.get(name))}
            pointers: dict[str, Pointer] = {
                field: ("profiles", str(self._profile), "connections", name, field)
                if field in _mapping(above.get(name))
                else ("connections", name, field)
                for field in fields
            }
            mark = self._document.key_mark_of(
                ("connections", name) if name in below else ("profiles", str(self._profile), "connections", name)
            )
            platform = fields.pop("platform", None)
            if not isinstance(platform, str):
                if name not in below:
                    what = f'the connection "{name}" needs the field "platform"'
                    self._problems.append(Problem("missing-field", what, mark))
                continue
            emulate = _mapping(fields.pop(EMULATE, None))
            values = {field: self._reference(one, pointers[field]) or one for field, one in fields.items()}
            made[name] = Connection(name, platform, values, mark, emulate)
        return made


def _mapping(value: Json) -> Mapping[str, Json]:
    return value if isinstance(value, dict) else {}


def _texts(value: Json) -> list[str]:
    return [one for one in value if isinstance(one, str)] if isinstance(value, list) else []


def connection_problems(loaded: LoadedProject, catalog: Catalog) -> list[Problem]:
    """Return what is wrong with the connections of a project, judged by the manifests of their platforms."""
    problems: list[Problem] = []
    for connection in loaded.project.connections.values():
        data = catalog.connection_schema(connection.platform)
        if data is None and catalog.is_faulty(connection.platform):
            continue  # the catalog reports the problems of the manifest
        if data is None:
            problems.append(_unknown_platform(connection, catalog))
        elif loaded.document is not None:
            pointer = _pointer(loaded, connection.name)
            fields = {name: _as_text(value) for name, value in connection.fields.items()}
            data = {**data, "properties": {**data["properties"], EMULATE: _emulate_schema()}}
            schema = Schema(f"connection {connection.platform}", data)
            fields |= {EMULATE: connection.emulate} if connection.emulate else {}
            noun = f"connection {connection.name}"
            problems += problems_of(schema, fields, loaded.document, pointer, noun=noun)
            problems += _open_secrets(connection, data, loaded.document, pointer)
    return problems


def _emulate_schema() -> Mapping[str, Json]:
    schema = load_schema("project")
    return {} if schema is None else _mapping(schema.data["definitions"]["connection"]["properties"][EMULATE])


def _as_text(value: Json) -> Json:
    return _REFERENCE if isinstance(value, SecretRef) else value


def _pointer(loaded: LoadedProject, name: str) -> Pointer:
    value = loaded.document.value if loaded.document else {}
    if name in _mapping(_mapping(value).get("connections")):
        return ("connections", name)
    return ("profiles", loaded.project.profile, "connections", name)


def _unknown_platform(connection: Connection, catalog: Catalog) -> Problem:
    rooms = ("sources", "targets", "sinks", "triggers", "notifiers")
    known = sorted({kind.partition(".")[0] for room in rooms for kind in catalog.kinds(room)})
    what = f'there is no platform "{connection.platform}"'
    return Problem("unknown-platform", what, connection.mark, did_you_mean(connection.platform, known, "Platforms"))


def _open_secrets(
    connection: Connection, schema: Mapping[str, Json], document: Document, pointer: Pointer
) -> list[Problem]:
    found: list[Problem] = []
    for name, field in _mapping(schema.get("properties")).items():
        value = connection.fields.get(name)
        if _mapping(field).get("x-secret") and isinstance(value, str):
            mark: Mark = document.mark_of((*pointer, name))
            what = f'the secret "{name}" of connection {connection.name} stands in the file'
            mend = f"keep it elsewhere: {name}: {{env: {name.upper()}}}"
            found.append(Problem("open-secret", what, mark, mend, Severity.ERROR))
    return found
