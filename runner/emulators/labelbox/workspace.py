"""The state of one emulated workspace: its records, its files, and what will happen later."""

from __future__ import annotations

import heapq
import secrets
import string
import uuid
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from hashlib import sha256
from itertools import count
from typing import TypeVar

from runner.emulators.desk import Desk
from runner.emulators.labelbox.graphql import INTERNAL, GraphqlError
from runner.emulators.labelbox.knobs import Knobs
from runner.emulators.labelbox.records import (
    COMPLETE,
    FAILED,
    RUNNING,
    App,
    DataRow,
    Dataset,
    Import,
    Label,
    Model,
    ModelRun,
    Ontology,
    Prediction,
    Project,
    Task,
)
from runner.model.item import Json

ORGANIZATION_ID = "clah7z9b610d707wpfpf35066"
USER_ID = "clah7z9br10d807wpboxt920r"
ASSETS = "/assets/"

T = TypeVar("T")

_LETTERS = string.digits + string.ascii_lowercase


def cuid() -> str:
    """Make an id of the form that data rows, tasks and users have."""
    return "c" + "".join(secrets.choice(_LETTERS) for _ in range(24))


def uid() -> str:
    """Make an id of the form that models, runs, apps and prediction jobs have."""
    return str(uuid.uuid4())


def stamp(at: float) -> str:
    """Write a time as GraphQL objects do: UTC with milliseconds and Z, which the SDK insists on."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


def drawn(name: str, share: float) -> bool:
    """Decide by the name alone whether it belongs to a share (0.0-1.0) of all names."""
    return int.from_bytes(sha256(name.encode()).digest()[:6]) < share * 256**6


class Agenda:
    """What will happen at a time: done when somebody looks after that time, in order of the times."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._order = count()
        self._due: list[tuple[float, int, Callable[[float], None]]] = []

    def after(self, seconds: float, act: Callable[[float], None]) -> None:
        """Call `act` with its time when that time has come; at once when it is zero."""
        at = self._clock() + seconds
        if seconds <= 0:
            act(at)
        else:
            heapq.heappush(self._due, (at, next(self._order), act))

    def settle(self) -> None:
        """Do everything whose time has come."""
        while self._due and self._due[0][0] <= self._clock():
            at, _, act = heapq.heappop(self._due)
            act(at)


class Workspace:
    """All that the emulator knows, by id; the rooms beside this one read and change it."""

    def __init__(self, desk: Desk[Knobs]) -> None:
        self.desk = desk
        self.agenda = Agenda(desk.clock)
        self.base = ""
        self.files: dict[str, tuple[bytes, str, float]] = {}
        self.assets: dict[str, tuple[bytes, str]] = {}
        self.datasets: dict[str, Dataset] = {}
        self.rows: dict[str, DataRow] = {}
        self.global_keys: dict[str, str] = {}
        self.metadata_fields: dict[str, tuple[str, str]] = {}
        self.ontologies: dict[str, Ontology] = {}
        self.apps: dict[str, App] = {}
        self.predictions: dict[str, Prediction] = {}
        self.models: dict[str, Model] = {}
        self.runs: dict[str, ModelRun] = {}
        self.projects: dict[str, Project] = {}
        self.labels: dict[str, Label] = {}
        self.tasks: dict[str, Task] = {}
        self.imports: dict[tuple[str, str, str], Import] = {}
        self.lookups: dict[str, list[str]] = {}

    @property
    def knobs(self) -> Knobs:
        """The switches as they stand."""
        return self.desk.knobs

    def now(self) -> float:
        """Read the clock: seconds since 1970."""
        return self.desk.clock()

    def url(self, path: str) -> str:
        """Make a path of this server one that a client can fetch."""
        return (self.knobs.public_url or self.base) + path

    def keep(self, data: bytes, content_type: str) -> str:
        """Keep bytes under an unguessable URL, fetched without credentials until it expires.

        Returns:
            The URL.
        """
        name = secrets.token_urlsafe(24)
        self.files[name] = (data, content_type, self.now() + self.knobs.file_s)
        return self.url(f"/files/{name}")

    def fetch(self, url: str) -> bytes | None:
        """Read what one of this server's own URLs leads to; None for any other URL."""
        name = url.rpartition("/")[2].partition("?")[0]
        if name in self.files and "/files/" in url:
            return self.files[name][0]
        if url.startswith((ASSETS, self.url(ASSETS))) and name in self.assets:
            return self.assets[name][0]
        return None

    def task(self, name: str, kind: str, seconds: float, act: Callable[[Task, float], None]) -> Task:
        """Start a task; it can be read at once.

        Args:
            name: shown to users.
            kind: `type` of the task.
            seconds: how long it takes.
            act: does the work when the time has come, and may set the task's result; it may raise GraphqlError, then
                the task is FAILED. Not called when the knob `fail_tasks` names the kind, nor after a cancel.
        """
        now = self.now()
        task = Task(cuid(), name, kind, seconds, now, now)
        self.tasks[task.id] = task
        self.desk.count(f"tasks.{kind}")

        def finish(at: float) -> None:
            if task.status == RUNNING:
                _finish(self.knobs.fail_tasks, task, at, act)

        self.agenda.after(seconds, finish)
        return task

    def subject_url(self, row: DataRow) -> str:
        """Give the row's data as a client sees it: assets of the demo get this server's address."""
        return self.url(row.row_data) if row.row_data.startswith(ASSETS) else row.row_data


def _finish(failing: tuple[str, ...], task: Task, at: float, act: Callable[[Task, float], None]) -> None:
    task.updated_at = at
    try:
        if task.type in failing or "*" in failing:
            raise GraphqlError(INTERNAL, "The job failed: an error made by the emulator")
        act(task, at)
    except GraphqlError as error:
        task.status, task.message = FAILED, str(error)
        return
    task.status = COMPLETE


def found(table: Mapping[str, T], key: Json, what: str) -> T:
    """Look up a record that a mutation or a nested field needs.

    Raises:
        GraphqlError: INTERNAL_SERVER_ERROR, for the SDK makes None of RESOURCE_NOT_FOUND and then fails on it.
    """
    if key not in table:
        raise GraphqlError(INTERNAL, f"{what} {key} not found", status=500)
    return table[key]
