"""All platforms that there are: the manifests of the house and the user's own; each is read when it is first named."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

from runner.documents import read, shown_name
from runner.model.errors import ConfigError, RecipeError
from runner.model.item import Json
from runner.model.problem import Mark, Problem
from runner.model.suggestion import did_you_mean
from runner.platforms.identity import ROOMS, digest, first_digest, sent_defaults
from runner.platforms.proven import Proven

if TYPE_CHECKING:
    from runner.platforms.manifest import Manifest

BUILT_IN: Final = Path(__file__).parent / "manifests"
_TYPES: Final = {"secret": "string"}


class Catalog:
    """Finds manifests by the name of their file; a user's own goes before one of the house with the same name."""

    def __init__(self, folders: Sequence[Path] = (), *, proven: Proven | None = None) -> None:
        """Look nowhere yet.

        Args:
            folders: of the user's manifests; one that does not exist holds none.
            proven: manifests that were found right before; None to judge every one anew.
        """
        self._folders = [*folders, BUILT_IN]
        self._proven = proven
        self._values: dict[str, Mapping[str, Json] | None] = {}
        self._manifests: dict[str, Manifest | None] = {}
        self._problems: dict[str, Sequence[Problem]] = {}
        self._digests: dict[str, tuple[str, str]] = {}

    @property
    def problems(self) -> Sequence[Problem]:
        """What is wrong with the manifests that were asked for so far."""
        return [problem for name in sorted(self._problems) for problem in self._problems[name]]

    def names(self) -> Sequence[str]:
        """Return the names of all platforms, sorted."""
        found = {
            path.stem for folder in self._folders for ending in ("yaml", "yml") for path in folder.glob(f"*.{ending}")
        }
        return sorted(name for name in found if _is_name(name))

    def manifest(self, name: str) -> Manifest:
        """Return a platform.

        Raises:
            ConfigError: there is no such platform.
            RecipeError: its manifest is wrong.
        """
        found = self._load(name)
        if found is None:
            if self._problems.get(name):
                raise RecipeError(self._problems[name])
            mend = did_you_mean(name, self.names(), "Platforms")
            raise ConfigError(f"there is no platform {name!r}", mend=mend)
        return found

    def kinds(self, room: str) -> Sequence[str]:
        """Return all kinds of a room, `shop.order`, sorted; reads every manifest."""
        values = {name: self._value(name) for name in self.names()}
        return sorted(f"{name}.{kind}" for name, value in values.items() if value for kind in _kinds(value, room))

    def is_faulty(self, name: str) -> bool:
        """Whether the platform exists but its manifest is wrong: `problems` says how."""
        return self._value(name) is None and bool(self._problems.get(name))

    def options_schema(self, room: str, kind: str) -> Mapping[str, Json] | None:
        """Return the draft-07 schema of a kind's options, without `connection`; None when there is no such kind."""
        platform, _, name = kind.partition(".")
        value = self._value(platform)
        if value is None or name not in _kinds(value, room):
            return None
        block = value[room][name]
        options = block.get("options") or {}
        return {
            "title": block.get("title", kind),
            "description": block.get("description", ""),
            "type": "object",
            "additionalProperties": False,
            "required": list(options.get("required", ())),
            "properties": dict(options.get("properties", {})),
        }

    def connection_schema(self, platform: str) -> Mapping[str, Json] | None:
        """Return the draft-07 schema of a connection's fields; None when there is no such platform.

        A field that holds a secret carries `x-secret: true`.
        """
        value = self._value(platform)
        if value is None:
            return None
        described: Mapping[str, Mapping[str, Json]] = value["connection"]["fields"]
        fields = {name: field for name, field in described.items() if "matches" not in field}
        limits = {"description": "As in a manifest: concurrency, per_second, per_minute, burst.", "type": "object"}
        hosts = {
            "description": "Private hosts that URLs in the platform's replies may point to.",
            "type": "array",
            "items": {"type": "string"},
        }
        return {
            "type": "object",
            "additionalProperties": False,
            "required": [name for name, field in fields.items() if field.get("required") and "default" not in field],
            "properties": {
                **{name: _property(field) for name, field in fields.items()},
                "limits": limits,
                "allow_hosts": hosts,
            },
        }

    def digest(self, kind: str) -> str:
        """Return a text that changes when the requests of the kind of target may change."""
        return self._both_digests(kind)[0]

    def first_digest(self, kind: str) -> str:
        """Return the digest by its first version."""
        return self._both_digests(kind)[1]

    def sent_defaults(self, kind: str) -> Mapping[str, Json]:
        """Return the defaults of those options of a kind of target that are put into what it sends."""
        platform, _, name = kind.partition(".")
        value = self._value(platform)
        return {} if value is None else sent_defaults(value, name)

    def _both_digests(self, kind: str) -> tuple[str, str]:
        if kind not in self._digests:
            platform, _, name = kind.partition(".")
            value, path = self._value(platform), self._path(platform)
            known = _first_digests() if path is not None and path.parent == BUILT_IN else {}
            self._digests[kind] = (
                ("", "") if value is None else (digest(value, name), known.get(kind) or first_digest(value, name))
            )
        return self._digests[kind]

    def _value(self, name: str) -> Mapping[str, Json] | None:
        """Return what a manifest says; those of the house are right (a test proves it) and are not compiled here."""
        if name not in self._values:
            path = self._path(name)
            known = self._proven.value(path) if self._proven is not None and path is not None else None
            self._values[name] = known or self._judged(name, path)
        return self._values[name]

    def _judged(self, name: str, path: Path | None) -> Mapping[str, Json] | None:
        if path is not None and path.parent == BUILT_IN:
            value: Mapping[str, Json] = read(path).value
        elif (manifest := self._load(name)) is not None:
            value = manifest.value
        else:
            return None
        if self._proven is not None and path is not None:
            self._proven.keep(path, value)
        return value

    def _load(self, name: str) -> Manifest | None:
        if name not in self._manifests:
            self._manifests[name] = None
            path = self._path(name)
            if path is not None:
                from runner.platforms.manifest import load_manifest  # start-up: those of the house are not compiled

                try:
                    self._manifests[name] = _named(load_manifest(path, shown=shown_name(path)), path)
                except RecipeError as error:
                    self._problems[name] = error.problems
        return self._manifests[name]

    def _path(self, name: str) -> Path | None:
        if not _is_name(name):
            return None
        paths = (folder / f"{name}.{ending}" for folder in self._folders for ending in ("yaml", "yml"))
        return next((path for path in paths if path.is_file()), None)


@cache
def _first_digests() -> Mapping[str, str]:
    """Return the version 1 digests of the shipped kinds."""
    known: Mapping[str, str] = json.loads((BUILT_IN / "first_digests.json").read_bytes())
    return known


def _is_name(stem: str) -> bool:
    """Whether a platform may be named so; `acme.test.yaml` holds the test of one."""
    return stem.replace("_", "").isalnum()


def _kinds(value: Mapping[str, Json], room: str) -> Mapping[str, Json]:
    kinds: Mapping[str, Json] = value.get(room) or {} if room in ROOMS else {}
    return kinds


def _named(manifest: Manifest, path: Path) -> Manifest:
    if manifest.name != path.stem:
        what = f"the platform is named {manifest.name!r}, its file {path.stem!r}"
        raise RecipeError([Problem("wrong-name", what, Mark(manifest.file), f"name the file {manifest.name}.yaml")])
    return manifest


def _property(field: Mapping[str, Json]) -> Mapping[str, Json]:
    shown = {name: value for name, value in field.items() if name not in ("type", "required")}
    secret = {"x-secret": True} if field["type"] == "secret" else {}
    return {"type": _TYPES.get(field["type"], field["type"]), **shown, **secret}
