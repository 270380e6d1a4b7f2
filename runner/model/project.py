"""A project as data: `runner.yaml`, with one profile laid over it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from runner.model.item import Json
from runner.model.problem import Mark


@dataclass(frozen=True, slots=True)
class SecretRef:
    """Where a secret is kept; the secret itself is in no document.

    Attributes:
        store: `env`, `file` or `command`.
        name: the variable, the file, or the first word of the command.
        argv: the whole command; empty for the others.
        mark: where the project file names it.
    """

    store: str
    name: str
    argv: Sequence[str] = ()
    mark: Mark | None = None


@dataclass(frozen=True, slots=True)
class Connection:
    """One account on a platform.

    Attributes:
        fields: what the manifest's `connection.fields` ask for; a reference wherever the file has one.
        emulate: what replaces the platform under `--emulate`: `url` of an emulator on loopback, or `emulator`, the
            name of a shipped one; empty for the emulator of the platform itself.
    """

    name: str
    platform: str
    fields: Mapping[str, Json | SecretRef] = field(default_factory=dict)
    mark: Mark | None = None
    emulate: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Freeze:
    """A window of time in which nothing is applied; runner/recipe/freeze.py has its forms.

    Attributes:
        start: `from` of the file: a date, a weekday or a time of day, as written.
        until: its end, in the same form.
        days: weekdays on which a window of times of day begins; empty for all.
        timezone: name in the IANA database.
        reason: for the one who is refused.
    """

    start: str
    until: str
    reason: str
    days: Sequence[str] = ()
    timezone: str = "UTC"
    mark: Mark | None = None


@dataclass(frozen=True, slots=True)
class Project:
    """What the recipes of a folder share.

    Attributes:
        name: part of every job's key: two projects never adopt each other's jobs.
        root: folder of the project file; relative paths start here.
        path: the file as the user would write it; empty when there is none.
        profile: name of the profile that is laid over; empty without one.
        state: folder for what must survive a restart.
        ledger: a path, a URL, or where the URL is kept.
        run: defaults for `run` of every recipe, as written (`{"timeout": "2h"}`).
        allowed: folders outside `root` that recipes may read and write.
        secrets: name to where it is kept: what triggers are signed with, the token of the service's API.
        platforms: folder of the user's own manifests; need not exist.
        freeze: when nothing is applied: the windows of the project and of the profile.
        secrets_root: where files and commands of secrets start; None for `root`.
        is_read_only: whether the ledger is only read, in transactions that cannot write.
        commands: what the project allows to run: each the beginning of an argv.
        environment: variables of the environment that templates may read.
        secret_variables: those that a secret comes from, under any profile, and the names of all secrets; never read.
        is_faulty: whether its file has errors; then something that is missing may be in the faulty part.
    """

    name: str
    root: Path
    path: str = ""
    profile: str = ""
    state: Path = Path(".runner")
    ledger: str | SecretRef = ".runner/ledger.db"
    connections: Mapping[str, Connection] = field(default_factory=dict)
    run: Mapping[str, Json] = field(default_factory=dict)
    allowed: Sequence[Path] = ()
    secrets: Mapping[str, SecretRef] = field(default_factory=dict)
    platforms: Path = Path("platforms")
    freeze: Sequence[Freeze] = ()
    secrets_root: Path | None = None
    is_read_only: bool = False
    commands: Sequence[Sequence[str]] = ()
    environment: frozenset[str] = frozenset()
    secret_variables: frozenset[str] = frozenset()
    is_faulty: bool = False
